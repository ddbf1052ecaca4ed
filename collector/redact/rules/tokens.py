"""Tokens that can be told by their own shape: a prefix, a length and an alphabet, as their vendors publish them."""

from __future__ import annotations

import re
from collections.abc import Callable
from re import _parser  # type: ignore[attr-defined]

from collector.redact.engine.checks import entropy, wordy
from collector.redact.engine.looks import token
from collector.redact.engine.rule import Rule, Trigger

_AN = "[A-Za-z0-9]"
_URL = "[A-Za-z0-9_-]"
_HEX = "[0-9a-f]"


_APART = "(?<![A-Za-z0-9+/]{16})"
"""Not within a run of base64, where a prefix of letters and digits alone comes up by chance."""


def _width(source: str) -> int:
    low, high = _parser.parse(source).getwidth()
    if low != high:
        raise ValueError(f"not of one width: {source}")
    return int(low)


def _rule(
    id: str,
    prefix: str,
    body: str,
    *examples: str,
    head: str = _URL + "{4}",
    literals: str = "",
    no: tuple[str, ...] = (),
    check: Callable[[bytes], bool] | None = None,
    before: str = "",
    named: bool = False,
) -> Rule:
    """`prefix` has one width; `head` is as much of the body as makes the trigger rare."""
    source = prefix + head
    gate = tuple(word.encode() for word in (literals or _literal(prefix)).lower().split())
    pattern = re.compile((before + prefix + body).encode())
    return Rule(
        id,
        "secrets",
        (Trigger(source, _width(source), gate),),
        token(pattern, check=check, named=named),
        match=examples,
        no_match=no,
        token=True,
    )


def _literal(prefix: str) -> str:
    """The longest run of plain characters in a prefix."""
    plain = re.sub(r"\\([.$/~+_-])", r"\1", re.sub(r"\[[^\]]*\]|\(\?:.*?\)|\\b|\{[0-9,]+\}", " ", prefix))
    return max(plain.split(), key=len)


def _mixed(found: bytes) -> bool:
    """For prefixes that are common in words: what follows must look drawn by chance."""
    body = found.split(b"-", 1)[-1] if b"-" in found[:8] else found
    return any(48 <= byte <= 57 for byte in body) and entropy(body) > 3.0 and not wordy(body)


def _not_known(found: bytes) -> bool:
    """Amazon's own examples end in EXAMPLE."""
    return not (found.endswith(b"EXAMPLE") and len(found) == 20)


TOKENS: tuple[Rule, ...] = (
    # -- clouds
    _rule("aws-access-key-id", "A(?:KIA|SIA|BIA|CCA)", "[A-Z0-9]{16,128}", "AKIA{b3216}", "ASIA{b3216}",
          head="[A-Z0-9]{4}", literals="akia asia abia acca", check=_not_known, no=("AKIA" "IOSFODNN7EXAMPLE", "AKIA" "XXXXXXXXXXXXXXXX"), before=_APART),
    _rule("aws-session-token", "(?:FwoGZXIvYXdz|IQoJb3JpZ2lu|FQoGZXIvYXdz)", "[A-Za-z0-9+/=%_-]{60,4000}", "IQoJb3JpZ2luX2Vj{b6480}",
          head="", literals="fwogzxivyxdz iqojb3jpz2lu fqogzxivyxdz"),
    _rule("aws-bedrock-key", "ABSK", "[A-Za-z0-9+/]{80,400}={0,2}", "ABSK{b64109}", head="[A-Za-z0-9+/]{12}", before=_APART),
    _rule("aws-mws-key", r"amzn\.mws\.", "[0-9a-f-]{36}", "amzn.mws.{hex8}-{hex4}-{hex4}-{hex4}-{hex12}", head="[0-9a-f]{8}"),
    _rule("gcp-api-key", "AIza", _URL + "{35,64}", "AIza{url35}"),
    _rule("gcp-api-key", r"AQ\.Ab", _URL + "{40,200}", "AQ.Ab{url48}"),
    _rule("gcp-oauth-secret", "GOCSPX-", _URL + "{20,64}", "GOCSPX-{url28}"),
    _rule("gcp-oauth-token", r"ya29\.", "[A-Za-z0-9_.-]{20,2048}", "ya29.{url120}"),
    _rule("gcp-refresh-token", "1//0", _URL + "{40,200}", "1//0{url60}", head=_URL + "{20}"),
    _rule("azure-ad-secret", r"[A-Za-z0-9_~.-]{3}[0-9]Q~", r"[A-Za-z0-9_~.-]{31,40}", "{url3}8Q~{url34}", head="[A-Za-z0-9_~.-]{4}", literals="q~"),
    _rule("azure-key", "[A-Za-z0-9]{52}JQQJ99", "[A-Za-z0-9]{20,30}", "{alnum52}JQQJ99{alnum26}", literals="jqqj99"),
    _rule("azure-devops-token", "[A-Za-z0-9]{76}AZDO", "[A-Za-z0-9]{4}", "{alnum76}AZDO{alnum4}", literals="azdo"),
    _rule("alibaba-access-key", "LTAI", "[A-Za-z0-9]{12,30}", "LTAI{alnum20}", head="[A-Za-z0-9]{12}", check=_mixed, before=_APART),
    _rule("digitalocean-token", "do[opr]_v1_", _HEX + "{64}", "dop_v1_{hex64}", head=_HEX + "{4}", literals="_v1_"),
    _rule("heroku-key", "HRKU-", _URL + "{36,80}", "HRKU-AA{url58}"),
    _rule("fly-token", "(?:fm[12]|fo1)_", "[A-Za-z0-9+/=_,-]{40,2000}", "fm2_{alnum120}", head=_URL + "{30}", literals="fm1_ fm2_ fo1_"),
    _rule("scaleway-key", "SCW", "[A-Z0-9]{17}", "SCW{upper17}", head="[A-Z0-9]{17}", check=_mixed, before=_APART),
    _rule("vercel-token", "vc[prkaib]_", "[A-Za-z0-9]{24,80}", "vcp_{alnum56}", head="[A-Za-z0-9]{12}", literals="vcp_ vcr_ vck_ vca_ vci_ vcb_"),
    _rule("vercel-token", "vercel_blob_rw_", "[A-Za-z0-9_]{20,80}", "vercel_blob_rw_{alnum40}"),
    _rule("netlify-token", "nf[pcoub]_", "[A-Za-z0-9_]{36,80}", "nfp_{alnum36}", head="[A-Za-z0-9]{12}", literals="nfp_ nfc_ nfo_ nfu_ nfb_"),
    _rule("render-key", "rnd_", "[A-Za-z0-9]{24,64}", "rnd_{alnum32}", head="[A-Za-z0-9]{16}"),
    _rule("cloudflare-key", r"v1\.0-", "[0-9a-f]{24}-[0-9a-f]{146}", "v1.0-{hex24}-{hex146}", head="[0-9a-f]{16}"),
    _rule("cloudflare-key", "cf[ua]t_", "[A-Za-z0-9_-]{32,80}", "cfut_{alnum48}", head=_AN + "{12}", literals="cfut_ cfat_"),
    # -- code hosts and registries
    _rule("github-token", "gh[pousr]_", "[A-Za-z0-9]{30,255}", "ghp_{alnum36}", "ghs_{alnum36}", literals="ghp_ gho_ ghu_ ghs_ ghr_",
          head=_AN + "{3}", no=("gh" "p_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",)),
    _rule("github-token", "github_pat_", "[A-Za-z0-9_]{40,255}", "github_pat_{alnum22}_{alnum59}"),
    _rule("gitlab-token", "glpat-", r"[A-Za-z0-9_-]{18,255}(?:\.[A-Za-z0-9_.-]{5,60})?", "glpat-{url20}", "glpat-{url27}.01.{lower9}",
          no=("glpat-your-token-here", "glpat-XXXXXXXXXXXXXXXXXXXX")),
    _rule("gitlab-token", "gl(?:rt|dt|ft|wt)-", r"[A-Za-z0-9_-]{16,255}(?:\.[A-Za-z0-9_.-]{5,60})?", "glrt-{url20}", literals="glrt- gldt- glft- glwt-"),
    _rule("gitlab-token", "gl(?:ptt|cbt|imt|rtr|oas)-", r"[A-Za-z0-9_.-]{16,255}", "glptt-{hex40}", "gloas-{hex64}", literals="glptt- glcbt- glimt- glrtr- gloas-"),
    _rule("gitlab-token", "gl(?:soat|ffct)-", r"[A-Za-z0-9_.-]{16,255}", "glsoat-{url20}", literals="glsoat- glffct-"),
    _rule("gitlab-token", "glagent-", r"[A-Za-z0-9_.-]{20,255}", "glagent-{url50}"),
    _rule("gitlab-token", "GR1348941", r"[A-Za-z0-9_-]{18,64}", "GR1348941{url20}"),
    _rule("gitlab-token", "_gitlab_session=", r"[0-9a-f]{32}", "_gitlab_session={hex32}"),
    _rule("bitbucket-token", "ATBB", "[A-Za-z0-9]{24,80}", "ATBB{alnum32}", head=_AN + "{8}", before=_APART),
    _rule("atlassian-token", "AT(?:AT|CT|ST)T3", "[A-Za-z0-9_=-]{50,400}", "ATATT3xFfGF0{url170}={HEX8}", literals="atatt3 atctt3 atstt3"),
    _rule("npm-token", "npm_", "[A-Za-z0-9]{30,64}", "npm_{alnum36}", head=_AN + "{10}"),
    _rule("pypi-token", "pypi-A", "[A-Za-z0-9_-]{40,1000}", "pypi-AgEIcHlwaS5vcmc{url80}", head=_URL + "{6}"),
    _rule("rubygems-key", "rubygems_", _HEX + "{40,64}", "rubygems_{hex48}", head=_HEX + "{6}"),
    _rule("nuget-key", "oy2", "[a-z0-9]{43}", "oy2{lower43}", head="[a-z0-9]{12}", before=_APART),
    _rule("crates-token", "cio", "[A-Za-z0-9]{32}(?![A-Za-z0-9])", "cio{alnum32}", head=_AN + "{28}", check=_mixed, before=_APART),
    _rule("docker-token", "dckr_[op]at_", _URL + "{20,64}", "dckr_pat_{url27}", literals="dckr_"),
    _rule("clojars-token", "CLOJARS_", "[0-9a-f]{50,64}", "CLOJARS_{hex60}"),
    _rule("jfrog-token", "AKCp", "[A-Za-z0-9]{60,80}", "AKCp{alnum69}", head=_AN + "{24}", before=_APART),
    _rule("jfrog-token", "cmVmdGtu", "[A-Za-z0-9]{50,70}", "cmVmdGtu{alnum56}", before=_APART),
    _rule("sonar-token", "sq[pua]_", _HEX + "{40}", "sqp_{hex40}", head=_HEX + "{20}", literals="sqp_ squ_ sqa_"),
    _rule("sourcegraph-token", "sgp_", "(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}", "sgp_{hex16}_{hex40}", head=_URL + "{16}"),
    _rule("circleci-token", "CCIP(?:AT|RJ)_", "[A-Za-z0-9_]{30,120}", "CCIPAT_{alnum22}_{hex40}", literals="ccipat_ ccipr"),
    _rule("buildkite-token", "bk(?:ua|aj|ct|pt|dt)_", "[A-Za-z0-9]{30,80}", "bkua_{hex40}", head=_AN + "{8}", literals="bkua_ bkaj_ bkct_ bkpt_ bkdt_"),
    _rule("octopus-key", "API-", "[A-Z0-9]{26,31}(?![A-Za-z0-9])", "API-{upper28}", head="[A-Z0-9]{20}", check=_mixed),
    _rule("harness-key", r"[ps]at\.", r"[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}", "pat.{url22}.{hex24}.{alnum20}", head=_URL + r"{22}\.", literals="pat. sat."),
    # -- messaging
    _rule("slack-token", "xox[abeoprsdc]-", "[A-Za-z0-9-]{10,255}", "xoxb-{digit12}-{digit12}-{alnum24}", literals="xox"),
    _rule("slack-token", r"xoxe\.xox[bp]-", "[A-Za-z0-9-]{20,255}", "xoxe.xoxp-1-{alnum150}"),
    _rule("slack-token", "xapp-", "[0-9]-[A-Z0-9]{8,16}-[0-9]{8,16}-[a-f0-9]{40,80}", "xapp-1-A{upper10}-{digit13}-{hex64}"),
    _rule("slack-webhook", r"hooks\.slack\.com/", r"(?:services|workflows|triggers)/[A-Za-z0-9_/-]{20,200}", "hooks.slack.com/services/T{upper10}/B{upper10}/{alnum24}", head="[a-z]{4}"),
    _rule("slack-webhook", r"https://hooks\.slack\.com/", r"(?:services|workflows|triggers)/[A-Za-z0-9_/-]{20,200}", "https://hooks.slack.com/services/T{upper10}/B{upper10}/{alnum24}", head="[a-z]{4}"),
    _rule("discord-webhook", r"/api/webhooks/", r"[0-9]{15,21}/[A-Za-z0-9_-]{40,100}", "/api/webhooks/{digit18}/{url68}", head="[0-9]{15}"),
    _rule("teams-webhook", r"\.webhook\.office\.com/", r"webhookb2/[A-Za-z0-9@/_-]{40,300}", "x.webhook.office.com/webhookb2/{hex8}-{hex4}-{hex4}-{hex4}-{hex12}@{hex8}-{hex4}-{hex4}-{hex4}-{hex12}/IncomingWebhook/{hex32}/{hex8}"),
    *(
        _rule("discord-token", f"[MNO][A-Za-z0-9_-]{{{size}}}" + r"\.", r"[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}", f"M{{alnum{size}}}.{{alnum6}}.{{alnum27}}",
              head=r"[A-Za-z0-9_-]{6}\.", literals=".", check=lambda found: any(48 <= b <= 57 for b in found))
        for size in (23, 24, 25)
    ),
    _rule("telegram-token", "[0-9]{8}:A", "[A-Za-z0-9_-]{33,40}", "{digit8}:AA{url33}", head=_URL + "{10}", literals=":a"),
    _rule("telegram-token", "[0-9]{9}:A", "[A-Za-z0-9_-]{33,40}", "{digit9}:AA{url33}", head=_URL + "{10}", literals=":a"),
    _rule("telegram-token", "[0-9]{10}:A", "[A-Za-z0-9_-]{33,40}", "{digit10}:AA{url33}", head=_URL + "{10}", literals=":a"),
    _rule("twilio-key", "SK", _HEX + "{32}(?![0-9a-f])", "SK{hex32}", head=_HEX + "{10}"),
    _rule("sendgrid-key", r"SG\.", r"[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}", "SG.{url22}.{url43}", head=_URL + "{10}"),
    _rule("mailgun-key", "key-", _HEX + "{32}(?![0-9a-f])", "key-{hex32}", head=_HEX + "{12}"),
    _rule("mailgun-key", "[0-9a-f]{32}-", "[0-9a-f]{8}-[0-9a-f]{8}(?![0-9a-f-])", "{hex32}-{hex8}-{hex8}", head="[0-9a-f]{8}-[0-9a-f]{8}", literals="-"),
    _rule("mailchimp-key", "[0-9a-f]{32}-us", "[0-9]{1,2}", "{hex32}-us14", head="[0-9]", literals="-us"),
    _rule("mandrill-key", "md-", "[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])", "md-{url22}", head=_URL + "{20}", check=_mixed),
    _rule("brevo-key", "xkeysib-", _HEX + "{64}-[A-Za-z0-9]{16}", "xkeysib-{hex64}-{alnum16}"),
    _rule("brevo-key", "xsmtpsib-", _HEX + "{64}-[A-Za-z0-9]{16}", "xsmtpsib-{hex64}-{alnum16}"),
    _rule("resend-key", "re_", "[A-Za-z0-9]{8}_[A-Za-z0-9]{22,32}", "re_{alnum8}_{alnum24}", head=_AN + "{8}_" + _AN + "{4}", check=_mixed),
    # -- payments and shops
    _rule("stripe-key", "[rs]k_(?:live|test)_", "[A-Za-z0-9]{16,255}", "sk_live_{alnum24}", "rk_test_{alnum99}", literals="k_live_ k_test_",
          no=("sk_live_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",)),
    _rule("stripe-key", "[rs]k_prod_", "[A-Za-z0-9]{16,255}", "sk_prod_{alnum24}", literals="k_prod_"),
    _rule("stripe-webhook-secret", "whsec_", "[A-Za-z0-9+/=]{24,120}", "whsec_{alnum32}"),
    _rule("square-token", "sq0[a-z]{3}-", _URL + "{22,60}", "sq0atp-{url22}", literals="sq0"),
    _rule("square-token", "EAAA", "[A-Za-z0-9_-]{56,80}(?![A-Za-z0-9+/])", "EAAA{url60}", head=_URL + "{40}", before="(?<![A-Za-z0-9+/])", check=lambda found: entropy(found) > 4.2),
    _rule("meta-token", "EAA[A-Z]", "[A-Za-z0-9]{80,300}", "EAAC{alnum120}", head=_AN + "{60}", literals="eaa", before="(?<![A-Za-z0-9+/])", check=lambda found: entropy(found) > 4.2),
    _rule("braintree-token", r"access_token\$production\$", r"[0-9a-z]{16}\$[0-9a-f]{32}", "access_token$production${lower16}${hex32}"),
    _rule("braintree-token", r"access_token\$sandbox\$", r"[0-9a-z]{16}\$[0-9a-f]{32}", "access_token$sandbox${lower16}${hex32}"),
    _rule("shopify-token", "shp(?:at|ca|pa|ss|ua|ut)_", "[a-fA-F0-9]{32,64}", "shpat_{hex32}", literals="shpat_ shpca_ shppa_ shpss_ shpua_ shput_"),
    _rule("shopify-token", "shp(?:tka|sec)_", "[a-fA-F0-9]{32,64}", "shptka_{hex32}", literals="shptka_ shpsec_"),
    _rule("plaid-token", "access-sandbox-", "[0-9a-f-]{36}", "access-sandbox-{hex8}-{hex4}-{hex4}-{hex4}-{hex12}"),
    _rule("plaid-token", "access-production-", "[0-9a-f-]{36}", "access-production-{hex8}-{hex4}-{hex4}-{hex4}-{hex12}"),
    _rule("razorpay-key", "rzp_(?:live|test)_", "[A-Za-z0-9]{14,20}", "rzp_live_{alnum14}", literals="rzp_"),
    _rule("flutterwave-key", "FLWSECK[_-]", "[A-Za-z0-9_-]{12,80}", "FLWSECK_TEST-{hex32}-X"),
    _rule("easypost-key", "EZ[AT]K", "[A-Za-z0-9]{54}", "EZAK{alnum54}", head=_AN + "{16}", literals="ezak eztk", before=_APART),
    _rule("shippo-token", "shippo_(?:live|test)_", "[0-9a-f]{40}", "shippo_live_{hex40}", literals="shippo_"),
    _rule("duffel-token", "duffel_(?:live|test)_", "[A-Za-z0-9_=-]{40,64}", "duffel_live_{url43}", literals="duffel_"),
    # -- models
    _rule("anthropic-key", "sk-ant-", _URL + "{20,255}", "sk-ant-api03-{url93}AA", "sk-ant-admin01-{url93}AA",
          no=("sk-ant-api03-xxxxxxxxxxxxxxxxxxxxxxxxxxxx",)),
    _rule("openrouter-key", "sk-or-v1-", _HEX + "{40,80}", "sk-or-v1-{hex64}"),
    _rule("openai-key", "sk-(?:proj|none)-", _URL + "{20,255}", "sk-proj-{url74}T3BlbkFJ{url74}", literals="sk-proj- sk-none-"),
    _rule("openai-key", "sk-svcacct-", _URL + "{20,255}", "sk-svcacct-{url120}"),
    _rule("openai-key", "sk-admin-", _URL + "{20,255}", "sk-admin-{url120}"),
    _rule("langfuse-key", "[sp]k-lf-", "[0-9a-f-]{36}", "sk-lf-{hex8}-{hex4}-{hex4}-{hex4}-{hex12}", literals="k-lf-"),
    _rule("api-key", "sk-", "[A-Za-z0-9_-]{20,255}", "sk-{alnum48}", "sk-{hex32}", head=_URL + "{16}", check=_mixed,
          no=("task-management-system-configuration-2", "sk-learn-contrib-development-team")),
    _rule("api-key", "sk_", "[A-Za-z0-9]{32,255}", "sk_{hex48}", head=_AN + "{24}", check=_mixed),
    _rule("groq-key", "gsk_", "[A-Za-z0-9]{40,80}", "gsk_{alnum52}"),
    _rule("xai-key", "xai-", "[A-Za-z0-9_-]{40,120}", "xai-{alnum80}", head=_AN + "{12}"),
    _rule("perplexity-key", "pplx-", "[A-Za-z0-9]{32,80}", "pplx-{alnum48}"),
    _rule("huggingface-token", "hf_", "[A-Za-z0-9]{30,64}", "hf_{alnum34}", head=_AN + "{12}"),
    _rule("huggingface-token", "api_org_", "[A-Za-z0-9]{30,64}", "api_org_{alnum34}"),
    _rule("replicate-token", "r8_", "[A-Za-z0-9]{30,60}", "r8_{alnum37}", head=_AN + "{12}"),
    _rule("fireworks-key", "fw_", "[A-Za-z0-9]{22,60}", "fw_{alnum24}", head=_AN + "{20}", check=_mixed),
    _rule("together-key", "tgp_v1_", _URL + "{30,80}", "tgp_v1_{url43}"),
    _rule("cerebras-key", "csk-", "[a-z0-9]{40,60}", "csk-{lower48}", head="[a-z0-9]{16}"),
    _rule("pinecone-key", "pcsk_", "[A-Za-z0-9_]{40,100}", "pcsk_{alnum70}"),
    _rule("langsmith-key", "lsv2_(?:pt|sk)_", "[0-9a-f]{32}_[0-9a-f]{10}", "lsv2_pt_{hex32}_{hex10}", literals="lsv2_"),
    _rule("tavily-key", "tvly-", "[A-Za-z0-9-]{24,64}", "tvly-{alnum32}", head="[A-Za-z0-9-]{12}"),
    _rule("firecrawl-key", "fc-", _HEX + "{32}(?![0-9a-f])", "fc-{hex32}", head=_HEX + "{16}"),
    _rule("jina-key", "jina_", "[A-Za-z0-9_-]{50,80}", "jina_{alnum60}"),
    _rule("voyage-key", "pa-", "[A-Za-z0-9_-]{40,64}(?![A-Za-z0-9_-])", "pa-{alnum43}", head=_URL + "{36}", check=_mixed),
    _rule("wandb-key", "wandb_v1_", "[A-Za-z0-9_]{40,120}", "wandb_v1_{alnum80}"),
    _rule("e2b-key", "e2b_", _HEX + "{40}", "e2b_{hex40}", head=_HEX + "{12}"),
    _rule("nvidia-key", "nvapi-", _URL + "{50,90}", "nvapi-{url64}"),
    _rule("modal-token", "a[ks]-", "[A-Za-z0-9]{22}(?![A-Za-z0-9])", "as-{alnum22}", head=_AN + "{20}", literals="ak- as-", check=_mixed),
    _rule("databricks-token", "dapi", _HEX + "{32}(?:-[0-9]{1,2})?", "dapi{hex32}", "dapi{hex32}-2", head=_HEX + "{10}"),
    _rule("databricks-token", "dose", _HEX + "{32}", "dose{hex32}", head=_HEX + "{20}"),
    # -- monitoring
    _rule("newrelic-key", "NR(?:AK|JS|RA|BR|II|SP)-", "[A-Za-z0-9_-]{19,40}", "NRAK-{upper27}", "NRJS-{hex19}", literals="nrak- nrjs- nrra- nrbr- nrii- nrsp-"),
    _rule("newrelic-key", "[0-9a-f]{36}NRAL", "", "{hex36}NRAL", head="", literals="nral"),
    _rule("grafana-token", "glsa_", "[A-Za-z0-9]{32}_[0-9a-fA-F]{8}", "glsa_{alnum32}_{hex8}"),
    _rule("grafana-token", "glc_", "[A-Za-z0-9+/]{32,400}={0,2}", "glc_{b6480}", head="[A-Za-z0-9+/]{12}"),
    _rule("sentry-token", "sntrys_", r"[A-Za-z0-9+/=_.-]{40,400}", "sntrys_{alnum120}"),
    _rule("sentry-token", "sntryu_", "[0-9a-f]{64}", "sntryu_{hex64}"),
    _rule("dynatrace-token", r"dt0[a-z][0-9]{2}\.", r"[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}", "dt0c01.{upper24}.{upper64}", literals="dt0"),
    _rule("posthog-key", "phx_", "[A-Za-z0-9_]{30,64}", "phx_{alnum43}", head=_AN + "{12}"),
    _rule("logfire-token", "pylf_v[0-9]_", "[a-z]{2}_[A-Za-z0-9]{30,60}", "pylf_v1_us_{alnum44}", literals="pylf_v"),
    _rule("honeycomb-key", "hc[a-z]{2}k_", "[A-Za-z0-9]{50,64}", "hcaik_{lower58}", literals="hc"),
    # -- work tools
    _rule("linear-key", "lin_api_", "[A-Za-z0-9]{32,64}", "lin_api_{alnum40}"),
    _rule("linear-key", "lin_oauth_", "[A-Za-z0-9]{32,80}", "lin_oauth_{hex64}"),
    _rule("notion-token", "ntn_", "[A-Za-z0-9]{40,60}", "ntn_{alnum46}", head=_AN + "{12}"),
    _rule("notion-token", "secret_", "[A-Za-z0-9]{43}(?![A-Za-z0-9])", "secret_{alnum43}", head=_AN + "{36}", check=_mixed),
    _rule("airtable-token", r"pat[A-Za-z0-9]{14}\.", "[0-9a-f]{64}", "pat{alnum14}.{hex64}", head=_HEX + "{8}", literals="pat"),
    _rule("asana-token", "[012]/[0-9]{15}", r"[0-9]{0,4}(?:/[0-9]{10,20})?:[0-9a-f]{32}", "1/{digit16}:{hex32}", "2/{digit16}/{digit16}:{hex32}", head="", literals="/"),
    _rule("figma-token", "fig[dour]_", _URL + "{36,60}", "figd_{url43}", literals="figd_ figo_ figu_ figr_"),
    _rule("postman-key", "PMAK-", "[0-9a-f]{24}-[0-9a-f]{34}", "PMAK-{hex24}-{hex34}"),
    _rule("doppler-token", r"dp\.(?:pt|ct|sa)\.", "[A-Za-z0-9]{40,48}", "dp.pt.{alnum43}", literals="dp."),
    _rule("doppler-token", r"dp\.st\.", r"(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,48}", "dp.st.dev.{alnum43}", head="[A-Za-z0-9._-]{4}"),
    _rule("doppler-token", r"dp\.(?:scim|said)\.", "[A-Za-z0-9]{40,48}", "dp.scim.{alnum43}", literals="dp.scim. dp.said."),
    _rule("hubspot-key", "pat-(?:na|eu)[0-9]-", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "pat-na1-{hex8}-{hex4}-{hex4}-{hex4}-{hex12}", literals="pat-na pat-eu"),
    _rule("typeform-token", "tfp_", r"[A-Za-z0-9_.=-]{40,70}", "tfp_{url59}", head=_AN + "{12}"),
    _rule("readme-key", "rdme_", "[a-z0-9]{70}", "rdme_{lower70}"),
    _rule("contentful-token", "CFPAT-", _URL + "{40,60}", "CFPAT-{url43}"),
    _rule("launchdarkly-key", "(?:sdk|api)-", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "sdk-{hex8}-{hex4}-{hex4}-{hex4}-{hex12}", head="[0-9a-f]{8}-[0-9a-f]{4}-", literals="sdk- api-"),
    _rule("dropbox-token", r"sl\.", r"(?:u\.)?[A-Za-z0-9_-]{100,200}", "sl.B{url130}", head=_URL + "{40}"),
    _rule("shortcut-token", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}:", "[0-9a-f]{32}", "{hex8}-{hex4}-{hex4}-{hex4}-{hex12}:{hex32}", head="[0-9a-f]{8}", literals=":"),
    # -- infrastructure
    _rule("vault-token", r"hv[sbr]\.", r"[A-Za-z0-9_-]{20,400}", "hvs.{url90}", literals="hvs. hvb. hvr."),
    _rule("vault-token", r"\bs\.", r"[A-Za-z0-9]{24}(?![A-Za-z0-9_.(])", "s.{alnum24}", head=_AN + "{24}", literals="s.", check=_mixed),
    _rule("terraform-token", r"[A-Za-z0-9]{14}\.atlasv1\.", r"[A-Za-z0-9_=-]{40,90}", "{alnum14}.atlasv1.{url67}"),
    _rule("pulumi-token", "pul-", _HEX + "{40}", "pul-{hex40}", head=_HEX + "{6}"),
    _rule("planetscale-token", r"pscale_(?:tkn|app|otk)_", r"[A-Za-z0-9_=.-]{30,70}", "pscale_tkn_{url43}", literals="pscale_"),
    _rule("planetscale-token", r"pscale_pw_", r"[A-Za-z0-9_=.-]{30,70}", "pscale_pw_{url43}"),
    _rule("planetscale-token", r"pscale_oauth_", r"[A-Za-z0-9_=.-]{30,70}", "pscale_oauth_{url43}"),
    _rule("supabase-key", "sbp_", "(?:v0_)?[0-9a-f]{40}", "sbp_{hex40}", head=_URL + "{12}"),
    _rule("supabase-key", "sb_secret_", _URL + "{20,80}", "sb_secret_{url31}"),
    _rule("neon-key", "napi_", "[A-Za-z0-9]{40,80}", "napi_{lower64}"),
    _rule("tailscale-key", "tskey-", "[A-Za-z0-9-]{18,120}", "tskey-auth-{alnum17}-{alnum32}"),
    _rule("openshift-token", "sha256~", _URL + "{40,50}", "sha256~{url43}"),
    _rule("onepassword-token", "ops_eyJ", "[A-Za-z0-9_=-]{100,2000}", "ops_eyJ{url300}"),
    _rule("onepassword-key", "A3-[A-Z0-9]{6}-", "(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}", "A3-{upper6}-{upper6}-{upper5}-{upper5}-{upper5}-{upper5}", head="[A-Z0-9]{6}", literals="a3-"),
    _rule("age-key", "AGE-SECRET-KEY-1", "[A-Za-z0-9]{40,80}", "AGE-SECRET-KEY-1{upper58}"),
    _rule("age-key", "AGE-PLUGIN-", "[A-Z0-9]{2,20}-1[A-Z0-9]{40,200}", "AGE-PLUGIN-YUBIKEY-1{upper58}"),
    _rule("prefect-token", "pn[ub]_", "[a-z0-9A-Z]{36}", "pnu_{lower36}", head=_AN + "{16}", literals="pnu_ pnb_"),
    _rule("infracost-key", "ico-", "[A-Za-z0-9]{32}(?![A-Za-z0-9])", "ico-{alnum32}", head=_AN + "{24}"),
    _rule("mapbox-token", r"sk\.eyJ", r"[A-Za-z0-9_-]{20,200}\.[A-Za-z0-9_-]{20,60}", "sk.eyJ{url80}.{url22}"),
    _rule("twitter-token", "AAAAAAAAAAAAAAAAAAAAA", "[A-Za-z0-9%]{60,120}", "AAAAAAAAAAAAAAAAAAAAA{alnum40}%2F{alnum40}%3D", head="[A-Za-z0-9%]{30}", before=_APART, check=lambda found: b"%" in found),
    _rule("adafruit-key", "aio_", "[A-Za-z0-9]{28}", "aio_{alnum28}", head=_AN + "{16}"),
    _rule("yandex-key", "AQVN", "[A-Za-z0-9_-]{35,40}", "AQVN{url36}", head=_URL + "{30}", before=_APART),
    _rule("elevenlabs-key", "xi_", _HEX + "{32,64}", "xi_{hex32}", head=_HEX + "{20}"),
    _rule("frameio-token", "fio-u-", _URL + "{60,70}", "fio-u-{url64}"),
    _rule("dnkey-token", "dnkey-", r"[A-Za-z0-9_=-]{26}-[A-Za-z0-9_=-]{52}", "dnkey-{alnum26}-{alnum52}"),
    # -- a vendor we do not know, who follows the custom
    *(
        _rule("api-key", f"[_-]{word}[_-]", "[A-Za-z0-9_]{20,255}", f"acme_{word}_{{alnum32}}", head=_AN + "{12}", literals=f"_{word} -{word}", check=_mixed, named=True)
        for word in ("live", "test", "prod", "pat", "secret", "token", "key", "sk", "api")
    ),
)  # fmt: skip
