"""Credentials in sentences: `the password is ...`, `use ... as the key`, in English and in the most spoken languages."""

from __future__ import annotations

import re

from collector.redact.engine.checks import classes, count
from collector.redact.engine.looks import around
from collector.redact.engine.rule import ByteRange, Look, Rule, Trigger
from collector.redact.placeholders import consists_of_placeholders
from collector.redact.rules.labels.assignments import CASES
from collector.redact.rules.labels.languages import LABELS, STEMS, after_label
from collector.redact.rules.labels.plain_words import unless_plain
from collector.redact.rules.labels.verdicts import DIGITS, NUMBERED_NAME, is_phrase, is_said, names_something
from collector.redact.rules.values import (
    UUID,
    chosen,
    drawn,
    is_diced,
    is_jumbled,
    is_plain,
    is_spoken_last,
    is_term,
    is_typed_at_random,
    is_words_and_digits,
    scrambled,
)
from collector.redact.rules.vocabulary import Says, name_says

_LABEL = (
    r"passwords?|passwd|passphrase|passcode|access[ ]codes?|pre-?shared[ _-]?keys?|pass|pwd|pw|secrets?|tokens?|(?-i:PAT)|(?:x-)?(?:api|app|access|secret|private|signing|encryption|license|auth|account|admin|master|service|deploy|webhook)[ _-]?keys?|apikey"
    r"|keys?|credentials?|creds?|pin|otp|login|session cookie|(?:totp|otp|2fa|mfa) seed"
)
_NOUN = r"(?:[ ](?:header|variable|value|string|baru|here|first))?"
_ASIDE = r"(?:[ ]\([A-Za-z `/.,'!-]{2,32}\)|[ ]#?[0-9]{1,2})?"
_FOR = (
    _NOUN
    + r"(?:[ ](?:you|we|i|they)[ ][a-z']{2,12}(?:[ ](?!is\b|was\b)[a-z]{2,4}){0,2}|[ ]d'acc[^ ]{1,4}s|[ ](?:for|of|to|on|in|at|from|di|del|de|da|do|du|van|von|voor)(?:[ ](?:the|our|my|your|this|that))?[ ][A-Za-z0-9_@.:/'-]{0,39}[A-Za-z0-9_@./'-](?:[ ](?!is|was)[A-Za-z0-9_@.'-]{1,20}){0,2}?)?"
    + _ASIDE
    + r"[*_`]{0,2}"
)
_IS = r"(?:[ ]{0,2}(?:(?:ended up being|turned out to be|being|\((?:value|currently):?|with (?:the )?value|enter|, (?:type|use)|'s(?= ))|(?:has been |have been |was |is |got |gets )?(?:set|changed|reset|rotated|updated) to|(?:has been|was) (?:created|generated|issued):|was (?:set|changed|reset|rotated|updated), (?:it(?:'s| is)|and is)|(?:should|must|has to) be set to|is|was|are|(?:will|should|must|can|may|might|has to|needs to) be|with|, it(?:'s| is)|,? which is|equals|ist|lautet|est|es|è|é|=|:|->|=>|→|—|–)(?:[ ](?:now|still|just|currently|actually|set to|simply))?[ :*]{0,4}|[ ]{1,2}(?:to|-|\|)[ ])"
_WORD = r"[A-Za-z0-9+/_!@#$%^&*.~=?-]"
_OPEN = r"[ \t]{0,3}(?:\r?\n){0,2}[ \t]{0,4}(?:```[a-z]{0,10}\r?\n)?[\"'`(<*_\[“‘«]{0,3}"
_VALUE = rf"(?P<secret>{_WORD}{{5,2000}}[A-Za-z0-9+/_!@#$%^&*~=?-])"


_STARTS = re.compile(
    rb"(?i)(?<![A-Za-z0-9_-])[pstackewmdlox2](?=ass|otp|fa seed|fa |ession|at\b|re-?shared|wd?|ecret|oken|pi|ccess|redential|ey|reds?|in|tp|ogin|rivate|igning|ncryption|icense|uth|ccount|dmin|aster|ervice|eploy|ebhook|-[a-z])"
)


def _sentence(after_label: str, verb: str = rf"(?:(?P<is>{_IS})|,?[ \t]{{1,3}})") -> Look:
    """A label, what may follow it, and the word that is the secret."""
    source = rf"(?<![A-Za-z0-9_-])(?P<key>{_LABEL}){after_label}{verb}{_OPEN}{_VALUE}"
    return around(re.compile((CASES + source).encode()), 150, _said, starts=_STARTS)


_TO = re.compile(rb"[ ]to[ ]")
_OF_SOMETHING = re.compile(rb"[ ](?:for|of|to|on|in)[ ][A-Za-z0-9_@./' -]{3,50}(?:[ ](?:is|was)|[:=])[ ][^ ]{0,12}\Z")
_BELOW = re.compile(rb":[ ]?\r?\n")


def _readings() -> Look:
    """A sentence as it reads first; what `to` stands before may be the value and no place, and the value may be below."""
    first, to, verb, below = (
        _sentence(_FOR),
        _sentence(""),
        _sentence(_FOR, f"(?P<is>{_IS})"),
        _sentence(r"[^\n\x00:]{0,80}(?=:[ ]?\r?\n)"),
    )

    def look(data: bytes, place: int) -> ByteRange | None:
        found = first(data, place)
        if not found and _TO.search(data, max(0, place - 24), place):
            found = to(data, place)
        if not found and _OF_SOMETHING.search(data, max(0, place - 70), place):
            found = verb(data, place)
        if not found and _BELOW.search(data, max(0, place - 24), place):
            found = below(data, place)
        return found

    return look


_HEXADECIMAL = re.compile(rb"[0-9A-F]{8,64}|[0-9a-f]{8,64}")


_PASSWORDS = (
    b"access code",
    b"pre-shared key",
    b"preshared key",
    b"password",
    b"passphrase",
    b"passwd",
    b"passcode",
    b"pwd",
    b"pw",
)
_GIVEN = re.compile(
    rb"(?i)(?:\b(?:the|with|using|use|and|supplied|provided|tried|old|new|current|default|temporary|try|type|enter|our|my|your|his|her|their)|[,;`])[ ]\Z|\(\Z"
)
_THIS = re.compile(rb"(?i)\b(?:use|using|with|try)[ ](?:this|my|our|the following)[ ]\Z")
_MIXED = re.compile(rb"[A-Za-z][0-9]+[A-Za-z]|\A[A-Za-z]{4,12}[0-9]{3,6}\Z")
_DIRECTIVES = (b"password", b"passwd", b"passphrase", b"secret", b"pass")


def _is_directive(match: re.Match[bytes], data: bytes) -> bool:
    """Whether a line is the name and the value and nothing else, as in `.msmtprc`."""
    before = data[max(0, match.start() - 40) : match.start()].replace(b"\0", b"\n").rsplit(b"\n", 1)[-1]
    return (
        not before.strip() and match.start() > 0 and data[match.end() : match.end() + 1] in (b"", b"\n", b"\r", b"\0")
    )


def _said(match: re.Match[bytes], data: bytes) -> bool:
    """A word that a sentence calls a secret."""
    value = match["secret"]
    if data[max(0, match.start() - 1) : match.start()] in (b"?", b"&"):
        return False  # part of an address
    if _ARN.search(data, max(0, match.start() - 90), match.start()):
        return False  # the name of a resource
    if data[match.end("secret") : match.end("secret") + 1] in (b"(", b"[", b"=", b"{"):
        return False
    if match["is"] is not None and match["is"].strip() == b"to" and match["key"].lower() in (b"key", b"keys"):
        return False  # `the key to success`
    this = match["is"] is None and _THIS.search(data, max(0, match.start() - 24), match.start())
    if this and match["key"].lower() == b"key" and len(value) >= 24:
        return is_said(value, sure=True)
    if match["is"] is None and _HEXADECIMAL.fullmatch(value) and match["key"].lower() in (b"key", b"keys"):
        return False  # the id of a key
    if match["is"] is None and match["key"].lower() in _DIRECTIVES and _is_directive(match, data):
        return (chosen(value) and not names_something(value)) or (is_diced(value) and count(value, DIGITS) > 0)
    if (
        match["key"].lower() in _PASSWORDS
        and match["is"] is not None
        and (is_diced(value) or is_typed_at_random(value) or is_jumbled(value))
    ):
        return True
    if (
        match["key"].lower() == b"pass"
        and match["is"] is not None
        and match["is"].strip().lower() in (b"is", b"=", b":")
    ):
        return is_said(value, sure=True) and (is_words_and_digits(value) or classes(value) >= 3)
    if (
        match["is"] is None
        and match["key"].lower() in (*_PASSWORDS, b"pass")
        and (
            _GIVEN.search(data, max(0, match.start() - 8), match.start())
            or data[match.start("secret") - 1 : match.end("secret") + 1 : len(value) + 1] == b"()"
        )
    ):
        return (
            len(value) >= 8
            and is_said(value, sure=True)
            and (classes(value) >= 3 or _MIXED.search(value) is not None or UUID.fullmatch(value) is not None)
        ) or (is_typed_at_random(value) or is_jumbled(value) or (is_diced(value) and count(value, DIGITS) > 0))
    if match["is"] is None and match["key"].lower() in _PASSWORDS and len(value) >= 8 and classes(value) == 4:
        return is_said(value, sure=True)
    if UUID.fullmatch(value) and (
        _KEY_TO_ALL.match(match["key"])
        or (
            match["key"].lower() in (b"token", b"secret")
            and _OF_SECRET.search(data, max(0, match.start() - 24), match.start())
            and not (match["key"].lower() == b"token" and data[match.start() - 7 : match.start()].lower() == b"client ")
        )
    ):
        return True
    given = match["is"] is not None and match["is"].strip() != b"with"
    sure = given and match["key"].lower() not in (
        b"key",
        b"keys",
        b"login",
        b"pin",
        b"pass",
        b"secrets",
        b"tokens",
        b"passwords",
    )
    return is_said(value, sure) or (
        match["is"] is not None and len(value) >= 12 and is_said(value, True) and drawn(value)
    )


_KEY_TO_ALL = re.compile(rb"(?i)(?:(?:x-)?(?:api|access|secret|auth|app)[ _-]?key|apikey)\Z")
"""A label that no id stands behind."""
_OF_SECRET = re.compile(
    rb"(?i)\b(?:the|my|our|your|old|this|webhook|api|access|auth|deploy|bearer|bot|signing|shared|jwt|client|with|using)[ ]\Z"
)
"""What stands before a token or a secret that is no number of a request."""
_ARN = re.compile(rb"arn:aws[a-z-]{0,8}:[a-z]{2,20}:[a-z0-9-]{0,24}:[0-9]{0,12}:\Z")
_REST = re.compile(rb"[A-Za-z0-9_.]{0,400}")
_REST_OF_WORD = re.compile(_WORD.encode() + rb"{0,2000}")
_IN_WORDS = b"0123456789+/_!@#$%^&*.~=?-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _after_plain_words(look: Look) -> Look:
    """A look that is spared where the word at the place is one of a language, or a name that a program calls."""

    def unless_plain(data: bytes, place: int) -> ByteRange | None:
        word = _REST.match(data, place)
        if word and data[word.end() : word.end() + 1] in (b"(", b"[", b"{", b"<"):
            return None  # a program calls or indexes it
        head = data[max(0, place - 24) : place]
        start = place - len(head) + len(head.rstrip(_IN_WORDS))
        rest = _REST_OF_WORD.match(data, place)
        if rest and start > place - len(head):
            start = max(start, data.rfind(b"=", start, place) + 1)  # the trigger ends in a run without one
            said = data[start : rest.end()].strip(b"*_.!")
            if is_plain(said) and not (b"-" in said and is_diced(said)) and not is_typed_at_random(said):
                return None
        return look(data, place)

    return unless_plain


def _called(match: re.Match[bytes], data: bytes) -> bool:
    """A word that stands before what it is called: `use ... as the password`."""
    value = match["secret"]
    if NUMBERED_NAME.fullmatch(value):
        return False
    if match["env"]:
        return len(value) >= 16 and drawn(value.rstrip(b"=")) and is_said(value, sure=True)
    if match["noun"] and value.islower() and value.isalpha() and _IS_PASSWORD.match(match["noun"]):
        return scrambled(value)
    drawn_letters = (len(value) >= 20 or (len(value) >= 12 and classes(value[1:]) >= 2)) and drawn(value)
    return is_said(value, sure=True) and len(value) >= 8 and (count(value, DIGITS) > 0 or drawn_letters)


_LIST = re.compile(rb",[ ][\"'`]?\Z")
_AFTER_ADDRESS = re.compile(rb"@[a-z0-9.-]{4,40}[ ][\"'`]?\Z")
_CREDENTIALS = re.compile(rb"(?i)(?:cred(?:ential)?s|login):[ ]")


_NAMES_PLACE = re.compile(rb"(?i)acc|s?ftp|ssh|smtp|imap|vpn|rdp|admin|db|data")


def _looks_chosen(value: bytes) -> bool:
    """Whether a value looks drawn or made up whatever stands beside it."""
    return is_words_and_digits(value) or is_diced(value) or is_jumbled(value) or drawn(value) or classes(value) >= 3


def _logs_in(match: re.Match[bytes], data: bytes) -> bool:
    """A password beside the name of who has it."""
    value = match["secret"]
    before = data[match.start() : match.start("secret")]
    if _AFTER_ADDRESS.search(before):
        alone = before[:1] in b"cC" or data[match.end("secret") : match.end("secret") + 1] in (b"", b"\n", b"\r", b"\0")
        if not alone or not _CREDENTIALS.match(before) or not value[:1].isalnum():
            return False
    if _LIST.search(before) and (is_term(value) or data[match.end("secret") : match.end("secret") + 2] == b", "):
        return False
    if _NAMES_PLACE.match(before) and (is_term(value) or not _looks_chosen(value)):
        return False
    return is_said(value, True) or is_diced(value)


_IS_PASSWORD = re.compile(rb"(?i)pass|pwd|login")
_NAMES_BEFORE = re.compile(
    rb"[ ](?:[aA][sS]|[fF][oO][rR]|[iI][sS]|[iI][nN](?:to)?|to)(?=[ ])|,?[ ][(]?(?:that|it|this|which)(?:'s|[ ]is)(?=[ ])"
)
_OF_COMMIT = re.compile(rb"(?i)\b(?:commit|revision|checkout|sha|hash|digest|blob|object|id)[ :`]{1,3}\Z")
_LONGEST_NAME_BEFORE = 80
_NAMED_AFTER = re.compile(
    (
        CASES
        + rf"(?<![A-Za-z0-9+/_!@#$%^&*.~=?-])(?P<secret>{_WORD}{{6,400}}[A-Za-z0-9+/_!@#$%^&*~=?-])[\"'`)*_]{{0,3}}(?:[ ](?:as|for|is|in(?:to)?|to)|,?[ ][(]?(?:that|it|this|which)(?:'s|[ ]is))[ ](?:(?:the|your|my|our|its|a)[ ])?(?:[a-z0-9_.-]{{1,20}}[ ]){{0,2}}(?:x-[a-z-]{{1,16}})?(?:(?P<noun>password|passphrase|pass|pwd|secret|token|key|credential|pin|login)\b|(?P<env>\.env\b|(?-i:[A-Z][A-Z0-9_]{{1,40}}_(?:KEY|TOKEN|SECRET|PASSWORD)\b)))"
    ).encode()
)


def _before_name(data: bytes, place: int) -> ByteRange | None:
    """The word before `as the password`, read from where it begins: the trigger ends with the name."""
    for between in _NAMES_BEFORE.finditer(data, max(0, place - _LONGEST_NAME_BEFORE), place):
        head = data[max(0, between.start() - 400) : between.start()].rstrip(b"\"'`)*_")
        word = head[len(head.rstrip(_IN_WORDS)) :]
        start = max(0, between.start() - 400) + len(head) - len(word)
        if (len(word) < 12 and (len(word) < 7 or not count(word, DIGITS))) or _OF_COMMIT.search(
            head[: len(head) - len(word)]
        ):
            continue
        match = _NAMED_AFTER.match(data, start)
        if match and match.end() >= place:
            found = match.span("secret")
            if not consists_of_placeholders(data, *found) and _called(match, data):
                return found
    return None


_STEMS = (
    b"pass",
    b"access code",
    b"pwd",
    b"pw",
    b"secret",
    b"token",
    b"key",
    b"cred",
    b"pin",
    b"otp",
    b"login",
    b"pat",
)
_NEAR_LABEL = (
    r"\b(?:pass(?:words?|wd|phrase|code)?|access[ ]codes?|(?-i:PAT)|pwd|pw|secrets?|tokens?|(?:[a-z]{3,10}[ _-]?)?keys?|cred(?:ential)?s?|pin|otp|login|session[ ]cookie|(?:totp|otp|2fa|mfa)[ ]seed)"
    + _NOUN
    + r"(?:[ ](?:you|we|i|they)[ ][a-z']{2,12}(?:[ ][a-z]{2,4}){0,2}|[ ]d'acc[^ ]{1,4}s|[ ](?:for|of|to|on|in|at|from|di|del|de|da|do|du|van|von|voor)[ ][A-Za-z0-9_@.:/'-]{1,40}(?:[ ][A-Za-z0-9_@.'-]{1,20}){0,2})?"
    + _ASIDE
    + r"[*_`]{0,2}"
)
_SAYS = r"(?:[ ]{1,2}(?:(?:has been |have been |was |is |got |gets )?(?:set|reset|changed|updated|rotated),?[ ](?:(?:it(?:'s|[ ]is)|and[ ]is)[ ])?)?(?:(?:has[ ]been|was)[ ](?:created|generated|issued):|now|(?:should|must)[ ]be[ ]set[ ]to|ended[ ]up[ ]being|being|\((?:value|currently):?|turned[ ]out[ ]to[ ]be|with[ ](?:the[ ])?value|enter|is|was|are|(?:(?:will|should|must|can|may|might)[ ])?be|with|which[ ]is|to|equals|ist|lautet|est|es|è|é)|[ ]{0,2}(?:,[ ](?:type|use)|'s[ ]|,[ ]it(?:'s|[ ]is)|,[ ]?which[ ]is|-?[=:>]|→|—|–|[ ]-|[ ]\|))[ :*]{0,3}(?:[ ]?(?:now|still|just|currently|actually|to|simply|then)[ :]{1,2})?(?:\r?\n){0,2}[ ]{0,4}(?:```[a-z]{0,10}\r?\n)?[\"'`(<*_\[“‘«]{0,4}"

_DIRECTIVE = (
    r"[\n\x00;{][ \t]{0,12}(?:(?:enable|set|option)[ \t]|username[ \t][A-Za-z0-9_.@-]{1,32}[ \t])?(?P<key>[A-Za-z_-]{0,20}(?:passw(?:or)?d|passphrase|pass|bindpw|rootpw|secret|(?:shared|secret|private|auth)_key))"
    r"[ \t]{1,16}(?:(?:[0-9]|ENC)[ \t])?[\"']?"
)
_IN_TABLE = r"[\n\x00][ \t]{0,8}(?P<key>[A-Za-z_]{0,24}(?:password|secret|token|key))[ ]{3,40}"
"""A name and its value as tools print them, in columns: `token    hvs...`."""


def _directive(match: re.Match[bytes], data: bytes) -> bool:
    """The value of a setting that has no sign between: `bindpw ...`, `enable secret 0 ...`, `storePassword '...'`."""
    value = match["secret"]
    if name_says((match["key"] or match["name"]).decode()) not in (Says.PASSWORD, Says.SECRET):
        return False
    if is_diced(value) and count(value, DIGITS) > 0:
        return True
    if is_jumbled(value) or (
        is_typed_at_random(value) and data[match.start("secret") - 1 : match.start("secret")] in _QUOTES
    ):
        return True
    return is_said(value, sure=True) and (drawn(value) or classes(value) >= 3 or is_words_and_digits(value))


_QUOTES = (b'"', b"'")
_PHRASE_IS = r"(?:passphrase|password)(?:[ ](?:for|of|to|on)[ ][A-Za-z0-9 ]{1,30})?[ ]?(?:[ ]is|[ ]was|=|:)[ ]?[\"“'`]"
_PHRASE_IN_SENTENCE = r"(?:password[ ]is[ ]|passphrase[ ](?:is[ ])?|\bPSK[ ]is[ ]|-shared[ ]key(?:[ ]is|:)[ ])[\"'`]?"
_LEAKED = (
    r"(?:(?:leaked|exposed|stolen|compromised)[ ]?:|\bnew[ ]one(?:[ ]is|'s|:)|\b(?:re)?set[ ]it[ ]to)[ ]{1,2}[\"'`]?"
)


def _spoken(match: re.Match[bytes], data: bytes) -> bool:
    """Words at the end of a sentence that a program drew, and no sentence has."""
    return is_spoken_last(match["secret"])


_CODE_BEFORE_NAME = re.compile(rb"(?<![0-9])(?P<secret>[0-9]{5,8})[ ]is[ ]your[ ]")


def _code_before_name(data: bytes, place: int) -> ByteRange | None:
    """The digits that a message sends: `... is your verification code`."""
    matches = list(_CODE_BEFORE_NAME.finditer(data, max(0, place - 90), place))
    return matches[-1].span("secret") if matches else None


_STRANGELY = r"\bpass(?:word|phrase)[ ][a-z' ]{3,30}:[ ][\"'`]?"
_WORKS = r"\b(?:root|admin|administrator|postgres)[/:](?P<secret>[^\s\"'`/:\x00]{6,40})[ ](?:works|worked|should[ ]work|does[ ]not[ ]work|doesn't[ ]work)"
_WHEN_ASKED = (
    r"[ ]when[ ](?:it[ ]asks|you're[ ]asked|asked|prompted)[ ]for[ ](?:the|a|your)[ ](?:password|passphrase|token|pin)"
)
_SERIAL = r"\blicen[cs]e(?:[ ](?:key|code))?[ ]?:[ ][\"'`]?"
_SURELY = (
    around(re.compile((CASES + _STRANGELY + _VALUE).encode()), 60, lambda match, data: _told(match, data)),
    around(re.compile((CASES + r"\b(?:type|enter|use|give|put)[ ](?:in[ ])?[\"'`]?" + _VALUE + r"[\"'`]?" + _WHEN_ASKED).encode()), 120, lambda match, data: _told(match, data)),
    around(re.compile((CASES + _WORKS).encode()), 80, lambda match, data: _told(match, data) and _looks_chosen(match["secret"])),
    around(re.compile((CASES + _SERIAL + r"(?P<secret>(?-i:[A-Z0-9]{4,6}(?:-[A-Z0-9]{4,6}){3,7}))(?![A-Za-z0-9-])").encode()), 40, lambda match, data: count(match["secret"], DIGITS) >= 3),
)  # fmt: skip


def _in_any_sentence(data: bytes, place: int) -> ByteRange | None:
    """A password that looks like one, where a sentence speaks of it in other words than most do."""
    return next((found for look in _SURELY if (found := look(data, place))), None)


def _told(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    return is_said(value, sure=True) or is_diced(value) or is_typed_at_random(value)


def _told_anew(match: re.Match[bytes], data: bytes) -> bool:
    """What a secret is now, where a sentence before says what happened to it."""
    value = match["secret"]
    if (
        match["key"].lower() in (b"key", b"keys", b"pass", b"login", b"pin")
        or len(value) < 8
        or is_term(value)
        or not _told(match, data)
    ):
        return False
    return is_words_and_digits(value) or is_diced(value) or is_jumbled(value) or drawn(value.rstrip(b"="))


_PHRASE_AFTER = r"\b(?:passphrase|pass[ ]phrase)[ ]?[:=][ ]{1,2}"
_CODE_FOR = r"\b(?:(?:one[- ]time|alarm|door|backup|recovery|verification|security|authentication|confirmation|log-?in|sign[- ]in|2fa|otp|mfa)[ ](?:pass)?codes?|passcode|(?-i:OTP|PIN)(?:[ ]code)?|(?:my|the|your|our)[ ]pin|your[ ]code)(?:[ ]for[ ](?:the[ ]|my[ ]|our[ ])?[a-z]{2,20})?(?:[ ]is)?[ :]{1,3}"
_PHRASE_OF = r"(?:mnemonic|(?:seed|recovery|secret[ ]recovery|backup)[ _-]?(?:phrase|words))(?:[ ]is|[ ]was)?[\"']{0,2}[ :=]{1,4}[\"'`\[]{0,2}[a-z]{3}"
_WALLET = re.compile(rb"(?:[a-z]{3,8}[\"']?,?[ ][\"']?){11,23}[a-z]{3,8}(?![A-Za-z])")
_NOT_IN_WALLETS = frozenset(
    b"the and that with from are was were not has have its for but can may will how which when whatever others never".split()
)
"""Common words that the word list of wallets (BIP 39) does not have."""


def _wallet_words(data: bytes, place: int) -> ByteRange | None:
    """Twelve words or more, a multiple of three, behind a name for them; the trigger ends in the first."""
    words = _WALLET.match(data, place - 3)
    ends: list[int] = []
    for word in re.finditer(rb"[a-z]+", words[0] if words else b""):
        if word[0] in _NOT_IN_WALLETS:
            break
        ends.append(word.end())
    if len(ends) < 12:
        return None
    found = place - 3, place - 3 + ends[len(ends) // 3 * 3 - 1]
    return None if consists_of_placeholders(data, *found) else found


PROSE: tuple[Rule, ...] = (
    Rule(
        "secret-in-prose", "secrets",
        (Trigger(CASES + _DIRECTIVE.replace("?P<key>", "?:") + r"[^\s\"'\x00]{6}", None, (b"passw", b"pass", b"pw", b"secret")),
         Trigger(CASES + r"(?:password|secret|token|key)[ ]{3,40}[A-Za-z0-9+/_.=-]{8}", None, (b"password", b"secret", b"token", b"key"))),
        around(re.compile((CASES + "(?:" + _DIRECTIVE.replace(r"[\n\x00;{]", r"(?:\A|[\n\x00;{])") + "|" + _IN_TABLE.replace("?P<key>", "?P<name>") + ")").encode() + rb"(?P<secret>[^\s\"'\x00;]{6,200})[\"']?[ \t]{0,8};?(?=\r?\n|\x00|\Z|(?<=[\"'])[ ]?[;}]|(?<=[\"'];))"), 130, _directive, starts=re.compile(rb"\A|[\n\x00;{]")),
        match=("\nbindpw {alnum12}\n", "\nenable secret 0 {alnum16}\n", "\n  storePassword '{alnum14}'\n", "Key      Value\n---      -----\ntoken    {alnum28}\n"),
        no_match=("password required", "enable secret 5 <hash>", "secret sauce2"),
        since=2,
    ),
    Rule(
        "secret-in-prose", "secrets",
        (Trigger(CASES + _NEAR_LABEL + _SAYS + r"[A-Za-z0-9+/_!@#$%^&*.~?-][A-Za-z0-9+/_!@#$%^&*.~?=-]{6}", None, _STEMS), Trigger(CASES + _NEAR_LABEL + r",?[ \t]{1,3}[\"'`(<]{0,2}[A-Za-z0-9+/_!@#$%^&*.~?-]{9}", None, _STEMS)),
        _after_plain_words(_readings()),
        match=("The token is {alnum40}. Thanks!", "ERROR auth failed for token {alnum40}", "the password for staging is {alnum12} btw", "Token:\n```\n{alnum40}\n```", "pw: {alnum10}", "password set to `{alnum14}`", "I made a new token, {alnum40}, for CI", "replace the old secret with {alnum40}", "the token might be {alnum40}", "username `jo` password `{alnum14}`", "the signing secret you asked for is {alnum40}", "user app, password {alnum14}", "sign in using the password {alnum12} at the console", "the admin password should be {alnum12}", "it is in the wiki: the password for the box, it's {alnum12}", "Password di root: {alnum12}", "Unseal Key 1: {b6443}=", "the password is otter-birch-lantern", "My PAT for CI: {hex40}", "the old password ({alnum12}) is gone", "the password's {alnum14}", "the secret we use in CI is {alnum40}"),
        no_match=("use the password manager2 extension", "the password is case-sensitive-only here", "the password should be rotated", "the password hash is argon2id-based", "fix: token refresh", "The password must be at least 12 characters", "the secret is patience.", "token is Base64-encoded", "the key is utf8", "Used 12,345 tokens; max_tokens=4096; token limit: 200000tok", "PASS src/auth/token.test.ts (12.3 s)", "Password must contain: 1 digit, 1 upper, 8chars_min", 'b.Run("Key=int32/Elem=*int32", f)', "choices.sort(key=flags.PrivacyChoiceStrength, reverse=True)", "# to pass in the result from httplib2.request."),
        since=2,
    ),
    Rule(
        "secret-in-prose", "secrets",
        (Trigger(CASES + r"(?:[ ][aif][sor]{1,2}|'s)[ ][a-z]{1,4}[ ](?:[a-z0-9_.-]{1,20}[ ]){0,2}(?:password|passphrase|pass|pwd|secret|token|key|credential|pin|login)\b", None, (b"login", b"pass", b"pwd", b"secret", b"token", b"key", b"credential", b"pin")),
         Trigger(CASES + r"[ ]in[ ]the[ ]x-[a-z-]{1,16}(?:key|token|secret)\b", None, (b" in the x-",)),
         Trigger(r"(?:[ ]\.env|[ ](?:as|for)[ ][A-Z][A-Z0-9]{1,20}(?:_[A-Z]{2,10})?_(?:KEY|TOKEN|SECRET|PASSWORD))\b", None, (b" .env", b" as ", b" for "))),
        _before_name,
        match=("use {alnum24} as the key", "put {alnum32} in the X-Api-Key header", "try `{alnum12}` for the admin password", "{alnum32} is my token", "pls use {alnum14}, that's the new root password", "put {hex40} in the .env", "add {hex40} to .env", "use {hex40} for STRIPE_KEY"),
        no_match=("use sha256 as the key", "use environment-variables for the api key", "utf8 is the key", "put NODE_ENV=production1 in the .env", "import settings2 as MY_KEY", "DecapsulationKey768 is the secret decapsulation key"),
        since=2,
    ),
    Rule(
        "secret-in-prose", "secrets",
        (Trigger(LABELS, None, STEMS),),
        after_label,
        match=("la contraseña es {alnum12}", "пароль: {alnum14}", "密码是{alnum12}", "パスワードは {alnum12} です", "mot de passe : {alnum10}", "das Passwort lautet {alnum12}", "senha do banco é {alnum12}", "Пароль: {alnum14}", "ПАРОЛЬ {alnum14}", "Şifre: {alnum14}", "पासवर्ड {alnum12} है"),
        no_match=("la contraseña es obligatoria", "le mot de passe doit contenir 8 caracteres", "密码必须包含数字", "подключение {alnum12}"),
        since=2,
    ),
    Rule(
        "secret-in-prose", "secrets",
        (Trigger(CASES + r"(?:credentials?|creds?|login|log in|logging in|logged in|login-daten|identifiants|wi-?fi|sign in|user(?:name)?(?:/pass(?:word)?)?)(?:[ ](?:are|is|with|as|details|(?:form|page)[ ]with|for (?:the |our |my )?[a-z0-9_.-]{1,24}(?: are)?))?(?:[ :=]{1,3}|[ ](?:->|→)[ ])[\"'`(]{0,2}[A-Za-z0-9_.@+-]{2,40}(?:,?[ ]?[/:|][ ]?|,[ ]|[ ](?:and|with)[ ](?:the[ ])?(?:pass(?:word)?[ ])?)[\"'`]?[^\s\"'`\x00/:|]{6}", None, (b"cred", b"log", b"sign in", b"user", b"identifiants", b"wifi", b"wi-fi")),
         Trigger(CASES + r"(?:(?:account|access|s?ftp|ssh|smtp|imap|vpn|rdp|admin|db|database)[ ]?[:(][ ]?[A-Za-z0-9_.@+-]{2,40}[ ]/[ ]|(?:cred(?:ential)?s|login):[ ][A-Za-z0-9_.+-]{2,40}@[a-z0-9.-]{4,40}[ ])[^\s\"'`\x00/:|]{6}", None, (b"account", b"ftp", b"ssh", b"smtp", b"imap", b"vpn", b"rdp", b"admin", b"db", b"database", b"access", b"creds", b"credentials", b"login"))),
        unless_plain(_after_plain_words(around(re.compile(rb"(?i)(?:(?:account|access|s?ftp|ssh|smtp|imap|vpn|rdp|admin|db|database)(?=[ ]?[:(][ ]?[^\s/]{2,40}[ ]/)|credentials?|creds?|login|log in|logging in|logged in|login-daten|identifiants|wi-?fi|sign in|user(?:name)?(?:/pass(?:word)?)?)(?:[ ](?:are|is|with|as|details|(?:form|page)[ ]with|for (?:the |our |my )?[a-z0-9_.-]{1,24}(?: are)?))?(?:[ :=(]{1,3}|[ ](?:->|\xe2\x86\x92)[ ])[\"'`(]{0,2}(?!ids?\b)[A-Za-z0-9_.@+-]{2,40}(?:,?[ ]?[/:|][ ]?|,[ ]|[ ](?:and|with)[ ](?:the[ ])?(?:pass(?:word)?[ ])?|@[a-z0-9.-]{4,40}[ ])[\"'`]?(?P<secret>[^\s\"'`\x00/:|)]{6,200}?)(?=[\"'`.,;)]{0,3}(?:\s|\Z|\x00))"), 140, _logs_in, starts=re.compile(rb"(?i)cred|log|sign|user|account|identif|wi-?fi|s?ftp|ssh|smtp|imap|vpn|rdp|admin|db|data|access"))), rb"\s\"'`\x00/:|)"),
        match=("log in with ops and {alnum12}", "creds: admin / {alnum12}", "the test account (jo / {alnum12}) works", "sign in as jo@app.test with {alnum14}", "log in with jo:{alnum14}", "admin login: jo, {alnum14}", "credentials: jo@app.test {alnum14}", "creds for the ftp: jo / {alnum12}", "ftp: jo / {alnum14}"),
        no_match=("log in with github and oauth2", "User ID: {hex8}-{hex4}-{hex4}-{hex4}-{hex12}", "login: user/password", "login at https://app.test:8443/path1", "login: logout, register2fa", "access: read / write2x", "login: jo@app.test (2024-05-01) from host1"),
        since=2,
    ),
    Rule(
        "secret-in-prose", "secrets",
        (Trigger(CASES + _CODE_FOR + r"[0-9a-z]{4}", None, (b"code", b"otp", b"pin")),),
        around(re.compile((CASES + _CODE_FOR + r"(?P<secret>[0-9]{4,8}|(?=[a-z0-9-]{0,20}[0-9])[a-z0-9]{4,10}-[a-z0-9]{4,10}(?:[ ,]{1,2}[a-z0-9]{4,10}-[a-z0-9]{4,10}){0,15})(?![A-Za-z0-9-])").encode()), 60),
        match=("Your verification code: {digit6}", "your one-time code is {digit6}.", "the 2FA code is {digit6}", "Your PIN is {digit6}", "recovery code: ab{digit3}-x{digit4}"),
        no_match=("verification code: sent", "security code 3rd digit"),
        since=2,
    ),
    Rule(
        "secret-in-prose", "secrets",
        (Trigger(CASES + _PHRASE_AFTER + r"[A-Za-z]{3,12}[ ]", None, (b"phrase",)),),
        around(re.compile((CASES + _PHRASE_AFTER + r"(?P<secret>[a-z]{4,10}(?:[ ][a-z]{4,10}){3,7})(?![A-Za-z0-9-])").encode()), 40, lambda match, data: is_phrase(match["secret"])),
        match=("Passphrase: copper velvet falcon ivory",),
        no_match=("passphrase: enter your pass phrase", "Passphrase: must not be empty"),
        since=2,
    ),
    Rule(
        "secret-in-prose", "secrets",
        (Trigger(CASES + _PHRASE_IN_SENTENCE + r"[a-z]{3,12}[ ]", None, (b"password", b"passphrase", b"psk", b"shared")),),
        around(re.compile((CASES + _PHRASE_IN_SENTENCE + r"(?P<secret>[a-z]{3,12}(?:[ ][^\s\"'`,;:.\x00]{3,16}){2,7})(?=[\"'`]|[.;!?](?:\s|\x00|\Z)|[\r\n\x00]|\Z)").encode()), 80, _spoken),
        match=("The wifi password is copper tulip lantern velvet.", "the ssh passphrase is Velvet pF8zcP 9761."),
        no_match=("The password is never printed anywhere", "the password is stored with bcrypt rounds", "The passphrase is case sensitive too"),
        since=2,
    ),
    Rule(
        "secret-in-prose", "secrets",
        (Trigger(CASES + _LEAKED + r"[^\s\"'`\x00]{6}", None, (b"leaked", b"exposed", b"stolen", b"compromised", b"new one", b"set it to")),),
        around(re.compile((CASES + r"\b(?P<key>" + _LABEL + r")[^\n\x00:]{1,60}" + _LEAKED + _VALUE).encode()), 130, _told_anew),
        match=("The database password was leaked: {alnum12}", "the deploy token expired, new one: {alnum40}", "forgot the root password, so I reset it to {alnum12}"),
        no_match=("The password was leaked: change it", "the token was exposed: rotate-it-now", "where the key is unset, set it to utf8mb4_bin", "the password field is hidden; set it to required2"),
        since=2,
    ),
    Rule(
        "secret-in-prose", "secrets",
        (Trigger(CASES + r"[0-9][ ]is[ ]your[ ](?:[A-Za-z]{2,20}[ ]){0,2}(?:verification|security|log-?in|confirmation|authentication|access|sign-in|OTP|2FA|one-time)[ ](?:pass)?code", None, (b" is your ",)),),
        _code_before_name,
        match=("{digit6} is your verification code", "G-{digit6} is your Google verification code"),
        no_match=("error code 404 to log", "step 2 is your security code"),
        since=2,
    ),
    Rule(
        "secret-in-prose", "secrets",
        (Trigger(CASES + _STRANGELY + r"[^\s\"'`\x00]{8}", None, (b"pass",)), Trigger(CASES + "(?:" + _WHEN_ASKED + "|" + _WORKS.replace("?P<secret>", "?:") + ")", None, (b" when ", b"work")),
         Trigger(r"icen[cs]e(?:[ ][Kk]ey)?:[ ][A-Z0-9]{4,6}-[A-Z0-9]{4,6}-[A-Z0-9]{4,6}-", None, (b"icen",))),
        _in_any_sentence,
        match=("it's the same password as before: {alnum12}", "type {alnum12} when it asks for the password", "root/{alnum12} works", "License: {upper5}-{upper5}-{upper5}-{upper5}"),
        no_match=("the password must be one of: alphanumeric", "admin/users2 works for me", "root:wheel works", "type something when asked", "License: BSD-3-Clause-Clear", "def check(password as given): return2"),
        since=2,
    ),
    Rule(
        "seed-phrase", "secrets",
        (Trigger(CASES + _PHRASE_OF, None, (b"mnemonic", b"phrase", b"seed words")),),
        _wallet_words,
        match=("MNEMONIC='" + " ".join(["abandon", "ability", "zebra"] * 4) + "'", "my recovery phrase is " + " ".join(["wagon", "lunar", "ticket"] * 4)),
        no_match=("a mnemonic is twelve words that are easy for people but hard for others", "the seed phrase never leaves this device, whatever happens to your computer or its owner"),
        since=2,
    ),
    Rule(
        "secret-in-prose", "secrets",
        (Trigger(CASES + _PHRASE_IS + r"[A-Za-z]{3,12}[ ][^\s\"'`\x00]{3,12}[ ]", None, (b"passphrase", b"password")),),
        around(re.compile((CASES + _PHRASE_IS + r"(?P<secret>[A-Za-z][^\"“”'`\n\x00]{9,100})(?=[\"”'`])").encode()), 120, lambda match, data: is_phrase(match["secret"]) or is_diced(match["secret"])),
        match=('The passphrase for my key is "copper velvet falcon ivory".', "password is 'copper velvet falcon 42'"),
        no_match=('The password is "one of the words below"', 'passphrase: "enter your pass phrase"'),
        since=2,
    ),
)  # fmt: skip
