"""Tokens of tools for work: issues, documents, design, monitoring, identity."""

from __future__ import annotations

from functools import partial

from collector.redact.engine.rule import Rule
from collector.redact.rules.vendors.form import (
    AN,
    APART,
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


def _has_bang(found: bytes) -> bool:
    """Of a session of Salesforce an organisation stands before the mark."""
    return b"!" in found[15:19]


WORK: tuple[Rule, ...] = (
    _rule("typeform-token", "tfp_", r"[A-Za-z0-9_.=-]{40,70}", "tfp_{url59}", head="[A-Za-z0-9_.=-]{16}", before=WORD, check=mixed),
    _rule("clickup-token", "pk_[0-9]{6}", "[0-9]{0,6}_[A-Z0-9]{32}(?![A-Za-z0-9])", "pk_{digit8}_{upper32}", head="[0-9A-Z_]{8}", literals="pk_"),
    _rule("trello-token", "ATTA", "[0-9a-fA-F]{64,80}", "ATTA{hex64}{HEX8}", head="[0-9a-fA-F]{24}", before=APART),
    _rule("adobe-secret", "p8e-", URL + "{30,36}(?![A-Za-z0-9_-])", "p8e-{url32}", head=URL + "{20}", before=WORD, check=mixed),
    _rule("canva-secret", "cnvca", URL + "{40,60}", "cnvca{url43}", head=URL + "{24}"),
    _rule("calcom-key", "cal_(?:live|test)_", HEX + "{32}", "cal_live_{hex32}", literals="cal_live_ cal_test_"),
    _rule("retool-token", "retool_", "[A-Za-z0-9]{24,80}", "retool_{alnum40}", head=AN + "{20}", check=mixed),
    _rule("plane-key", "plane_api_", HEX + "{32}", "plane_api_{hex32}"),
    _rule("sanity-token", "sk", "[A-Za-z0-9]{140,200}(?![A-Za-z0-9])", "sk{alnum160}", head=AN + "{120}", literals="sk", before=APART, check=mixed),
    _rule("prismic-token", r"MC5[A-Za-z0-9_-]{8}", r"[A-Za-z0-9_-]{4,60}\.[A-Za-z0-9_-]{40,300}", "MC5{alnum20}.{url120}", head=URL + "{4}", literals="mc5", before=APART),
    _rule("wix-token", r"IST\.eyJ", r"[A-Za-z0-9_.-]{60,2000}", "IST.eyJ{url200}.{url300}"),
    _rule("dropbox-token", r"sl\.", r"(?:u\.)?[A-Za-z0-9_=-]{60,2000}", "sl.u.A{url1200}", "sl.{url135}", head=r"[A-Za-z0-9_=.-]{40}", before=WORD, check=mixed),
    marked_rule("dropbox-token", "[^A]AAAAAAAAAA[A-Za-z0-9_-]{12}", "[A-Za-z0-9_-]{11}AAAAAAAAAA[A-Za-z0-9_-]{43}", "dropbox: {alnum11}AAAAAAAAAA{alnum43}", literals="aaaaaaaaaa"),
    _rule("grafana-token", "eyJrIjoi", "[A-Za-z0-9+/]{60,400}={0,2}", "eyJrIjoi{b6490}==", head=AN + "{4}"),
    _rule("posthog-key", "ph[sa]_", "[A-Za-z0-9_]{30,64}", "phs_{alnum43}", head=AN + "{24}", literals="phs_ pha_", before=WORD, check=mixed),
    _rule("axiom-token", "xa[pait]t-", UUID, "xaat-" + UUID_EXAMPLE, literals="xapt- xaat- xait- xatt-", head="[0-9a-f]{8}"),
    _rule("checkly-key", "cu_", HEX + "{32}(?![0-9a-f])", "cu_{hex32}", head=HEX + "{28}", before=WORD),
    _rule("healthchecks-key", "hc[rw]_", "[A-Za-z0-9]{26,32}(?![A-Za-z0-9])", "hcw_{alnum28}", head=AN + "{24}", literals="hcr_ hcw_", before=WORD, check=mixed),
    _rule("coralogix-key", "cx[tu][ph]_", "[A-Za-z0-9]{26,40}", "cxtp_{alnum30}", head=AN + "{24}", literals="cxtp_ cxup_ cxth_ cxuh_", before=WORD),
    _rule("logdna-key", "sts_", HEX + "{32}", "sts_{hex32}", head=HEX + "{24}", before=WORD),
    _rule("logicmonitor-token", "lm(?:v1|b_)[:A-Za-z0-9]", r"[A-Za-z0-9:+/=_-]{30,200}", "lmv1:{alnum20}:{b6440}==", literals="lmv1 lmb_", head="[A-Za-z0-9:+/_-]{16}", before=WORD, check=mixed),
    _rule("sentry-token", "sntryi_", "[0-9a-f]{60,70}", "sntryi_{hex64}"),
    _rule("segment-token", "sgp_", "[A-Za-z0-9]{64}(?![A-Za-z0-9])", "sgp_{alnum64}", head=AN + "{50}"),
    _rule("dynatrace-token", r"dt0[a-z][0-9]{2}\.", r"[A-Z2-7]{8}\.[A-Z2-7]{64}", "dt0s01.{b328}.{b3264}", head=r"[A-Z2-7]{8}\.", literals="dt0"),
    _rule("stytch-secret", "secret-(?:live|test)-", "[A-Za-z0-9_=-]{30,50}", "secret-live-{url36}", literals="secret-live- secret-test-", head=URL + "{12}"),
    _rule("ory-token", "ory_(?:pat|at_|rt_|st_)", "[A-Za-z0-9_.-]{24,120}", "ory_pat_{alnum32}", literals="ory_", head="[A-Za-z0-9_.-]{20}", before=WORD, check=mixed),
    _rule("onfido-token", r"api_live\.", r"[A-Za-z0-9_-]{11}\.[A-Za-z0-9_-]{32}", "api_live.{url11}.{url32}"),
    _rule("persona-key", "persona_production_", UUID, "persona_production_" + UUID_EXAMPLE, head="[0-9a-f]{8}"),
    _rule("nightfall-key", "NF-", "[A-Za-z0-9]{32}(?![A-Za-z0-9])", "NF-{alnum32}", head=AN + "{30}", before=WORD),
    _rule("akamai-token", "akab-", "[a-z0-9]{16}-[a-z0-9]{16}", "akab-{lower16}-{lower16}", head="[a-z0-9]{16}-"),
    _rule("fastmail-token", "fmu1-", "[A-Za-z0-9-]{40,120}", "fmu1-{hex8}-{hex32}-0-{hex32}", head="[A-Za-z0-9]{8}"),
    marked_rule("ghost-key", "[0-9a-f]{6}:[0-9a-f]{24}", "[0-9a-f]{24}:[0-9a-f]{64}", "{hex24}:{hex64}", literals=":"),
    _rule("imagekit-key", "private_", "[A-Za-z0-9+/]{24,30}={0,2}(?![A-Za-z0-9_])", "private_{b6427}=", head="[A-Za-z0-9+/]{24}", before=WORD, check=mixed),
    _rule("hubspot-key", "pat-(?:na|eu|ap)[0-9]-", UUID, "pat-ap1-" + UUID_EXAMPLE, literals="pat-na pat-eu pat-ap", head="[0-9a-f]{4}"),
    _rule("beamer-token", "b_", "[A-Za-z0-9=_-]{44}(?![A-Za-z0-9=_-])", "b_{url44}", head=URL + "{40}", before=WORD, check=mixed),
    _rule("apify-token", "apify_api_", "[A-Za-z0-9]{30,50}", "apify_api_{alnum36}"),
    _rule("scrapfly-key", "scp-(?:live|test)-", HEX + "{32}", "scp-live-{hex32}", literals="scp-live- scp-test-"),
    _rule("mapbox-token", r"tk\.eyJ", r"[A-Za-z0-9_-]{20,200}\.[A-Za-z0-9_-]{20,60}", "tk.eyJ{url80}.{url22}"),
    _rule("polar-token", "polar_[a-z]{3}_", "[A-Za-z0-9]{30,60}", "polar_oat_{alnum43}", literals="polar_", head=AN + "{20}"),
    _rule("rootly-key", "rootly_", HEX + "{64}", "rootly_{hex64}", head=HEX + "{40}"),
    _rule("wakatime-key", "waka_", UUID, "waka_" + UUID_EXAMPLE, head="[0-9a-f]{8}-"),
    _rule("nylas-key", "nyk_v0_", "[A-Za-z0-9]{40,70}", "nyk_v0_{alnum48}", head=AN + "{20}"),
    _rule("salesforce-token", "00D[A-Za-z0-9]{12}", r"(?:[A-Za-z0-9]{3})?!A[A-Za-z0-9_.]{80,160}", "00D{alnum12}!AQE{alnum93}", literals="00d", head="[A-Za-z0-9!]{4}", before=APART, check=_has_bang),
    _rule("liveblocks-key", "sk_prod_", URL + "{60,70}", "sk_prod_{url64}", head=URL + "{24}", before=WORD, check=mixed),
    _rule("chromatic-token", "chpt_", HEX + "{12,32}", "chpt_{hex16}", head=HEX + "{10}", before=WORD),
    _rule("lichess-token", "li[po]_", "[A-Za-z0-9]{20,32}(?![A-Za-z0-9_])", "lip_{alnum20}", head=AN + "{20}", literals="lip_ lio_", before=WORD, check=mixed),
    _rule("zendesk-token", "zat_", "[A-Za-z0-9]{36,64}", "zat_{alnum40}", head=AN + "{30}", before=WORD, check=mixed),
)  # fmt: skip
