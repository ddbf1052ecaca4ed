"""A third corpus of invented credentials: other seeds, vendors and templates than the recorded one, made at run time."""

from __future__ import annotations

import base64
import json
import random
import string
import urllib.parse
from collections.abc import Callable, Iterator
from typing import NamedTuple

AN = string.ascii_letters + string.digits
URL = AN + "-_"
HEX = "0123456789abcdef"
UP = string.ascii_uppercase + string.digits
LOW = string.ascii_lowercase + string.digits
B64 = AN + "+/"


class Line(NamedTuple):
    """A text, the secrets in it by position in code points, and how it was made."""

    text: str
    secrets: list[tuple[int, int]]
    made: str


def _of(rng: random.Random, alphabet: str, size: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(size))


def _uuid(rng: random.Random) -> str:
    return "-".join(_of(rng, HEX, size) for size in (8, 4, 4, 4, 12))


def _mixed(rng: random.Random, alphabet: str, size: int) -> str:
    while True:
        text = _of(rng, alphabet, size)
        if any(c.isdigit() for c in text) and any(c.islower() for c in text) and any(c.isupper() for c in text):
            return text


Make = Callable[[random.Random], str]

TOKENS: dict[str, Make] = {
    "AWS_ACCESS_KEY_ID": lambda r: "AK" + "IA" + _of(r, string.ascii_uppercase + "234567", 16),
    "GH_TOKEN": lambda r: "gh" + "o_" + _of(r, AN, 36),
    "GITHUB_PAT": lambda r: "github" + "_pat_" + _of(r, AN, 22) + "_" + _of(r, AN, 59),
    "GITLAB_DEPLOY": lambda r: "gl" + "dt-" + _mixed(r, URL, 20),
    "GITLAB_TRIGGER": lambda r: "gl" + "ptt-" + _of(r, HEX, 40),
    "GITLAB_PAT_ROUTABLE": lambda r: "gl" + "pat-" + _mixed(r, URL, 27) + ".01." + _of(r, LOW, 9),
    "BITBUCKET": lambda r: "AT" + "BB" + _mixed(r, AN, 32),
    "ATLASSIAN": lambda r: "AT" + "ATT3xFfGF0" + _mixed(r, URL, 170) + "=" + _of(r, UP[:6] + "0123456789ABCDEF", 8),
    "SLACK_BOT": lambda r: "xo" + "xb-" + _of(r, "123456789", 12) + "-" + _of(r, "123456789", 13) + "-" + _mixed(r, AN, 24),
    "SLACK_APP": lambda r: "xa" + "pp-1-A" + _of(r, UP, 10) + "-" + _of(r, "123456789", 13) + "-" + _of(r, HEX, 64),
    "DISCORD": lambda r: "M" + _mixed(r, AN, 23) + "." + _of(r, URL, 6) + "." + _mixed(r, URL, 38),
    "TELEGRAM": lambda r: _of(r, "123456789", 9) + ":" + "AA" + _mixed(r, URL, 33),
    "SENDGRID": lambda r: "S" + "G." + _mixed(r, URL, 22) + "." + _mixed(r, URL, 43),
    "MAILGUN": lambda r: "key" + "-" + _of(r, HEX, 32),
    "MAILCHIMP": lambda r: _of(r, HEX, 32) + "-us" + r.choice(["1", "14", "21"]),
    "BREVO": lambda r: "xkey" + "sib-" + _of(r, HEX, 64) + "-" + _mixed(r, AN, 16),
    "STRIPE": lambda r: "rk" + "_live_" + _mixed(r, AN, 99),
    "STRIPE_TEST": lambda r: "sk" + "_test_" + _mixed(r, AN, 24),
    "SQUARE": lambda r: "sq0" + "csp-" + _mixed(r, URL, 43),
    "BRAINTREE": lambda r: "access_token" + "$production$" + _of(r, LOW, 16) + "$" + _of(r, HEX, 32),
    "SHOPIFY": lambda r: "shp" + "ca_" + _of(r, HEX, 32),
    "HEROKU": lambda r: "HR" + "KU-AA" + _mixed(r, URL, 58),
    "DIGITALOCEAN": lambda r: "do" + "p_v1_" + _of(r, HEX, 64),
    "NETLIFY": lambda r: "nf" + "p_" + _mixed(r, AN, 36),
    "VERCEL": lambda r: "vc" + "p_" + _mixed(r, AN, 56),
    "NPM": lambda r: "np" + "m_" + _mixed(r, AN, 36),
    "PYPI": lambda r: "py" + "pi-AgEIcHlwaS5vcmc" + _mixed(r, URL, 140),
    "RUBYGEMS": lambda r: "ruby" + "gems_" + _of(r, HEX, 48),
    "NUGET": lambda r: "oy" + "2" + _of(r, LOW, 43),
    "DOCKERHUB": lambda r: "dckr" + "_pat_" + _mixed(r, URL, 27),
    "HUGGINGFACE": lambda r: "h" + "f_" + _of(r, string.ascii_letters, 34),
    "OPENAI_PROJECT": lambda r: "sk-" + "proj-" + _mixed(r, URL, 74) + "T3BlbkFJ" + _mixed(r, URL, 74),
    "OPENAI_OLD": lambda r: "sk" + "-" + _mixed(r, AN, 20) + "T3BlbkFJ" + _mixed(r, AN, 20),
    "OPENAI_SERVICE": lambda r: "sk-" + "svcacct-" + _mixed(r, URL, 120),
    "ANTHROPIC": lambda r: "sk-" + "ant-api03-" + _mixed(r, URL, 93) + "AA",
    "DEEPSEEK": lambda r: "sk" + "-" + _of(r, HEX, 32),
    "GROQ": lambda r: "gs" + "k_" + _mixed(r, AN, 52),
    "PERPLEXITY": lambda r: "pp" + "lx-" + _mixed(r, AN, 48),
    "XAI": lambda r: "xa" + "i-" + _mixed(r, AN, 80),
    "OPENROUTER": lambda r: "sk-" + "or-v1-" + _of(r, HEX, 64),
    "REPLICATE": lambda r: "r" + "8_" + _mixed(r, AN, 37),
    "DATABRICKS": lambda r: "da" + "pi" + _of(r, HEX, 32) + "-2",
    "NEWRELIC": lambda r: "NR" + "AK-" + _of(r, UP, 27),
    "GRAFANA": lambda r: "gl" + "sa_" + _mixed(r, AN, 32) + "_" + _of(r, HEX, 8),
    "SENTRY_USER": lambda r: "sntr" + "yu_" + _of(r, HEX, 64),
    "LINEAR": lambda r: "lin" + "_api_" + _mixed(r, AN, 40),
    "NOTION": lambda r: "nt" + "n_" + _mixed(r, AN, 46),
    "AIRTABLE": lambda r: "pa" + "t" + _mixed(r, AN, 14) + "." + _of(r, HEX, 64),
    "ASANA": lambda r: "1" + "/" + _of(r, "123456789", 16) + ":" + _of(r, HEX, 32),
    "FIGMA": lambda r: "fig" + "d_" + _mixed(r, URL, 43),
    "POSTMAN": lambda r: "PM" + "AK-" + _of(r, HEX, 24) + "-" + _of(r, HEX, 34),
    "DOPPLER": lambda r: "dp" + ".pt." + _mixed(r, AN, 43),
    "VAULT": lambda r: "hv" + "s." + _mixed(r, URL, 90),
    "TERRAFORM": lambda r: _mixed(r, AN, 14) + ".atlas" + "v1." + _mixed(r, URL, 67),
    "PULUMI": lambda r: "pu" + "l-" + _of(r, HEX, 40),
    "PLANETSCALE": lambda r: "pscale" + "_tkn_" + _mixed(r, URL, 43),
    "SUPABASE": lambda r: "sb" + "p_" + _of(r, HEX, 40),
    "GCP_API": lambda r: "AI" + "za" + _mixed(r, URL, 35),
    "GCP_OAUTH": lambda r: "ya" + "29." + _mixed(r, URL, 120),
    "AZURE_AD": lambda r: _mixed(r, AN, 3) + "8" + "Q~" + _mixed(r, AN + "_~.-", 34),
    "TWILIO_KEY": lambda r: "S" + "K" + _of(r, HEX, 32),
    "JWT_TOKEN": lambda r: ".".join(
        base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
        for part in ('{"alg":"HS256","typ":"JWT"}', '{"sub":"%s","n":"%s"}' % (_of(r, "123456789", 9), _of(r, AN, 12)))
    ) + "." + _mixed(r, URL, 43),
    "AGE": lambda r: "AGE-" + "SECRET-KEY-1" + _of(r, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "TAILSCALE": lambda r: "tskey" + "-auth-" + _mixed(r, AN, 17) + "-" + _mixed(r, AN, 32),
    "ACME_INVENTED": lambda r: "acme" + "_live_" + _mixed(r, AN, 32),
}  # fmt: skip

VALUES: dict[str, Make] = {
    "AWS_SECRET_ACCESS_KEY": lambda r: _mixed(r, B64, 40),
    "DATADOG_API_KEY": lambda r: _of(r, HEX, 32),
    "COHERE_API_KEY": lambda r: _mixed(r, AN, 40),
    "MISTRAL_API_KEY": lambda r: _mixed(r, AN, 32),
    "FASTLY_API_TOKEN": lambda r: _mixed(r, URL, 32),
    "CLOUDFLARE_API_TOKEN": lambda r: _mixed(r, URL, 40),
    "TWILIO_AUTH_TOKEN": lambda r: _of(r, HEX, 32),
    "PAGERDUTY_TOKEN": lambda r: _mixed(r, URL, 20),
    "POSTMARK_SERVER_TOKEN": _uuid,
    "OKTA_CLIENT_SECRET": lambda r: _mixed(r, URL, 40),
    "ENCRYPTION_KEY": lambda r: base64.b64encode(r.randbytes(32)).decode(),
    "JWT_SECRET": lambda r: _mixed(r, AN, 24),
    "SESSION_SECRET": lambda r: _of(r, HEX, 64),
    "client_secret": lambda r: _mixed(r, AN, 12),
    "SNOWFLAKE_PASSWORD": lambda r: _mixed(r, AN + "!#%*", 14),
}

_WORDS = ["river", "amber", "falcon", "teapot", "orchid", "walnut", "copper", "meadow", "signal", "harbor"]
PASSWORDS: tuple[Make, ...] = (
    lambda r: _mixed(r, AN, 12),
    lambda r: _mixed(r, AN, 16),
    lambda r: r.choice(_WORDS).capitalize() + "-" + _of(r, "0123456789", 4) + r.choice(_WORDS),
    lambda r: r.choice(_WORDS).capitalize() + r.choice("!#*") + _of(r, "0123456789", 3),
    lambda r: _mixed(r, AN + "!#*_-.", 20),
)

CONTEXTS: dict[str, str] = {
    "env": "LOG=info\n{name}={secret}\nPORT=1\n",
    "env quoted": '{name}="{secret}"\n',
    "export": "export {name}='{secret}' && make",
    "docker env": "docker run -e {name}={secret} -p 80:80 img",
    "yaml": "service:\n  {name}: {secret}\n  replicas: 2\n",
    "yaml quoted": "- {name}: '{secret}'\n",
    "k8s": "- name: {name}\n  value: {secret}\n",
    "json": '{{"{name}": "{secret}", "n": 1}}',
    "json in json": '{{"arguments":"{{\\"{name}\\":\\"{secret}\\"}}"}}',
    "toml": '[s]\n{name} = "{secret}"\n',
    "properties": "app.{name}={secret}\napp.x=1",
    "python": "client = Client({name}='{secret}')\n",
    "js": "const {name} = `{secret}`;",
    "go": '{name} := "{secret}"',
    "ruby": "{name} => '{secret}',",
    "dict": "config['{name}'] = '{secret}'",
    "xml": "<cfg><{name}>{secret}</{name}></cfg>",
    "query": "GET /v1/x?{name}={secret}&page=2 HTTP/1.1",
    "log": "2026-01-01 INFO loaded {name}={secret}, retries=3",
    "diff": "@@ -1 +1 @@\n-x=1\n+{name}={secret}\n",
    "terraform": 'variable "{name}" {{ default = 1 }}\n{name} = "{secret}"',
    "powershell": '$env:{name} = "{secret}"',
    "cmd": "set {name}={secret}\r\n",
    "typed": '{name}: str = "{secret}"',
    "ini": "[x]\n{name} = {secret}\n",
    "tool result": "   12\t{name}={secret}\n   13\t\n",
    "opencode": "00007| {name}={secret}\n00008| x",
}
BARE: dict[str, str] = {
    "prose": "Use {secret} for the sandbox, then revoke it.",
    "error": "401 invalid credentials: {secret}\n",
    "list": "[1, '{secret}', null]",
    "bearer": "curl -H 'Authorization: Bearer {secret}' https://x.test",
    "header": "X-Api-Key: {secret}\r\nAccept: */*",
    "markdown": "The key is `{secret}`.",
    "table": "| name | {secret} | ok |",
    "parens": "login({secret})",
    "url path": "https://api.test/bot/{secret}/send",
    "html": "<td>{secret}</td>",
    "comment": "// old: {secret}",
}
PASSWORD_CONTEXTS: dict[str, str] = {
    "cli equals": "deploy --host db --password={secret} --verbose",
    "cli space": "deploy --db-password {secret} --verbose",
    "cli quoted": "mytool login --user jo --password '{secret}'",
    "curl user": "curl --user admin:{secret} https://x.test/",
    "curl -u": "curl -s -u 'jo:{secret}' https://x.test/",
    "mysql": "mysql -h db -u root -p{secret} app",
    "sshpass": "sshpass -p '{secret}' ssh x",
    "pg env": "PGPASSWORD={secret} psql -h db",
    "url": "postgresql://svc:{secret}@db.internal:5432/app",
    "url redis": "redis://:{secret}@cache:6379/0",
    "url amqp": 'broker = "amqp://app:{secret}@mq/vhost"',
    "jdbc": "jdbc:postgresql://db/app?user=a&password={secret}",
    "mssql": "Server=db;Database=app;User Id=sa;Password={secret};Encrypt=true",
    "dsn": "host=db user=app password={secret} dbname=x",
    "netrc": "machine api.test login jo password {secret}\n",
    "json": '{{"username":"jo","password":"{secret}"}}',
    "yaml": "db:\n  user: jo\n  password: {secret}\n",
    "prose": "the password is {secret} for now",
    "code": "connect(user='jo', password='{secret}')",
    "env": "DB_PASS={secret}\n",
    "xml": "<password>{secret}</password>",
    "form": "username=jo&password={secret}&submit=1",
    "helm": "helm install x --set db.password={secret}",
    "kubectl": "kubectl create secret generic x --from-literal=password={secret}",
    "docker login": "docker login -u jo -p {secret} registry.test",
    "ruby hash": ":password => '{secret}',",
    "redis cli": "redis-cli -h c -a {secret} ping",
}
_NEEDS_URL = {"url", "url redis", "url amqp", "jdbc", "form"}


def lines(seed: int, rounds: int = 1) -> Iterator[Line]:
    rng = random.Random(seed)
    for _ in range(rounds):
        for name, make in TOKENS.items():
            for kind, template in {**CONTEXTS, **BARE}.items():
                yield _fill(template, name, make(rng), f"{name}/{kind}")
            for trick, twist in TRICKS.items():
                secret = make(rng)
                if (line := twist(rng, secret)) is not None:
                    yield line._replace(made=f"{name}/{trick}")
        for name, make in VALUES.items():
            for kind, template in CONTEXTS.items():
                yield _fill(template, name, make(rng), f"{name}/{kind}")
        for number, make in enumerate(PASSWORDS):
            for kind, template in PASSWORD_CONTEXTS.items():
                secret = make(rng)
                if kind in _NEEDS_URL:
                    secret = urllib.parse.quote(secret, safe="!*-._~")
                yield _fill(template, "", secret, f"password{number}/{kind}")


def _fill(template: str, name: str, secret: str, made: str) -> Line:
    text = template.format(name=name, secret=secret)
    start = text.index(secret)
    return Line(text, [(start, start + len(secret))], made)


def _at(text: str, part: str) -> Line:
    start = text.index(part)
    return Line(text, [(start, start + len(part))], "")


def _split(rng: random.Random, secret: str, joint: str, before: str, after: str) -> Line:
    cut = rng.randrange(len(secret) // 3 + 4, 2 * len(secret) // 3 + 4)
    part = secret[:cut] + joint + secret[cut:]
    return _at(before + part + after, part)


def _b64(rng: random.Random, secret: str, width: int = 0, lead: int = 0) -> Line:
    plain = "x" * lead + "conf: " + secret + " end of it"
    text = base64.b64encode(plain.encode()).decode()
    if width:
        text = "\n".join(text[i : i + width] for i in range(0, len(text), width))
    return _at("data: " + text + "\n", text)


TRICKS: dict[str, Callable[[random.Random, str], Line | None]] = {
    "split": lambda r, s: _split(r, s, "\n", "value: ", "\n\nnext\n"),
    "split crlf": lambda r, s: _split(r, s, "\r\n", "value: ", "\r\n\r\nnext\r\n"),
    "continuation": lambda r, s: _split(r, s, "\\\n", "export X=", "\n"),
    "concat": lambda r, s: _split(r, s, '" + "', 'k = "', '";'),
    "concat lines": lambda r, s: _split(r, s, '" +\n    "', 'k = "', '";'),
    "implicit concat": lambda r, s: _split(r, s, "'\n     '", "k = ('", "')"),
    "zero width": lambda r, s: _split(r, s, "\u200b", "see ", " ok"),
    "soft hyphen": lambda r, s: _split(r, s, "\u00ad", "see ", " ok"),
    "ansi inside": lambda r, s: _split(r, s, "\x1b[0m", "see \x1b[1m", " ok"),
    "forged mask": lambda r, s: _split(r, s, "[REDACTED:x]", "see ", " ok"),
    "diff split": lambda r, s: _split(r, s, "\n+", "+value: ", "\n+\n"),
    "base64": lambda r, s: _b64(r, s),
    "base64 lead 1": lambda r, s: _b64(r, s, lead=1),
    "base64 lead 2": lambda r, s: _b64(r, s, lead=2),
    "base64 wrapped": lambda r, s: _b64(r, s, width=60),
    "base64 twice": lambda r, s: _at("x=" + (t := base64.b64encode(base64.b64encode(("k: " + s + " .").encode())).decode()), t),
    "base64url": lambda r, s: _at("x=" + (t := base64.urlsafe_b64encode(("k?>: " + s + " .").encode()).decode().rstrip("=")), t),
    "hex": lambda r, s: _at("x=" + (t := ("k: " + s).encode().hex()), t),
    "percent": lambda r, s: _at("q=" + (t := "".join(f"%{ord(c):02X}" if i % 5 == 1 or not c.isalnum() else c for i, c in enumerate(s))) + "&z=1", t),
    "percent all": lambda r, s: _at("q=" + (t := "".join(f"%{ord(c):02x}" for c in s)) + "&z=1", t),
    "unicode escape": lambda r, s: _at('{"a":"' + (t := "\\u%04x" % ord(s[0]) + s[1:]) + '"}', t),
    "unicode escape twice": lambda r, s: _at('{"a":"{\\"b\\":\\"' + (t := s[:2] + "\\\\u%04x" % ord(s[2]) + s[3:]) + '\\"}"}', t),
    "hex escape": lambda r, s: _at('x = "' + (t := s[:1] + "\\x%02x" % ord(s[1]) + s[2:]) + '"', t),
    "after newline escape": lambda r, s: _at(json.dumps({"a": "line\n" + s + "\nend"}), s) if s.isascii() and "/" not in s else None,
    "full width": lambda r, s: _at("see " + (t := "".join(chr(ord(c) + 0xFEE0) if i < 4 and "!" <= c <= "~" else c for i, c in enumerate(s))) + " ok", t),
}  # fmt: skip


def plain_lines(seed: int) -> Iterator[str]:
    """Text with nothing to hide that looks as if it had."""
    rng = random.Random(seed)
    for _ in range(20):
        yield f"commit {_of(rng, HEX, 40)}\nindex {_of(rng, HEX, 7)}..{_of(rng, HEX, 7)}"
        yield f'"integrity": "sha512-{_of(rng, B64, 86)}=="'
        yield f"trace_id={_of(rng, HEX, 32)} span_id={_of(rng, HEX, 16)} request={_uuid(rng)}"
        yield f"image@sha256:{_of(rng, HEX, 64)}"
        yield json.dumps({"max_tokens": rng.randrange(9999), "tokenizer": "cl100k_base", "token_type_ids": [0, 1]})
        yield f"session_id=ses_{_mixed(rng, AN, 24)} message=msg_{_mixed(rng, AN, 24)}"
        yield "token = tokens[index2]; secret = load_secret(name_1, version=2)"
        yield "password: str = Field(..., min_length=8)  # password must be 8 to 64 characters"
        yield "if token == TOKEN_NUMBER2 or key in KEYWORDS_V3: raise KeyError(key)"
        yield f'ETag: W/"{_of(rng, HEX, 40)}"  Cache-Key: {_of(rng, HEX, 32)}'
        yield "API_KEY=your-api-key-here PASSWORD=changeme SECRET=<secret> TOKEN=${TOKEN} KEY=xxxxxxxxxxxxxxxx"
        yield "Authorization: Bearer $ACCESS_TOKEN\nAuthorization: Basic <credentials>"
        yield f"build {rng.randrange(10**12)} took {rng.random()} s at 2026-01-{rng.randrange(10, 28)}T10:00:00.{rng.randrange(10**6):06d}Z"
        yield f"/usr/lib/python3.11/site-packages/pkg_{_of(rng, LOW, 6)}/{_of(rng, string.ascii_lowercase, 9)}_token_helper.py"
        yield f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{_of(rng, B64, 43)}"
        yield f"version {rng.randrange(20)}.{rng.randrange(20)}.{rng.randrange(20)} sizes 123-45-678 and 1234 5678 9012"
        yield "sk_learn.linear_model sk-learn-contrib/some-long-project-name key-value-store-implementation"
        yield f"-----BEGIN CERTIFICATE-----\n{_of(rng, B64, 64)}\n{_of(rng, B64, 64)}\n-----END CERTIFICATE-----"
        yield f"data:image/png;base64,iVBORw0KGgo{_of(rng, B64, 600)}"
        yield f"color: #{_of(rng, HEX, 6)}; margin: {rng.randrange(100)}px; id=el-{_of(rng, LOW, 8)}"
        yield f'"primary_key": "user_{rng.randrange(999)}", "foreignKey": "order_id_{rng.randrange(9)}", "cacheKey": "v2:users:{rng.randrange(99999)}"'
