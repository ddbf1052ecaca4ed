"""Tokens of clouds, hosts, networks and databases."""

from __future__ import annotations

import re
from functools import partial

from collector.redact.engine.rule import ByteRange, Rule, Trigger
from collector.redact.rules.vendors.form import (
    AN,
    APART,
    B64,
    HEX,
    URL,
    UUID,
    UUID_EXAMPLE,
    WORD,
    marked_rule,
    mixed,
    vendor_rule,
)

_rule = partial(vendor_rule, since=2)


def _marked(marker: str, pattern: str, *examples: str) -> Rule:
    """A key of Azure, which has a mark in the middle."""
    literals = re.sub(r"[\\()?:+]", " ", marker).replace("|", " ")
    return marked_rule(
        "azure-key", f"(?:{marker})[A-Za-z0-9+/_-]{{6}}", pattern, *examples, literals=literals, ahead=20
    )


def _firebase(data: bytes, place: int) -> ByteRange | None:
    """A Google API key, but not where a web page's Firebase settings show it to everyone."""
    near = data[max(0, place - 400) : place + 400]
    return None if _WEB_SETTINGS.search(near) else _GOOGLE(data, place)


_WEB_SETTINGS = re.compile(
    rb"authDomain|firebaseapp\.com|messagingSenderId|initializeApp|NEXT_PUBLIC_FIREBASE|VITE_FIREBASE"
)
_GOOGLE_KEY = _rule("gcp-api-key", "AIza", URL + "{35,64}", "AIza{url35}")
_GOOGLE = _GOOGLE_KEY.look

_NGROK = re.compile(rb"(?<![A-Za-z0-9_])[123][A-Za-z0-9]{26}_[A-Za-z0-9]{20,24}(?![A-Za-z0-9_])")


def _ngrok(data: bytes, place: int) -> ByteRange | None:
    """Its tokens have no prefix, so the name of the vendor must stand before."""
    match = _NGROK.search(data, place, place + 140)
    return match.span() if match else None


CLOUDS: tuple[Rule, ...] = (
    _rule("netlify-token", "nf[pcoub]_", "[A-Za-z0-9_]{36,80}", "nfp_{alnum36}", head="[A-Za-z0-9]{12}", literals="nfp_ nfc_ nfo_ nfu_ nfb_", check=mixed, no=("timinginfo_requestedurl_initiatortype_global_cachemode",)),
    # -- Microsoft marks its keys: 64 bytes, 32 bytes and shorter ones
    _marked(r"\+A(?:St|Ba|MC)|ACDb|APIM", r"[A-Za-z0-9+/]{76}(?:\+A(?:St|Ba|MC)|ACDb|APIM)[A-Za-z0-9+/]{6,8}={0,2}", "{b6476}+ASt{b646}==", "AccountKey={b6476}ACDb{b646}=="),
    _marked(r"\+A(?:Sb|Eh|Rm)|AIoT", r"[A-Za-z0-9+/]{33}(?:\+A(?:Sb|Eh|Rm)|AIoT)[A-Za-z0-9+/]{6,8}={0,1}", "{b6433}+ASb{b646}="),
    _marked(r"AzCa|AZEG", r"[A-Za-z0-9+/]{33}(?:AzCa|AZEG)[A-Za-z0-9+/]{6,8}={0,1}", "{alnum33}AzCa{alnum6}="),
    _marked(r"AzSe|\+ACR", r"[A-Za-z0-9+/]{42}(?:AzSe|\+ACR)[A-Za-z0-9+/]{6}", "{alnum42}AzSe{alnum6}", "{b6442}+ACR{b646}"),
    _marked(r"AzFu", r"[A-Za-z0-9_-]{44}AzFu[A-Za-z0-9_-]{6}={0,2}", "{url44}AzFu{url6}=="),
    Rule(_GOOGLE_KEY.id, "secrets", _GOOGLE_KEY.triggers, _firebase, match=("AIza{url35}",), token=True, since=2,
                          no_match=('initializeApp({{apiKey: "AIza{url35}", authDomain: "x.firebaseapp.com"}})',)),
    _rule("gcp-hmac-key", "GOOG1E", "[A-Z0-9]{20,60}", "GOOG1E{upper56}", head="[A-Z0-9]{12}", before=APART, check=mixed),
    _rule("tencent-key", "AKID", "[A-Za-z0-9]{32}(?![A-Za-z0-9])", "AKID{alnum32}", head=AN + "{16}", before=APART, check=mixed),
    _rule("volcengine-key", "AKLT", "[A-Za-z0-9=]{40,70}", "AKLT{alnum44}", head=AN + "{24}", before=APART, check=mixed),
    _rule("baidu-key", "bce-v3/ALTAK-", "[A-Za-z0-9]{16,32}/[0-9a-f]{32,48}", "bce-v3/ALTAK-{alnum21}/{hex40}"),
    _rule("yandex-key", r"t1\.", r"[A-Za-z0-9_-]{20,400}={0,2}\.[A-Za-z0-9_-]{80,90}={0,2}", "t1.{url60}.{url86}", head=URL + "{16}"),
    _rule("yandex-key", "YCAJE", "[A-Za-z0-9_-]{20,24}(?![A-Za-z0-9_-])", "YCAJE{url20}", head=URL + "{12}", before=WORD),
    _rule("yandex-key", "YC[MNOP]", "[A-Za-z0-9_-]{37}(?![A-Za-z0-9_-])", "YCO{url37}", head=URL + "{30}", literals="ycm ycn yco ycp", before=APART, check=mixed),
    _rule("yandex-key", "y0_", "[A-Za-z0-9_-]{40,80}", "y0_AgAA{url50}", head=URL + "{24}", before=WORD),
    _rule("exoscale-key", "EXO", "[0-9a-f]{24,28}(?![0-9a-f])", "EXO{hex26}", head=HEX + "{16}", before=WORD),
    _rule("digitalocean-token", "DO00", "[A-Z0-9]{16}(?![A-Za-z0-9])", "DO00{upper16}", head="[A-Z0-9]{16}", before=APART, check=mixed),
    _rule("scalingo-token", "tk-us-", URL + "{40,60}", "tk-us-{url48}"),
    _rule("backblaze-key", "K00[0-9]", "[A-Za-z0-9+/]{27}(?![A-Za-z0-9+/])", "K005{b6427}", head=B64 + "{24}", literals="k00", before=APART, check=mixed),
    _rule("fly-token", "fo1_", URL + "{30,200}", "fo1_{url43}", head=URL + "{20}", before=WORD),
    _rule("fly-token", "fm[12]_", "[A-Za-z0-9+/=_,-]{40,4000}", "fm2_{b64100}==", head="[A-Za-z0-9+/_-]{30}", literals="fm1_ fm2_"),
    _rule("fly-token", "fm1[ar]_", "[A-Za-z0-9+/=_,-]{40,4000}", "fm1r_{b64120}", head="[A-Za-z0-9+/_-]{24}", literals="fm1a_ fm1r_"),
    _rule("deno-token", "dd[po]_", "[A-Za-z0-9]{30,48}", "ddp_{alnum36}", head=AN + "{16}", literals="ddp_ ddo_"),
    _rule("cloudflare-tunnel-token", "eyJhIjoi", "[A-Za-z0-9+/]{80,400}={0,2}", "eyJhIjoi{b64150}", head=AN + "{4}"),
    _rule("cloudflare-key", "cfk_", URL + "{32,80}", "cfk_{alnum48}", head=AN + "{20}", before=WORD),
    Rule("ngrok-token", "secrets", (Trigger("(?i)ngrok", None, (b"ngrok",)),), _ngrok, match=("ngrok config add-authtoken 2{alnum26}_{alnum21}",), no_match=("ngrok http 8080",), token=True, since=2),
    _rule("netbird-token", "nbp_", "[A-Za-z0-9]{30,44}", "nbp_{alnum36}", head=AN + "{20}", before=WORD),
    _rule("portainer-key", "ptr_", "[A-Za-z0-9+/]{40,48}={0,2}", "ptr_{b6443}=", head=B64 + "{16}", before=WORD),
    _rule("docker-token", "SWMTKN-1-", "[a-z0-9]{50}-[a-z0-9]{25}", "SWMTKN-1-{lower50}-{lower25}", head="[a-z0-9]{12}"),
    _rule("rancher-token", "token-[a-z0-9]{5}:", "[a-z0-9]{50,60}", "token-{lower5}:{lower54}", head="[a-z0-9]{12}"),
    _rule("kubernetes-join-token", "K10[0-9a-f]{64}::", r"[A-Za-z0-9._:-]{8,120}", "K10{hex64}::server:{hex32}", literals="::"),
    _rule("proxmox-token", "PVEAPIToken=", r"[A-Za-z0-9._@-]{3,64}![A-Za-z0-9._-]{1,64}=" + UUID, "PVEAPIToken=root@pam!ci=" + UUID_EXAMPLE, head=r"[A-Za-z0-9._@-]{3}"),
    marked_rule("laravel-token", r"[0-9]\|[A-Za-z0-9]{16}", r"[0-9]{1,8}\|[A-Za-z0-9]{40,48}", "7|{alnum40}", literals="|"),
    _rule("boundary-token", "at_[A-Za-z0-9]{10}_", "[A-Za-z0-9]{24,400}", "at_{alnum10}_s1{alnum60}", head=AN + "{12}"),
    _rule("bitwarden-token", r"0\." + UUID + r"\.", r"[A-Za-z0-9]{30}:[A-Za-z0-9+/]{22}==", "0." + UUID_EXAMPLE + ".{alnum30}:{b6422}==", head=AN + "{8}", literals="0."),
    _rule("infisical-token", r"st\.[0-9a-f]{24}\.", r"[0-9a-f]{32}\.[0-9a-f]{32}", "st.{hex24}.{hex32}.{hex32}", head=HEX + "{8}", literals="st."),
    _rule("onepassword-token", "ops_", "ey[A-Za-z0-9+/=_-]{100,2000}", "ops_eyJ{b64250}==", head="eyJ[A-Za-z0-9]{4}"),
    _rule("dashlane-token", "dls_[A-Z0-9]{8,8}_", URL + "{20,80}", "dls_{upper8}_{alnum32}"),
    _rule("backstage-token", "backstage_", "[A-Za-z0-9]{32,64}", "backstage_{alnum40}", head=AN + "{24}", check=mixed),
    # -- databases and stores
    _rule("neon-key", "npg_", "[A-Za-z0-9]{12,24}(?![A-Za-z0-9_])", "npg_{alnum12}", head=AN + "{12}", before=WORD, check=mixed),
    _rule("aiven-token", "AVNS_", URL + "{14,40}", "AVNS_{url19}", head=URL + "{12}"),
    _rule("aiven-token", "aivenv1_", "[A-Za-z0-9+/=_-]{40,400}", "aivenv1_{b64120}"),
    _rule("cockroachdb-key", "CCDB1_", "[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{40}", "CCDB1_{url22}_{url40}"),
    _rule("mongodb-key", "mdb_sa_sk_", URL + "{36,60}", "mdb_sa_sk_{url40}"),
    _rule("clickhouse-key", "4b1d", "[A-Za-z0-9]{38}(?![A-Za-z0-9])", "4b1d{alnum38}", head=AN + "{30}", before=WORD, check=mixed),
    _rule("databricks-token", "d(?:kea|osr|aps)", HEX + "{32}(?:-[0-9]{1,2})?", "dkea{hex32}", head=HEX + "{20}", literals="dkea dosr daps"),
    _rule("xata-key", "xau_", "[A-Za-z0-9]{24,50}", "xau_{alnum32}", head=AN + "{20}", before=WORD, check=mixed),
    _rule("tinybird-token", r"p\.eyJ", r"[A-Za-z0-9_-]{20,400}\.[A-Za-z0-9_-]{20,80}", "p.eyJ{url80}.{url43}", before=WORD),
    _rule("materialize-key", "mzp_", HEX + "{60,70}", "mzp_{hex64}", head=HEX + "{12}"),
    _rule("astra-token", "AstraCS:", "[A-Za-z]{16,32}:[0-9a-f]{64}", "AstraCS:abcdeFGHIJklmnopqrSTUVWX:{hex64}"),
    _rule("confluent-key", "cflt", "[A-Za-z0-9+/]{60}(?![A-Za-z0-9+/])", "cflt{b6460}", head=B64 + "{40}", before=APART, check=mixed),
    _rule("elastic-token", "essu_", "[A-Za-z0-9+/=_-]{40,400}", "essu_{b6480}==", head=B64 + "{20}"),
    _rule("edgedb-token", "(?:nbwt|edbt)_", URL + "{40,400}", "nbwt_{url80}", head=URL + "{20}", literals="nbwt_ edbt_"),
    _rule("planetscale-token", "pscale_apitoken_", r"[A-Za-z0-9_=.-]{30,70}", "pscale_apitoken_{url43}"),
    _rule("supabase-key", "sbp_v0_", HEX + "{40}", "sbp_v0_{hex40}"),
    _rule("aws-bedrock-key", "bedrock-api-key-", "[A-Za-z0-9+/=_-]{60,2000}", "bedrock-api-key-{b64120}", head="[A-Za-z0-9+/_-]{20}"),
)  # fmt: skip
