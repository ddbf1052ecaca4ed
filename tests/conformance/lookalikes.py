"""Text that looks as if it held a secret and holds none: as much of it as there is in `everyday.py`, of forty kinds.

Ids, digests, versions, placeholders, code, translations, forms, counters, styles, pictures, lock files and logs. Names are
drawn as in `everyday.py`; nothing here may be found.
"""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable, Iterator

from harness.corpus import AN, HEX, drawn

LOW = string.ascii_lowercase + string.digits


def _uuid(rng: random.Random) -> str:
    return "-".join(drawn(rng, HEX, size) for size in (8, 4, 4, 4, 12))


def _b64(rng: random.Random, size: int) -> str:
    return base64.b64encode(rng.randbytes(size)).decode()


_NAMES = (
    "password",
    "token",
    "secret",
    "apiKey",
    "client_secret",
    "db_password",
    "access_token",
    "DB_PASS",
    "auth_token",
)
_LANGUAGES = {
    "de": ("Passwort", "Passwort vergessen?", "Bitte Passwort eingeben", "Das Passwort ist zu kurz"),
    "fr": ("Mot de passe", "Mot de passe oublié ?", "Saisissez votre mot de passe", "Le mot de passe est trop court"),
    "es": ("Contraseña", "¿Olvidó su contraseña?", "Introduzca la contraseña", "La contraseña es demasiado corta"),
    "pt": ("Senha", "Esqueceu a senha?", "Digite a senha", "A senha é muito curta"),
    "it": ("Parola d'ordine", "Password dimenticata?", "Inserisci la password", "La password è troppo corta"),
    "ru": ("Пароль", "Забыли пароль?", "Введите пароль", "Пароль слишком короткий"),
    "ja": (
        "パスワード",
        "パスワードをお忘れですか？",
        "パスワードを入力してください",
        "パスワードは8文字以上で入力してください",
    ),
    "zh": ("密码", "忘记密码？", "请输入密码", "密码长度至少为8个字符"),
    "tr": ("Parola", "Parolanızı mı unuttunuz?", "Parolanızı girin", "Parola çok kısa"),
    "pl": ("Hasło", "Nie pamiętasz hasła?", "Wpisz hasło", "Hasło jest za krótkie"),
}
_STAND_INS = (
    "<your-token>", "${SECRET}", "{{ secrets.TOKEN }}", "xxxxxxxxxxxx", "********", "changeme", "your-api-key-here", "REDACTED", "null", "", "%DB_PASSWORD%",
    "op://vault/item/field", "vault:secret/data/app#key", "$(pass show db)", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db", "env:DB_PASSWORD",
    "process.env.TOKEN", "os.environ['TOKEN']", "!vault |", "file:///run/secrets/db", "/run/secrets/db_password", "<REDACTED>", "TODO", "secretRef", "{token}", "[hidden]",
)  # fmt: skip

_MAKES: dict[str, Callable[[random.Random], str]] = {
    "git commit": lambda r: f"commit {drawn(r, HEX, 40)}\nMerge: {drawn(r, HEX, 7)} {drawn(r, HEX, 7)}\n    Rotate the token in CI",
    "git diff": lambda r: f"diff --git a/auth/token.py b/auth/token.py\nindex {drawn(r, HEX, 10)}..{drawn(r, HEX, 10)} 100644",
    "npm integrity": lambda r: f'    "node_modules/jsonwebtoken": {{ "integrity": "sha512-{_b64(r, 64)}", "license": "MIT" }}',
    "yarn lock": lambda r: f'passport-auth-token@^1.0.{r.randrange(9)}:\n  resolved "https://r.test/p.tgz#{drawn(r, HEX, 40)}"\n  integrity sha512-{_b64(r, 64)}',
    "pip hash": lambda r: f"keyring==25.{r.randrange(9)}.0 \\\n    --hash=sha256:{drawn(r, HEX, 64)}",
    "record": lambda r: f"auth/tokens.py,sha256={_b64(r, 32).rstrip('=').replace('+', '-').replace('/', '_')},{r.randrange(9999)}",
    "go sum": lambda r: f"github.com/zalando/go-keyring v0.2.{r.randrange(9)} h1:{_b64(r, 32)}",
    "cargo lock": lambda r: f'name = "secrecy"\nversion = "0.{r.randrange(9)}.0"\nchecksum = "{drawn(r, HEX, 64)}"',
    "uuid": lambda r: f"request_id={_uuid(r)} run={_uuid(r)} parent={_uuid(r)}",
    "trace": lambda r: f"traceparent: 00-{drawn(r, HEX, 32)}-{drawn(r, HEX, 16)}-01",
    "docker digest": lambda r: f"FROM vault:1.{r.randrange(20)}@sha256:{drawn(r, HEX, 64)}",
    "docker build": lambda r: f"docker build -t secret-store:v1.{r.randrange(20)}.0 -f Dockerfile.{drawn(r, LOW, 6)} .",
    "version": lambda r: f"token-service v{r.randrange(20)}.{r.randrange(20)}.{r.randrange(20)}-rc.{r.randrange(9)}+build.{drawn(r, HEX, 7)}",
    "picture": lambda r: f"background: url(data:image/png;base64,{_b64(r, 300)})",
    "css": lambda r: f".password-input{{color:#{drawn(r, HEX, 6)};width:{r.randrange(900)}px}}.token--{drawn(r, LOW, 5)}{{margin:0 4px}}",
    "form": lambda r: f'<label for="password">Password</label><input type="password" id="pw{r.randrange(99)}" name="password" autocomplete="current-password" placeholder="Enter password">',
    "react": lambda r: f'const [password, setPassword] = useState(""); <Input id="login-password-{r.randrange(99)}" type="password" value={{password}} />',
    "schema": lambda r: f'password: z.string().min({r.randrange(6, 12)}).max(128), token: z.string().uuid().optional()',
    "pydantic": lambda r: f'    password: SecretStr = Field(..., min_length={r.randrange(6, 12)}, description="the password of the user")',
    "counts": lambda r: f'{{"prompt_tokens": {r.randrange(9999)}, "completion_tokens": {r.randrange(999)}, "max_tokens": 4096, "token_count": {r.randrange(99999)}}}',
    "tokens text": lambda r: f"Used {r.randrange(99999)} tokens ({r.randrange(99)}%), 12.4k cached; token limit 200000",
    "tokenizer": lambda r: f'{{"tokenizer_class": "LlamaTokenizer", "eos_token": "<|im_end|>", "pad_token_id": {r.randrange(99999)}, "unk_token": "<unk>"}}',
    "kubernetes ref": lambda r: f"      valueFrom:\n        secretKeyRef:\n          name: db-credentials-{drawn(r, LOW, 5)}\n          key: db-password",
    "terraform ref": lambda r: f'password = random_password.db_{r.randrange(9)}.result\ntoken    = data.vault_generic_secret.app.data["token"]',
    "helm": lambda r: f"    existingSecret: app-secrets-v{r.randrange(9)}\n    existingSecretPasswordKey: postgres-password",
    "workflow": lambda r: f"          token: ${{{{ secrets.GH_TOKEN_{r.randrange(9)} }}}}\n          password: ${{{{ secrets.DOCKER_PASSWORD }}}}",
    "stand-in": lambda r: f"{r.choice(_NAMES)}={r.choice(_STAND_INS)}",
    "stand-in yaml": lambda r: f'  {r.choice(_NAMES)}: "{r.choice(_STAND_INS)}"',
    "stand-in json": lambda r: f'{{"{r.choice(_NAMES)}": "{r.choice(_STAND_INS)}"}}'.replace("['TOKEN']", ""),
    "translation": lambda r: '{{"password": "{}", "forgot": "{}", "enterPassword": "{}", "error": {{"password": "{}"}}}}'.format(*r.choice(list(_LANGUAGES.values()))),
    "translation yaml": lambda r: 'password: "{}"\npassword_hint: "{}"\nlabels:\n  password: {}'.format(*r.choice(list(_LANGUAGES.values()))),
    "po": lambda r: f'msgid "Password"\nmsgstr "{r.choice(list(_LANGUAGES.values()))[0]}"',
    "code call": lambda r: f"token = client.get_token(scope={r.randrange(9)}); secret = load_secret(name, version={r.randrange(9)})",
    "code compare": lambda r: f"if token == tokens[index{r.randrange(9)}] and password != user.password_hash:",
    "code enum": lambda r: f"const AUTH_TOKEN_EXPIRED: u32 = 0x{drawn(r, HEX, 8)}_u32;\npub const BAD_PASSWORD: i32 = -2147{r.randrange(100000, 999999)}i32;",
    "code names": lambda r: "'RSA_KEY', 'X509_STORE_CTX', 'PEM_PASSWORD_CB', 'gss_krb5_key', 'curle_pass_reply'",
    "code key": lambda r: f'{{"cacheKey": "user:{r.randrange(9999)}:profile", "sortKey": "createdAt", "primaryKey": "id_{r.randrange(99)}", "queryKey": ["todos", {r.randrange(9)}]}}',
    "jwt docs": lambda r: "Send the header `Authorization: Bearer <token>`, where <token> is the access token of the user.",
    "prose": lambda r: f"The password must have at least {r.randrange(8, 20)} characters, one digit and one sign. Tokens expire after {r.randrange(2, 90)} days.",
    "prose key": lambda r: f"The key to a good cache is a good key; see issue #{r.randrange(9999)} and PR {drawn(r, HEX, 7)}.",
    "test output": lambda r: f"--- PASS: TestTokenRefresh/expired_{r.randrange(99)} (0.0{r.randrange(9)}s)\nPASS src/auth/password.test.ts ({r.randrange(20)}.{r.randrange(9)} s)",
    "log": lambda r: f"2026-03-0{r.randrange(1, 9)}T10:00:00Z INFO auth: token refreshed user_id={r.randrange(9999)} expires_in=3600 key_id={drawn(r, HEX, 16)}",
    "access log": lambda r: f'10.0.0.{r.randrange(255)} - - [01/Mar/2026:10:00:00 +0000] "POST /auth/token HTTP/1.1" 200 {r.randrange(9999)} "-" "curl/8.{r.randrange(9)}.0"',
    "numbers": lambda r: f"{r.randrange(4 * 10**18, 5 * 10**18)}, {-r.randrange(10**17, 10**18)}, 5421 5422 5423 5424 5425 5426 0x{drawn(r, HEX, 8)}",
    "ids": lambda r: f"ses_{drawn(r, AN, 24)} msg_{drawn(r, AN, 24)} toolu_{drawn(r, AN, 24)} call_{drawn(r, AN, 24)} req_{drawn(r, AN, 24)}",
    "aws docs": lambda r: f'"SessionToken": "{drawn(r, AN, 20)}EXAMPLE{drawn(r, AN, 8)}", "ClientToken": "{_uuid(r)}"',
    "etag": lambda r: f'ETag: W/"{drawn(r, HEX, 32)}"\r\nX-Request-Id: {_uuid(r)}\r\nX-Amz-Cf-Id: {drawn(r, AN, 12)}',
    "public key": lambda r: f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{drawn(r, AN, 43)} jo\nage1{drawn(r, LOW, 58)}",
    "k8s names": lambda r: f"pod/token-service-{drawn(r, LOW, 9)}-{drawn(r, LOW, 5)} 1/1 Running\nsecret/db-password Opaque 2 {r.randrange(99)}d",
}  # fmt: skip


def samples(seed: int, rounds: int) -> Iterator[tuple[str, str]]:
    """The kind of a text, and the text."""
    rng = random.Random(seed)
    for _ in range(rounds):
        for kind, make in _MAKES.items():
            yield kind, make(rng)
