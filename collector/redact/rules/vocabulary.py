"""Whether a name says that its value is a secret: one vocabulary for attributes, JSON, headers, environments and flags.

A name is read as its words (`dbPassword`, `GITHUB_TOKEN`, `x-vault-token`). The last word that names a secret decides,
unless a word before it (`next_token`, `primary_key`) or after it (`token_count`, `secret_name`) says otherwise.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache

from collector.redact.rules.values import harmless, looks_secret

LONGEST_NAME = 256
_LONGEST_LOOK = 4096


class Says(Enum):
    """What a name says of its value."""

    NOTHING = auto()
    PERHAPS = auto()
    """It may be a secret: the value decides."""
    SECRET = auto()
    PASSWORD = auto()
    """A secret that a person may have chosen, so its value may look like anything."""


def holds_secret(name: str, value: str) -> bool:
    """Whether the value of an attribute, JSON member, header, environment variable or flag called `name` is a secret.

    Where the name says so the value is one whatever it looks like, but for what stands for a secret or is none: empty
    text, numbers, truth values, references (`${X}`, `op://...`), paths, addresses and code.
    """
    says = name_says(name)
    if says is Says.NOTHING:
        return False
    text = value[:_LONGEST_LOOK].strip().encode("utf-8", "surrogatepass")
    if says is Says.PERHAPS:
        return looks_secret(text)
    return not harmless(text, digits_may_be_secret=says is Says.PASSWORD)


@lru_cache(maxsize=8192)
def name_says(name: str) -> Says:
    """What `name` says of the value that stands under it."""
    if not name or len(name) > LONGEST_NAME:
        return Says.NOTHING
    if not name.isascii():
        lowered = name.lower()
        return Says.PASSWORD if any(word in lowered for word in FOREIGN_NAMES) else Says.NOTHING
    words = [part.lower() for part in _PARTS.findall(name)]
    while words and words[-1].isdigit():
        words.pop()
    for at in range(len(words) - 1, -1, -1):
        says = _noun(words, at)
        if says is not Says.NOTHING:
            return _by_surroundings(words, at, says)
        if words[at] in _ABOUT:
            return Says.NOTHING
    return Says.NOTHING


_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PASSWORDS = _words(
    "password passwd passwort passphrase passcode pwd pass pw pswd psw pword passwords psk mnemonic htpasswd"
    " contrasena contrasenia senha mdp kennwort parola haslo sifre wachtwoord losenord salasana heslo pinyin mima"
    " otp totp passwordd passwordo sandi katasandi sandinya authtok motdepasse bindpw rootpw userpw adminpw dbpw storepw keypw"
)
_SECRETS = _words(
    "secret secrets token credential credentials cred creds apikey passkey jwt authorization cookie passwordsalt"
    " apitoken authtoken accesstoken"
)
_MAYBE = _words(
    "auth cookies salt pepper dsn bearer session sessid sessionid sid sas signature seed webhook sig cert pin hmac"
)
_PASSWORD_ENDS = ("password", "psk", "passwd", "passwort", "passphrase", "passcode", "pwd", "pword")
_SECRET_ENDS = (
    "secret", "token", "apikey", "accesskey", "secretkey", "privatekey", "authkey", "masterkey", "signingkey", "credential",
    "credentials", "encryptionkey", "accountkey", "sharedkey", "appkey", "licensekey", "clientkey", "servicekey", "sshkey",
)  # fmt: skip
_PASS_BEFORE = _words(
    "control send recv rpc oper link sip turn vnc rdp snmp bmc ipmi git svn sys oracle mssql guest app api db key deststore srcstore user my mysql pg root admin smtp mail email ftp ssh redis require auth login ldap bind proxy wifi vpn keystore"
    " remote imap pop relay sender nas samba web site panel mqtt cert client server truststore store database postgres sql mongo rabbit amqp svc service sudo su vault imap sasl jdbc http basic master"
)
_NO_PASSES = _words("bypass compass encompass surpass trespass overpass underpass multipass")
_NO_TOKENS = _words("nonsecret detoken subtoken pretoken biscuit")
_KEYS = _words(
    "api access secret private signing sign encryption encrypt decryption decrypt master account auth app application client"
    " shared service license licence storage admin deploy hmac aes crypto cipher webhook subscription root write ingest"
    " ingestion integration server consumer jwt session cookie security activation recovery backup wallet rest functions"
    " jwe jws kms data vault management symm symmetric role jwks csrf otp totp xsrf"
    " tacacs radius openai anthropic gemini mistral cohere groq openrouter deepseek xai perplexity stripe sendgrid twilio mailgun algolia supabase setup certificate preshared provisioning enrollment registration publishing sas fernet unseal seal"
)  # fmt: skip
_NO_KEYS = _words(
    "public pub publishable primary foreign cache sort partition idempotency idempotent lookup index group hash range map dict"
    " object row column field order query route entity item unique natural composite bucket event message metric"
    " translation i18n locale label config setting feature flag state context tree parent child react template hot short"
    " shortcut arrow up down left right any enter home page escape tab delete meta alt ctrl shift keyboard host known"
    " registry issue project resource trace span correlation dedupe dedup tag attribute attr property prop param env sub"
    " next prev previous first last start end min max evaluated join table lock unlock sorting local search attribution"
    " anon on by of per for the a each with no has is x y z press mutation cluster segment blob file folder path user"
    " semantic memo node edge link list array set doc document record model type kind name id uid column unlocked"
    " agent crew task flow"
)  # fmt: skip
_NO_TOKEN = _words(
    "next page continuation continue cursor pagination sync first last bos eos unk pad sep cls mask special stop start end"
    " input output prompt completion cached max min num total image audio video reasoning thinking lookahead prev peek"
    " string ident eof operator keyword text word sub n per new line comment control cancellation cancel shard design color"
    " punctuation whitespace begin newline indent dedent of by is has no with current_line expected unexpected got scan stream"
    " lock change sequence starting action nfa left right open close quote literal identifier number float int template to lex syntax semantic"
)  # fmt: skip
_TOKENS = _words("access refresh auth api bearer bot user session personal deploy")
_PINS = _words("admin user so hsm keystore card smartcard sim pkcs piv token unlock wallet account")
_NO_LOGINS = _words("last first previous next current require requires on after before auto enable user social since")
_HAVE_PATS = _words("github gh gitlab azure azdo ado devops vsce ci bitbucket databricks airtable snowflake tableau")
_CODES = _words(
    "alarm otp mfa recovery backup verification auth authorization totp device 2fa login activation sms security"
)
_ENVIRONMENTS = _words(
    "prod production stage staging dev develop development test testing qa uat local main admin default primary secondary old"
    " new current previous backup ro rw read write readonly live sandbox demo preview value val data plain plaintext raw b64"
    " base64 base eu us ap enc string str global shared internal external root user app web api db master slave replica blue"
    " green pem der jwk a b v i ii confirm confirmation again repeat"
)  # fmt: skip
_ABOUT = _words(
    "name names named type types typed kind url urls uri uris path paths file files filename dir directory folder field fields len"
    " length size sizes count counts counter limit limits max min ttl expiry expires expiration expired expire exp lifetime"
    " duration age date time timestamp at on in since until created updated modified changed rotated rotation rotate policy"
    " policies hashes hint hints prompt label labels title desc description message messages msg error errors regex pattern format"
    " placeholder class classes provider providers endpoint endpoints host header headers param parameter parameters params version"
    " algo algorithm alg usage used index idx reset strength input inputs output ref reference refs env var variable arn bytes bits"
    " mode manager service scheme status state location store group scope scopes enabled disabled required optional valid"
    " validity validator validation check checker checks match matches verified source suffix prefix encoding encoder decoder set ids id"
    " izer izers ized ization method methods domain attribute attributes column columns table model schema chars char budget estimate"
    " total price cost rate rates bucket per generator generate factory handler helper util utils callback func function fn list map"
    " santa sharing engine backend username email owner issuer issued audience subject claims claim info details detail settings"
    " config configuration options option props request requests response resp form page link button icon color view screen dialog modal"
    " component controller route router routes ring chain word words board code codes press down up vault cache pool stream reader"
    " writer parser lexer scanner iterator stack queue buffer range span start end pos position offset num number missing invalid"
    " exists present changed change forgot forgotten lost question answer order sorted sort binding bindings mapping mappings"
    " pair pairs event events grid changes history log logs logging template templates test tests spec specs case cases example"
    " examples doc docs documentation page pages support supported server client agent getter setter affinity management metadata"
    " mgr by of for with from to is has not per only rule rules signature algorithm fingerprint thumbprint digest checksum"
    " transport storage grant flow kdf derivation iterations rounds salt interface impl object instance exception failure"
    " middleware plugin module package lib library import export login logout signin signup sign auth session revoked revocation"
    " ciphertext renewal refresh interval timeout delay retry retries attempts attempt bound bar tree"
)  # fmt: skip
_VERBS = _words(
    "forgot reset change show hide enter invalid wrong missing no has is needs use uses with without allow enable disable toggle"
    " validate generate create get fetch load find check encode decode parse count max min num total per supports should can"
    " must will did remove delete update handle on skip ignore missing require requires include"
)  # fmt: skip

FOREIGN_NAMES = (
    "contraseña", "clave secreta", "mot de passe", "пароль", "секрет", "токен", "密码", "密碼", "口令", "密钥", "密鑰", "令牌",
    "パスワード", "暗証番号", "秘密鍵", "비밀번호", "암호", "كلمة المرور", "كلمة السر", "पासवर्ड", "কুঞ্জি", "পাসওয়ার্ড", "پاس ورڈ", "hasło", "şifre",
    "lösenord", "mật khẩu", "รหัสผ่าน", "סיסמה", "κωδικός",
)  # fmt: skip
"""Words for password, secret, key and token in the most spoken languages, where they are not plain ASCII."""


def _noun(words: list[str], at: int) -> Says:
    """What the word at `at` says by itself, with the word before it."""
    word = words[at]
    before = words[at - 1] if at else ""
    if word in _PASSWORDS:
        return (
            Says.NOTHING if word == "pass" and before in ("by", "boarding", "first", "render", "per") else Says.PASSWORD
        )
    if word == "passe" and before == "de":  # `mot_de_passe`
        return Says.PASSWORD
    if word in _SECRETS:
        no_token = (
            before in _NO_TOKEN or "next" in words[:at] or (before == "request" and "client" in words[:at])
        )  # a key of idempotency
        return Says.NOTHING if word == "token" and no_token else Says.SECRET
    if word == "key" and (before == "preshared" or words[max(0, at - 2) : at] == ["pre", "shared"]):
        return Says.PASSWORD
    if word in ("key", "keys"):
        if before in _KEYS:
            return Says.SECRET if word == "key" else Says.PERHAPS
        return Says.NOTHING if before in _NO_KEYS or word == "keys" else Says.PERHAPS
    if word == "pat":  # a personal access token
        return Says.SECRET if before in _HAVE_PATS else Says.PERHAPS
    if word == "tokens":
        return Says.PERHAPS if before in _TOKENS else Says.NOTHING
    if word in ("code", "codes"):
        return Says.PASSWORD if before in _CODES else Says.NOTHING
    if word == "phrase" or word == "string":
        return Says.PASSWORD if before in ("seed", "recovery", "pass", "connection", "secret") else Says.NOTHING
    if word == "session" and at + 1 < len(words):
        return Says.NOTHING
    if word == "auth" and (before in ("rediscli", "redis") or words[at + 1 :] == ["raw"]):
        return Says.PASSWORD  # of a server, as its client takes it, and of a mailbox
    if word == "pin" and before in _PINS:
        return Says.PASSWORD
    if word == "login" and at and at + 1 == len(words):  # some services call the token so that logs in
        return Says.SECRET if before == "sonar" else Says.NOTHING if before in _NO_LOGINS else Says.PERHAPS
    if word in _MAYBE:
        return Says.PERHAPS
    return _compound(word)


def _compound(word: str) -> Says:
    """Words written together: `dbpassword`, `accesstoken`, `smtppass`."""
    if word.endswith(_PASSWORD_ENDS):
        return Says.PASSWORD
    if word.endswith("pass") and word[:-4] in _PASS_BEFORE:
        return Says.PASSWORD
    if word.endswith("pass") and word not in _NO_PASSES:
        return Says.PERHAPS
    if word.endswith(_SECRET_ENDS) and word not in _NO_TOKENS:
        return Says.SECRET
    return Says.NOTHING


def _by_surroundings(words: list[str], at: int, says: Says) -> Says:
    after = words[at + 1 :]
    if any(word in _ABOUT and word not in _ENVIRONMENTS for word in after):
        return Says.PERHAPS if after == ["hash"] else Says.NOTHING
    if (
        at
        and words[0] in _VERBS
        and words[:2] not in (["parse", "server"], ["enable", "password"], ["enable", "secret"])
    ):
        return Says.NOTHING
    if all(word in _ENVIRONMENTS or word.isdigit() or len(word) <= 2 for word in after):
        return says
    return says if says is Says.PASSWORD and len(after) == 1 else Says.PERHAPS
