"""Tokens of code hosts, registries, builds, and the clients of coding agents."""

from __future__ import annotations

from functools import partial

from collector.redact.engine.rule import Rule
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

CODE: tuple[Rule, ...] = (
    _rule("bitbucket-token", "BBDC-", "[A-Za-z0-9+/@_-]{40,50}", "BBDC-{b6444}", head=B64 + "{16}"),
    _rule("gitlab-token", "gl(?:rt|pt|dt)-t[0-9]_", r"[A-Za-z0-9_-]{20,300}(?:\.[A-Za-z0-9_.-]{5,60})?", "glrt-t1_{url27}.01.{lower9}", literals="glrt-t glpt-t gldt-t"),
    _rule("clojars-token", "CLOJARS_", "[A-Za-z0-9]{50,64}", "CLOJARS_{lower60}", head=AN + "{12}"),
    _rule("jfrog-token", "cmVmd", "[A-Za-z0-9]{59}(?![A-Za-z0-9])", "cmVmd{alnum59}", head=AN + "{8}", before=APART, check=mixed),
    _rule("sourcegraph-token", "sg[sd]_", "(?:[0-9a-f]{16}_)?[0-9a-f]{40,64}", "sgd_{hex64}", head=HEX + "{16}", literals="sgs_ sgd_"),
    _rule("sourcegraph-token", "slk_", HEX + "{64}", "slk_{hex64}", head=HEX + "{16}"),
    _rule("sourcegraph-token", "sgamp_", "[A-Za-z0-9_]{30,100}", "sgamp_user_{alnum60}", head="[A-Za-z0-9_]{12}"),
    _rule("buildkite-token", "bk(?:jt|ar|ui)_", "[A-Za-z0-9]{30,80}", "bkar_{alnum40}", head=AN + "{12}", literals="bkjt_ bkar_ bkui_"),
    _rule("bitrise-token", "bit(?:pat|wat)-", "[A-Za-z0-9_-]{40,100}", "bitpat-{url60}", head=URL + "{12}", literals="bitpat- bitwat-"),
    _rule("harness-key", r"[ps]at\.", r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}", "pat.{url22}.{alnum24}.{alnum20}", head=URL + r"{22}\.", literals="pat. sat."),
    _rule("launchdarkly-key", "mob-", UUID, "mob-" + UUID_EXAMPLE, head="[0-9a-f]{8}-[0-9a-f]{4}-"),
    _rule("configcat-key", "configcat-sdk-1/", "[A-Za-z0-9_-]{22}/[A-Za-z0-9_-]{22}", "configcat-sdk-1/{url22}/{url22}"),
    _rule("configcat-key", "configcat-proxy/", "[A-Za-z0-9_/-]{20,80}", "configcat-proxy/{url40}", head=URL + "{12}"),
    _rule("flagsmith-key", r"ser\.", "[A-Za-z0-9]{22}(?![A-Za-z0-9])", "ser.{alnum22}", head=AN + "{20}", before=WORD, check=mixed),
    _rule("unleash-token", r":production\.", HEX + "{56,64}", "*:production.{hex60}", head=HEX + "{12}", named=True),
    _rule("unleash-token", r":development\.", HEX + "{56,64}", "default:development.{hex60}", head=HEX + "{12}", named=True),
    _rule("statsig-key", "secret-", "[A-Za-z0-9]{40,50}(?![A-Za-z0-9-])", "secret-{alnum43}", head=AN + "{30}", before=WORD, check=mixed),
    _rule("doppler-token", r"dp\.audit\.", "[A-Za-z0-9]{40,48}", "dp.audit.{alnum43}"),
    _rule("dbt-token", "dbt[cus]_", URL + "{30,90}", "dbtc_{url50}", head=URL + "{20}", literals="dbtc_ dbtu_ dbts_", before=WORD, check=mixed),
    _rule("hex-token", "hxt[pw]_", HEX + "{80,160}", "hxtp_{hex96}", head=HEX + "{16}", literals="hxtp_ hxtw_"),
    _rule("inngest-key", "signkey-prod-", HEX + "{60,70}", "signkey-prod-{hex64}"),
    _rule("inngest-key", "signkey-test-", HEX + "{60,70}", "signkey-test-{hex64}"),
    _rule("trigger-key", "tr_(?:stg|dev|pat)_", "[A-Za-z0-9]{20,44}", "tr_pat_{alnum32}", head=AN + "{16}", literals="tr_stg_ tr_dev_ tr_pat_"),
    _rule("trigger-key", "tr_prod_", "[A-Za-z0-9]{20,44}", "tr_prod_{alnum24}", head=AN + "{16}"),
    _rule("unkey-key", "unkey_", "[A-Za-z0-9_]{20,60}", "unkey_{alnum24}", head=AN + "{18}", check=mixed),
    _rule("zuplo-key", "zpka_", "[A-Za-z0-9_]{40,80}", "zpka_{hex32}_{hex8}", head=AN + "{16}"),
    _rule("kong-token", "[ks]pat_", "[A-Za-z0-9]{40,80}", "kpat_{alnum60}", head=AN + "{20}", literals="kpat_ spat_"),
    _rule("apollo-key", "service:", r"[A-Za-z0-9_-]{2,64}:[A-Za-z0-9_-]{20,30}(?![A-Za-z0-9_-])", "service:my-graph:{alnum22}", head="[A-Za-z0-9_-]{2}", before=WORD, check=lambda found: mixed(found.rsplit(b":", 1)[-1])),
    _rule("apollo-key", r"user:gh\.", r"[A-Za-z0-9_-]{20,60}(?::[A-Za-z0-9_-]{20,30})?", "user:gh.{alnum36}:{alnum22}", head=URL + "{16}"),
    _rule("settlemint-token", "sm_[aps]at_", "[A-Za-z0-9]{16,24}", "sm_aat_{alnum16}", head=AN + "{8}", literals="sm_aat_ sm_pat_ sm_sat_"),
    _rule("authress-key", "scauth_", r"[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}", "scauth_{lower12}.{lower5}.acc_{lower16}.{b6464}", head="[a-z0-9]{5}"),
    _rule("authress-key", "authress_", r"[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-]{10,32}\.[A-Za-z0-9+/_=-]{30,120}", "authress_{lower12}.{lower5}.acc_{lower16}.{b6464}", head="[a-z0-9]{5}"),
    marked_rule("maxmind-key", "_mmk", "[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk", "{alnum6}_{alnum29}_mmk", literals="_mmk"),
    _rule("intra42-secret", "s-s4t2(?:ud|af)-", HEX + "{64}", "s-s4t2ud-{hex64}", literals="s-s4t2"),
    _rule("copilot-token", "tid=", r"[0-9a-f]{20,40}(?:;[a-z0-9_]{1,24}=[^;\s\"'\\\x00]{0,200}){1,30}", "tid={hex32};exp=1764000000;sku=free;8kp=1:{hex64}", head=HEX + "{20}"),
    _rule("cursor-key", "key_", HEX + "{60,70}", "key_{hex64}", head=HEX + "{40}", before=WORD),
    _rule("cursor-key", "crsr_", HEX + "{60,70}", "crsr_{hex64}", head=HEX + "{20}"),
    _rule("continue-key", "con-", "[0-9a-f]{60,70}", "con-{hex64}", head=HEX + "{40}", before=WORD),
    _rule("windsurf-key", "sk-ws-", URL + "{30,120}", "sk-ws-01-{url60}"),
    _rule("factory-key", "fk-", URL + "{40,90}(?![A-Za-z0-9_-])", "fk-{alnum20}-{alnum40}", head=URL + "{36}", before=WORD, check=mixed),
    _rule("devin-key", "(?:apk|cog)_", "[A-Za-z0-9]{40,120}", "cog_{lower52}", head=AN + "{36}", literals="apk_ cog_", before=WORD, check=mixed),
    _rule("stackhawk-key", r"hawk\.", r"[A-Za-z0-9_-]{20}\.[A-Za-z0-9_-]{20}(?![A-Za-z0-9_-])", "hawk.{url20}.{url20}", head=URL + r"{20}\.", literals="hawk.", before=WORD, check=mixed),
    _rule("ionic-token", "ion_", "[A-Za-z0-9]{42}(?![A-Za-z0-9])", "ion_{alnum42}", head=AN + "{36}", before=WORD, check=mixed),
    _rule("valtown-token", "vtwn_", "[A-Za-z0-9]{24,64}(?![A-Za-z0-9])", "vtwn_{alnum32}", head=AN + "{20}", before=WORD),
    _rule("snyk-token", r"snyk_uat\.", r"[A-Za-z0-9_-]{6,12}\.[A-Za-z0-9_.-]{40,2000}", "snyk_uat.{alnum8}.{url60}", literals="snyk_uat."),
    marked_rule("convex-key", r"(?:prod|preview|dev):[a-z0-9:-]{3,80}\|[A-Za-z0-9+/=_-]{16}", r"(?:prod|preview|dev):[a-z0-9:-]{3,80}\|[A-Za-z0-9+/=_-]{40,400}", "prod:happy-otter-123|{b64100}==", literals="prod: preview: dev:"),
    _rule("socket-token", "sktsec_", URL + "{40,60}", "sktsec_{url43}", head=URL + "{24}"),
    _rule("minisign-key", "RWRTY0Iy", "[A-Za-z0-9+/]{190,220}={0,2}", "RWRTY0Iy{b64204}", head="[A-Za-z0-9+/]{40}"),
    _rule("expo-token", r"ExponentPushToken\[", r"[A-Za-z0-9_-]{20,24}\]", "ExponentPushToken[{url22}]", literals="exponentpushtoken"),
)  # fmt: skip
