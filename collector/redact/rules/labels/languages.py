"""Words for secrets in the most spoken languages but English, and the value that stands behind one."""

from __future__ import annotations

import re

from collector.redact.engine.rule import ByteRange
from collector.redact.rules.labels.verdicts import names_something
from collector.redact.rules.values import chosen, drawn, harmless, is_diced, is_term


def after_label(data: bytes, place: int) -> ByteRange | None:
    """The word after a label in another language, over what such sentences put between."""
    if data[place : place + 1].isalpha() or not _is_word(data, place):
        return None
    match = _AFTER_LABEL.match(data, place)
    if not match:
        return None
    value = match["secret"]
    if is_term(value):
        return None
    if len(value) >= 6 and not harmless(value) and not names_something(value) and (chosen(value) or drawn(value)):
        return match.span("secret")
    if is_diced(value):
        return match.span("secret")
    return None


def _is_word(data: bytes, end: int) -> bool:
    """Whether the label that ends there is a word of its own and not the middle of one."""
    before = data[max(0, end - 40) : end].decode("utf-8", "ignore").lower()
    return any(
        before.endswith(word)
        and (word in _IN_COMPOUNDS or not (word < "\u0530" and _ends_in_letter(before[: -len(word)][-1:])))
        for word in _WORDS
    )


def _ends_in_letter(text: str) -> bool:
    """Latin, Greek and Cyrillic only: other scripts write words together, or put an article before them."""
    return text.isalpha() and text < "\u0530"


_IN_COMPOUNDS = ("passwort", "kennwort", "schlüssel", "wachtwoord", "sleutel", "lösenord", "salasana")
"""What German, Dutch, Swedish and Finnish write as the end of a longer word: `Zugangsschlüssel`."""
_WORDS = (
    "contraseña", "contrasena", "clave secreta", "clave de acceso", "clave api", "clave", "senha", "chave secreta", "chave de api", "chave", "mot de passe", "clé secrète", "clé api", "clé", "jeton",
    "passwort", "kennwort", "schlüssel", "zugangsdaten", "пароль", "ключ", "токен", "секрет", "密码", "密碼", "口令", "密钥", "密鑰", "令牌", "パスワード", "暗証番号", "トークン", "秘密鍵", "キー",
    "비밀번호", "암호", "토큰", "키는", "كلمة المرور", "كلمة مرور", "كلمة السر", "الرمز", "المفتاح", "पासवर्ड", "कुंजी", "टोकन", "পাসওয়ার্ড", "টোকেন", "پاس ورڈ", "پاسورڈ", "ٹوکن", "kata sandi", "sandinya", "sandi", "klucz", "klíč", "رمز عبور", "گذرواژه", "parola", "şifre", "sifre",
    "palavra-passe", "parolă", "mdp:", "mdp :", "mdp c'est", "mdp est", "mdp temporaire", "chiave segreta", "chiave api", "chiave", "sleutel", "şifrem", "şifresi", "parolam", "parolası", "heslo", "lösenordet", "passordet", "passord", "adgangskoden", "adgangskode", "jelszó",
    "hasło", "haslo", "wachtwoord", "lösenord", "salasana", "mật khẩu", "รหัสผ่าน", "סיסמה", "κωδικός", "συνθηματικό", "kodeordet", "kodeord", "lykilorð", "salasanasi", "jelszava", "jelszavam", "şifreniz", "parolanız", "kata laluan",
    "парола", "лозинка", "lozinka", "geslo", "contrasenya", "contrasinal", "slaptažodis", "salasõna", "parool", "nenosiri", "wagwoord", "கடவுச்சொல்", "código de acceso", "código de acesso", "code d'accès", "zugangscode",
)  # fmt: skip
_FORMS = [form.encode() for word in _WORDS for form in dict.fromkeys((word, word[:1].upper() + word[1:], word.upper()))]
"""In small letters, with a capital, and in capitals: Hyperscan and `re` fold only ASCII."""
STEMS = tuple(dict.fromkeys(form.lower() for form in _FORMS))
LABELS = "(?:" + "|".join("".join(f"\\x{byte:02x}" for byte in form) for form in _FORMS) + ")"
_BETWEEN = r"[^A-Za-z0-9\n\x00\"'=]{0,24}+(?:(?:[^\s0-9:=\x00]{1,20}[ :]{1,3}){1,6}?)?[^A-Za-z0-9\n\x00=]{0,24}[=:]?[^A-Za-z0-9\n\x00]{0,12}(?:```[a-z]{0,10})?\n?(?=[^\s]{0,60}[0-9]|[A-Za-z]{12}|[a-z]{4,10}-[a-z]{4,10}-[a-z]{4})"

_AFTER_LABEL = re.compile(
    _BETWEEN.encode() + rb"(?P<secret>[A-Za-z0-9+/_!@#$%^&*.~=?-]{5,2000}[A-Za-z0-9+/_!@#$%^&*~=?-])"
)
