"""A corpus of bare tokens, each made from its vendor's published grammar: prefix, alphabet, length, checksum place.

Written from the vendors' own pages and the formats that GitHub's partners publish, not from the rules. No label stands
beside a token: what is found is found by its form. It does not cover formats without a form (plain hexadecimal or UUIDs).
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator

AN = string.ascii_letters + string.digits
LOW = string.ascii_lowercase + string.digits
UP = string.ascii_uppercase + string.digits
URL = AN + "-_"
B64 = AN + "+/"
HEX = "0123456789abcdef"
HEX_UP = "0123456789ABCDEF"
NUM = "0123456789"
B32 = string.ascii_uppercase + "234567"
B58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

Make = Callable[[random.Random], str]


def of(rng: random.Random, alphabet: str, size: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(size))


def mixed(rng: random.Random, alphabet: str, size: int) -> str:
    """Drawn until it has a digit, and both cases where the alphabet has them: nearly every real token does."""
    kinds = [
        kind for kind in (string.digits, string.ascii_lowercase, string.ascii_uppercase) if set(kind) & set(alphabet)
    ]
    while True:
        text = of(rng, alphabet, size)
        if all(set(kind) & set(text) for kind in kinds) and text[0] not in "-_" and text[-1] not in "-_":
            return text


def uuid(rng: random.Random) -> str:
    return "-".join(of(rng, HEX, size) for size in (8, 4, 4, 4, 12))


def _json64(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def _jwt(rng: random.Random, **claims: str) -> str:
    return f"{_json64({'alg': 'HS256', 'typ': 'JWT'})}.{_json64(claims or {'sub': of(rng, NUM, 10)})}.{mixed(rng, URL, 43)}"


def _after(prefix: str, alphabet: str, size: int) -> Make:
    return lambda rng: prefix + mixed(rng, alphabet, size)


VENDORS: dict[str, Make] = {
    "github classic": _after("gh" + "p_", AN, 36),
    "github oauth": _after("gh" + "o_", AN, 36),
    "github user to server": _after("gh" + "u_", AN, 36),
    "github server": _after("gh" + "s_", AN, 36),
    "github refresh": _after("gh" + "r_", AN, 76),
    "github fine grained": lambda r: "github" + "_pat_" + mixed(r, AN, 22) + "_" + mixed(r, AN, 59),
    "gitlab personal": _after("gl" + "pat-", URL, 20),
    "gitlab runner": _after("gl" + "rt-", URL, 20),
    "gitlab ci job": lambda r: "gl" + "cbt-" + of(r, HEX, 2) + "_" + mixed(r, URL, 20),
    "gitlab feed": _after("gl" + "ft-", URL, 20),
    "gitlab incoming mail": _after("gl" + "imt-", LOW, 25),
    "gitlab agent": _after("gl" + "agent-", URL, 50),
    "gitlab trigger": _after("gl" + "ptt-", HEX, 40),
    "gitlab oauth application": _after("gl" + "oas-", HEX, 64),
    "gitlab scim": _after("gl" + "soat-", URL, 20),
    "gitlab feature flags": _after("gl" + "ffct-", URL, 20),
    "gitlab registration": _after("GR" + "1348941", URL, 20),
    "bitbucket app password": _after("AT" + "BB", AN, 32),
    "atlassian": lambda r: "AT" + "ATT3xFfGF0" + mixed(r, URL, 172) + "=" + of(r, HEX_UP, 8),
    "bitbucket access": lambda r: "AT" + "CTT3xFfGN0" + mixed(r, URL, 172) + "=" + of(r, HEX_UP, 8),
    "trello": lambda r: "AT" + "TA" + of(r, HEX, 64) + of(r, HEX_UP, 8),
    "aws key id": lambda r: "AK" + "IA" + of(r, B32, 16),
    "aws temporary id": lambda r: "AS" + "IA" + of(r, B32, 16),
    "aws bedrock": lambda r: "AB" + "SK" + base64.b64encode(("BedrockAPIKey-" + of(r, LOW, 4) + "-at-" + of(r, NUM, 12) + ":" + of(r, AN, 42)).encode()).decode(),
    "google api": _after("AI" + "za", URL, 35),
    "google client secret": _after("GOC" + "SPX-", URL, 28),
    "google access": _after("ya" + "29.a0A", URL, 160),
    "google refresh": _after("1/" + "/0", URL, 62),
    "azure client secret": lambda r: mixed(r, AN, 3) + "8" + "Q~" + mixed(r, AN + "_~.-", 34),
    "azure storage": lambda r: mixed(r, B64, 76) + "+" + "ASt" + of(r, AN, 5) + "A==",
    "azure cosmos": lambda r: mixed(r, AN, 76) + "AC" + "Db" + of(r, AN, 5) + "Q==",
    "azure functions": lambda r: mixed(r, URL, 44) + "Az" + "Fu" + of(r, AN, 5) + "g==",
    "azure search": lambda r: mixed(r, AN, 42) + "Az" + "Se" + "C" + of(r, AN, 5),
    "azure registry": lambda r: mixed(r, AN, 42) + "+" + "ACR" + "B" + of(r, AN, 5),
    "azure service bus": lambda r: mixed(r, B64, 33) + "+" + "ASb" + of(r, AN, 5) + "A=",
    "azure event hub": lambda r: mixed(r, B64, 33) + "+" + "AEh" + of(r, AN, 5) + "w=",
    "azure redis": lambda r: mixed(r, AN, 33) + "Az" + "Ca" + "B" + of(r, AN, 5) + "=",
    "azure devops": lambda r: mixed(r, AN, 76) + "AZ" + "DO" + of(r, AN, 4),
    "azure ai": lambda r: mixed(r, AN, 52) + "JQ" + "QJ99" + "B" + "C" + of(r, AN, 16) + "A" + of(r, AN, 7),
    "slack bot": lambda r: "xo" + "xb-" + of(r, "123456789", 12) + "-" + of(r, "123456789", 13) + "-" + mixed(r, AN, 24),
    "slack user": lambda r: "xo" + "xp-" + "-".join(of(r, "123456789", 12) for _ in range(3)) + "-" + of(r, HEX, 32),
    "slack app": lambda r: "xa" + "pp-1-A" + of(r, UP, 10) + "-" + of(r, "123456789", 13) + "-" + of(r, HEX, 64),
    "slack rotated": lambda r: "xo" + "xe.xo" + "xp-1-" + mixed(r, AN, 163),
    "slack webhook": lambda r: "https://hooks.slack" + ".com/services/T" + of(r, UP, 8) + "/B" + of(r, UP, 10) + "/" + mixed(r, AN, 24),
    "discord bot": lambda r: "M" + mixed(r, AN, 25) + "." + of(r, AN, 6) + "." + mixed(r, URL, 38),
    "discord webhook": lambda r: "https://discord" + ".com/api/webhooks/" + of(r, "123456789", 19) + "/" + mixed(r, URL, 68),
    "telegram bot": lambda r: of(r, "123456789", 10) + ":" + "AA" + mixed(r, URL, 33),
    "twilio key": lambda r: "S" + "K" + of(r, HEX, 32),
    "sendgrid": lambda r: "S" + "G." + mixed(r, URL, 22) + "." + mixed(r, URL, 43),
    "mailchimp": lambda r: of(r, HEX, 32) + "-us" + r.choice(["6", "13", "20"]),
    "mailgun": _after("key" + "-", HEX, 32),
    "brevo": lambda r: "xkey" + "sib-" + of(r, HEX, 64) + "-" + mixed(r, AN, 16),
    "brevo smtp": lambda r: "xsmtp" + "sib-" + of(r, HEX, 64) + "-" + mixed(r, AN, 16),
    "resend": lambda r: "re" + "_" + mixed(r, AN, 8) + "_" + mixed(r, AN, 24),
    "klaviyo": _after("pk" + "_", HEX, 34),
    "stripe live": _after("sk" + "_live_", AN, 99),
    "stripe restricted": _after("rk" + "_live_", AN, 24),
    "stripe webhook": _after("wh" + "sec_", AN, 32),
    "paystack": _after("sk" + "_live_", HEX, 40),
    "square access": _after("EA" + "AA", URL, 60),
    "square secret": _after("sq0" + "csp-", URL, 43),
    "shopify admin": _after("shp" + "at_", HEX, 32),
    "shopify shared": _after("shp" + "ss_", HEX, 32),
    "braintree": lambda r: "access_token" + "$production$" + of(r, LOW, 16) + "$" + of(r, HEX, 32),
    "razorpay": _after("rzp" + "_live_", AN, 14),
    "flutterwave": lambda r: "FLW" + "SECK-" + of(r, HEX, 32) + "-X",
    "plaid": lambda r: "access-" + "production-" + uuid(r),
    "duffel": _after("duffel" + "_live_", URL, 43),
    "easypost": _after("EZ" + "AK", AN, 54),
    "shippo": _after("shippo" + "_live_", HEX, 40),
    "openai project": lambda r: "sk-" + "proj-" + mixed(r, URL, 74) + "T3Blbk" + "FJ" + mixed(r, URL, 74),
    "openai admin": lambda r: "sk-" + "admin-" + mixed(r, URL, 58) + "T3Blbk" + "FJ" + mixed(r, URL, 58),
    "openai user": lambda r: "sk" + "-" + mixed(r, AN, 20) + "T3Blbk" + "FJ" + mixed(r, AN, 20),
    "anthropic": lambda r: "sk-" + "ant-api03-" + mixed(r, URL, 93) + "AA",
    "anthropic admin": lambda r: "sk-" + "ant-admin01-" + mixed(r, URL, 93) + "AA",
    "anthropic oauth": lambda r: "sk-" + "ant-oat01-" + mixed(r, URL, 93) + "AA",
    "groq": _after("gs" + "k_", AN, 52),
    "perplexity": _after("pp" + "lx-", AN, 48),
    "xai": _after("xa" + "i-", AN, 80),
    "openrouter": _after("sk-" + "or-v1-", HEX, 64),
    "replicate": _after("r" + "8_", AN, 37),
    "hugging face": lambda r: "h" + "f_" + of(r, string.ascii_letters, 34),
    "hugging face organisation": lambda r: "api" + "_org_" + of(r, string.ascii_letters, 34),
    "fireworks": _after("fw" + "_", AN, 24),
    "together": _after("tgp" + "_v1_", URL, 43),
    "nvidia": _after("nv" + "api-", URL, 64),
    "cerebras": _after("cs" + "k-", LOW, 48),
    "langsmith": lambda r: "lsv2" + "_pt_" + of(r, HEX, 32) + "_" + of(r, HEX, 10),
    "langfuse": lambda r: "sk-" + "lf-" + uuid(r),
    "elevenlabs": _after("sk" + "_", HEX, 48),
    "tavily": _after("tv" + "ly-", AN, 32),
    "pinecone": lambda r: "pc" + "sk_" + mixed(r, AN, 6) + "_" + mixed(r, AN, 63),
    "firecrawl": _after("fc" + "-", HEX, 32),
    "jina": _after("ji" + "na_", AN, 60),
    "e2b": _after("e" + "2b_", HEX, 40),
    "vercel ai gateway": _after("vc" + "k_", AN, 56),
    "cursor": _after("key" + "_", HEX, 64),
    "digitalocean": _after("do" + "p_v1_", HEX, 64),
    "digitalocean refresh": _after("do" + "r_v1_", HEX, 64),
    "heroku": _after("HR" + "KU-AA", URL, 58),
    "netlify": _after("nf" + "p_", AN, 36),
    "fly": lambda r: "Fly" + "V1 fm2_" + base64.b64encode(r.randbytes(240)).decode(),
    "render": _after("rn" + "d_", AN, 28),
    "cloudflare origin": lambda r: "v1.0-" + of(r, HEX, 24) + "-" + of(r, HEX, 146),
    "tailscale": lambda r: "tskey" + "-api-" + mixed(r, AN, 17) + "-" + mixed(r, AN, 32),
    "doppler service": lambda r: "dp" + ".st.prd." + mixed(r, AN, 43),
    "doppler personal": _after("dp" + ".pt.", AN, 43),
    "vault service": _after("hv" + "s.", URL, 95),
    "vault batch": _after("hv" + "b.", URL, 150),
    "terraform cloud": lambda r: mixed(r, AN, 14) + ".atlas" + "v1." + mixed(r, URL, 67),
    "pulumi": _after("pu" + "l-", HEX, 40),
    "planetscale": _after("pscale" + "_pw_", URL, 43),
    "supabase": _after("sb" + "p_", HEX, 40),
    "supabase secret": lambda r: "sb" + "_secret_" + mixed(r, URL, 22) + "_" + mixed(r, URL, 8),
    "neon": _after("na" + "pi_", LOW, 64),
    "databricks": lambda r: "da" + "pi" + of(r, HEX, 32) + "-3",
    "aiven": _after("AV" + "NS_", URL, 19),
    "cockroach": lambda r: "CC" + "DB1_" + mixed(r, AN, 22) + "_" + mixed(r, AN, 40),
    "mongodb service": _after("mdb" + "_sa_sk_", URL, 40),
    "grafana service": lambda r: "gl" + "sa_" + mixed(r, AN, 32) + "_" + of(r, HEX, 8),
    "grafana cloud": lambda r: "gl" + "c_" + _json64({"o": "123456", "n": "agent", "k": of(r, AN, 24), "m": {"r": "eu"}}),
    "new relic user": _after("NR" + "AK-", UP, 27),
    "new relic insert": _after("NR" + "II-", URL, 32),
    "sentry user": _after("sntr" + "yu_", HEX, 64),
    "sentry organisation": lambda r: "sntr" + "ys_" + _json64({"iat": 17, "url": "https://s.test", "org": "a"}) + "=_" + mixed(r, B64, 43),
    "honeycomb": _after("hc" + "aik_", LOW, 58),
    "dynatrace": lambda r: "dt0" + "c01." + of(r, B32, 24) + "." + of(r, B32, 64),
    "posthog": _after("ph" + "x_", AN, 43),
    "launchdarkly": lambda r: "sdk" + "-" + uuid(r),
    "linear": _after("lin" + "_api_", AN, 40),
    "notion": _after("nt" + "n_", AN, 46),
    "airtable": lambda r: "pa" + "t" + mixed(r, AN, 14) + "." + of(r, HEX, 64),
    "asana": lambda r: "2" + "/" + of(r, "123456789", 16) + "/" + of(r, "123456789", 16) + ":" + of(r, HEX, 32),
    "clickup": lambda r: "pk" + "_" + of(r, "123456789", 8) + "_" + of(r, UP, 32),
    "figma": _after("fig" + "d_", URL, 40),
    "postman": lambda r: "PM" + "AK-" + of(r, HEX, 24) + "-" + of(r, HEX, 34),
    "dropbox": _after("sl" + ".u.", URL, 180),
    "contentful": _after("CF" + "PAT-", URL, 43),
    "hubspot": lambda r: "pa" + "t-na1-" + uuid(r),
    "salesforce": lambda r: "00D" + of(r, AN, 12) + "!A" + "Q" + mixed(r, AN + "._", 94),
    "typeform": lambda r: "tf" + "p_" + mixed(r, AN, 44) + "_" + mixed(r, AN, 14),
    "frame.io": _after("fi" + "o-u-", URL, 64),
    "npm": _after("np" + "m_", AN, 36),
    "pypi": _after("py" + "pi-AgEIcHlwaS5vcmc", URL, 150),
    "rubygems": _after("ruby" + "gems_", HEX, 48),
    "nuget": _after("oy" + "2", LOW, 43),
    "docker personal": _after("dckr" + "_pat_", URL, 27),
    "docker organisation": _after("dckr" + "_oat_", URL, 32),
    "crates.io": _after("ci" + "o", AN, 32),
    "clojars": _after("CLO" + "JARS_", HEX, 60),
    "artifactory": _after("AK" + "Cp8", AN, 69),
    "artifactory reference": lambda r: base64.b64encode(("ref" + "tkn:01:" + of(r, NUM, 10) + ":" + of(r, AN, 27)).encode()).decode(),
    "buildkite": _after("bk" + "ua_", HEX, 40),
    "circleci": lambda r: "CCI" + "PAT_" + mixed(r, AN, 22) + "_" + of(r, HEX, 40),
    "sonarqube": _after("sq" + "u_", HEX, 40),
    "harness": lambda r: "pa" + "t." + mixed(r, URL, 22) + "." + of(r, HEX, 24) + "." + mixed(r, AN, 20),
    "octopus": _after("API" + "-", UP, 26),
    "prefect": _after("pn" + "u_", AN, 36),
    "infracost": _after("ic" + "o-", AN, 32),
    "1password service": lambda r: "op" + "s_" + _json64({"signInAddress": "a.test", "userAuth": {"x": of(r, AN, 40)}, "secretKey": of(r, UP, 34), "muk": of(r, AN, 80), "t": of(r, AN, 80)}),
    "1password key": lambda r: "A3" + "-" + of(r, UP, 6) + "-" + of(r, UP, 6) + "-" + "-".join(of(r, UP, 5) for _ in range(4)),
    "bitwarden": lambda r: "0." + uuid(r) + "." + mixed(r, AN, 30) + ":" + base64.b64encode(r.randbytes(16)).decode(),
    "age": lambda r: "AGE-" + "SECRET-KEY-1" + of(r, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "mapbox": lambda r: "sk" + "." + _json64({"u": "someone", "a": of(r, LOW, 25)}) + "." + mixed(r, URL, 22),
    "maxmind": lambda r: mixed(r, AN, 6) + "_" + mixed(r, AN, 29) + "_mm" + "k",
    "readme": _after("rd" + "me_", LOW, 70),
    "clerk": _after("sk" + "_test_", AN, 40),
    "alibaba": _after("LT" + "AI5t", AN, 20),
    "tencent": _after("AK" + "ID", AN, 32),
    "yandex": _after("AQ" + "VN", URL, 35),
    "sourcegraph": lambda r: "sg" + "p_" + of(r, HEX, 16) + "_" + of(r, HEX, 40),
    "rootly": _after("rootly" + "_", HEX, 64),
    "scaleway": lambda r: "SC" + "W" + of(r, UP, 17),
    "apify": _after("apify" + "_api_", AN, 36),
    "facebook": _after("EA" + "ACEdEose0cBA", AN, 140),
    "deno": _after("dd" + "p_", AN, 36),
    "portainer": lambda r: "pt" + "r_" + base64.b64encode(r.randbytes(32)).decode(),
    "logfire": _after("pylf" + "_v1_us_", AN, 43),
    "pinterest": _after("pi" + "na_", AN, 60),
    "wakatime": lambda r: "wa" + "ka_" + uuid(r),
    "lichess": _after("li" + "p_", AN, 20),
    "zuplo": lambda r: "zp" + "ka_" + of(r, HEX, 32) + "_" + of(r, HEX, 8),
    "unkey": _after("unkey" + "_", B58, 24),
    "ubidots": _after("BB" + "FF-", AN, 30),
    "tinybird": lambda r: "p" + "." + _json64({"u": uuid(r), "id": uuid(r)}) + "." + mixed(r, URL, 43),
    "telnyx": lambda r: "KEY" + of(r, HEX_UP, 32) + "_" + mixed(r, AN, 22),
    "stytch": lambda r: "secret" + "-live-" + mixed(r, URL, 35) + "=",
    "json web token": _jwt,
    "nostr": lambda r: "ns" + "ec1" + of(r, "qpzry9x8gf2tvdw0s3jn54khce6mua7l", 58),
    "polar": _after("polar" + "_oat_", AN, 43),
    "vercel": _after("vc" + "p_", AN, 56),
    "xata": _after("xa" + "u_", AN, 36),
    "stackhawk": lambda r: "haw" + "k." + mixed(r, URL, 20) + "." + mixed(r, URL, 20),
    "travis slack": lambda r: "xo" + "xa-2-" + "-".join(of(r, "123456789", 12) for _ in range(3)) + "-" + of(r, HEX, 32),
    "brave search": _after("BS" + "A", URL, 27),
    "adobe": lambda r: "p" + "8e-" + mixed(r, URL, 32),
    "confluent": _after("cf" + "lt", AN, 60),
    "volcengine": lambda r: "AK" + "LT" + mixed(r, AN, 44),
    "ionic": _after("io" + "n_", AN, 42),
    "val town": _after("vt" + "wn_", AN, 32),
}  # fmt: skip

BARE = (
    "I rotated § this morning.",
    "WARN upstream refused (§)",
    "fetch('/me', §)",
    "- §\n- next item",
    "<code>§</code>",
    '["§"]',
    "§",
    "12: §\r\n13: end",
)


def tokens(seed: int) -> Iterator[tuple[str, str, str]]:
    """How it was made, the text, and the token in it: every vendor in two places."""
    rng = random.Random(seed)
    for vendor, make in VENDORS.items():
        for place in rng.sample(range(len(BARE)), 2):
            token = make(rng)
            secret = token.rsplit("/", 1)[1] if token.startswith("https://") else token
            yield f"{vendor}/{place}", BARE[place].replace("§", token), secret
