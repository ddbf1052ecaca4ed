"""The forms of vendors' tokens as their vendors or others publish them, apart from our rules' patterns.

    python tests/conformance/vendors.py > docs/redaction-vendors.md

A form is text with `{class length}` in it: an letters and digits, lower/upper with digits, az/AZ letters, hex/HEX, b64, url,
b32, b58, digit. Sources: G, the configuration of gitleaks at commit 009e025, read on 2026-11-25; V, the vendor's own
documentation as known, not read again on that day; C, a token of that form that an earlier version missed.
"""

from __future__ import annotations

import random
import re
import string
import sys
from typing import NamedTuple


class Form(NamedTuple):
    """One form of one vendor's tokens, and the rule that finds it."""

    vendor: str
    rule: str
    form: str
    source: str


_CLASSES = {
    "an": string.ascii_letters + string.digits, "lower": string.ascii_lowercase + string.digits, "upper": string.ascii_uppercase + string.digits,
    "az": string.ascii_lowercase, "AZ": string.ascii_uppercase, "letters": string.ascii_letters, "hex": "0123456789abcdef", "HEX": "0123456789ABCDEF",
    "b64": string.ascii_letters + string.digits + "+/", "url": string.ascii_letters + string.digits + "-_", "b32": string.ascii_uppercase + "234567",
    "b58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", "digit": "123456789",
}  # fmt: skip
_FILL = re.compile(r"\{([A-Za-z0-9]*?[A-Za-z]|an|b64|b32|b58) ([0-9]+)\}")
_UUID = "{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}"


def token(form: str, rng: random.Random) -> str:
    """A token of `form`."""
    return _FILL.sub(lambda part: "".join(rng.choice(_CLASSES[part[1]]) for _ in range(int(part[2]))), form)


_ROWS = f"""
1Password | onepassword-key | A3-{{upper 6}}-{{upper 6}}-{{upper 5}}-{{upper 5}}-{{upper 5}}-{{upper 5}} | G
1Password | onepassword-token | ops_eyJ{{b64 252}} | G
Adobe | adobe-secret | p8e-{{lower 32}} | G
age | age-key | AGE-SECRET-KEY-1{{upper 58}} | G
Aiven | aiven-token | AVNS_{{url 19}} | V
Airtable | airtable-token | pat{{an 14}}.{{hex 64}} | V
Alibaba Cloud | alibaba-access-key | LTAI{{an 20}} | G
Amazon | aws-access-key-id | AKIA{{b32 16}} | G
Amazon | aws-access-key-id | ASIA{{b32 16}} | G
Amazon | aws-mws-key | amzn.mws.{_UUID} | V
Amazon | aws-bedrock-key | bedrock-api-key-{{b64 200}} | G
Anthropic | anthropic-key | sk-ant-api03-{{url 93}}AA | G
Anthropic | anthropic-key | sk-ant-admin01-{{url 93}}AA | G
Anthropic (Claude Code) | anthropic-key | sk-ant-oat01-{{url 93}}AA | V
Anthropic (Claude Code) | anthropic-key | sk-ant-ort01-{{url 93}}AA | V
Apify | apify-token | apify_api_{{an 36}} | V
Asana | asana-token | 1/{{digit 16}}:{{hex 32}} | V
Astra DB | astra-token | AstraCS:{{letters 24}}:{{hex 64}} | V
Atlassian | atlassian-token | ATATT3{{url 186}} | G
Axiom | axiom-token | xaat-{_UUID} | V
Azure AD | azure-ad-secret | {{an 3}}8Q~{{url 34}} | G
Azure Cosmos DB | azure-key | {{b64 76}}ACDb{{b64 6}}== | V
Azure Container Registry | azure-key | {{b64 42}}+ACR{{b64 6}} | V
Azure DevOps | azure-devops-token | {{an 76}}AZDO{{an 4}} | V
Azure Functions | azure-key | {{url 44}}AzFu{{url 6}}== | V
Azure Search | azure-key | {{an 42}}AzSe{{an 6}} | V
Azure Service Bus | azure-key | {{b64 33}}+ASb{{b64 6}}= | V
Azure Storage | azure-key | {{b64 76}}+ASt{{b64 6}}== | C
Backblaze | backblaze-key | K005{{b64 27}} | V
Baidu | baidu-key | bce-v3/ALTAK-{{an 21}}/{{hex 40}} | V
Bitbucket | bitbucket-token | ATBB{{an 32}} | V
Bitcoin (WIF) | bitcoin-key | L{{b58 51}} | C
BIP 32 | wallet-key | xprv9s21{{b58 103}} | V
Brave Search | brave-key | BSA{{url 28}} | C
Brevo | brevo-key | xkeysib-{{hex 64}}-{{an 16}} | G
Braintree | braintree-token | access_token$production${{lower 16}}${{hex 32}} | V
Buildkite | buildkite-token | bkua_{{hex 40}} | V
Cerebras | cerebras-key | csk-{{lower 48}} | V
Chromatic | chromatic-token | chpt_{{hex 16}} | V
CircleCI | circleci-token | CCIPAT_{{an 22}}_{{hex 40}} | V
ClickHouse Cloud | clickhouse-key | 4b1d{{an 38}} | G
ClickUp | clickup-token | pk_{{digit 8}}_{{upper 32}} | V
Clojars | clojars-token | CLOJARS_{{lower 60}} | G
Cloudflare | cloudflare-key | v1.0-{{hex 24}}-{{hex 146}} | G
CockroachDB | cockroachdb-key | CCDB1_{{url 22}}_{{url 40}} | C
Contentful | contentful-token | CFPAT-{{url 43}} | V
Context7 | context7-key | ctx7sk-{_UUID} | V
Copilot | copilot-token | tid={{hex 32}};exp=1764000000;sku=x;8kp=1:{{hex 64}} | C
crates.io | crates-token | cio{{an 32}} | V
Cursor | cursor-key | key_{{hex 64}} | V
Databricks | databricks-token | dapi{{hex 32}}-2 | G
Daytona | daytona-key | dtn_{{hex 64}} | V
dbt | dbt-token | dbtc_{{url 48}} | V
Defined Networking | dnkey-token | dnkey-{{an 26}}-{{an 52}} | G
Deno | deno-token | ddp_{{an 36}} | V
DigitalOcean | digitalocean-token | dop_v1_{{hex 64}} | G
DigitalOcean | digitalocean-token | doo_v1_{{hex 64}} | G
DigitalOcean | digitalocean-token | dor_v1_{{hex 64}} | G
DingTalk | dingtalk-webhook | https://oapi.dingtalk.com/robot/send?access_token={{hex 64}} | V
Discord | discord-token | M{{an 23}}.{{an 6}}.{{an 38}} | V
Discord | discord-webhook | https://discord.com/api/webhooks/{{digit 18}}/{{url 68}} | V
Docker Hub | docker-token | dckr_pat_{{url 27}} | V
Docker Swarm | docker-token | SWMTKN-1-{{lower 50}}-{{lower 25}} | V
Doppler | doppler-token | dp.pt.{{an 43}} | G
Dropbox | dropbox-token | sl.{{url 135}} | G
Duffel | duffel-token | duffel_live_{{url 43}} | G
Dynatrace | dynatrace-token | dt0c01.{{upper 24}}.{{upper 64}} | G
EasyPost | easypost-key | EZAK{{an 54}} | G
Elastic | elastic-token | essu_{{b64 80}} | V
Figma | figma-token | figd_{{url 43}} | V
Flutterwave | flutterwave-key | FLWSECK_TEST-{{hex 32}}-X | G
Fly.io | fly-token | fo1_{{url 43}} | G
Fly.io | fly-token | fm2_{{b64 120}} | G
Fly.io | fly-token | fm1r_{{b64 120}} | G
Frame.io | frameio-token | fio-u-{{url 64}} | G
GitHub | github-token | ghp_{{an 36}} | G
GitHub | github-token | gho_{{an 36}} | G
GitHub | github-token | ghu_{{an 36}} | G
GitHub | github-token | ghs_{{an 36}} | G
GitHub | github-token | ghr_{{an 36}} | G
GitHub | github-token | github_pat_{{an 22}}_{{an 59}} | G
GitLab | gitlab-token | glpat-{{url 20}} | G
GitLab | gitlab-token | glcbt-{{an 3}}_{{url 20}} | G
GitLab | gitlab-token | gldt-{{url 20}} | G
GitLab | gitlab-token | glffct-{{url 20}} | G
GitLab | gitlab-token | glft-{{url 20}} | G
GitLab | gitlab-token | glimt-{{url 25}} | G
GitLab | gitlab-token | glagent-{{url 50}} | G
GitLab | gitlab-token | gloas-{{url 64}} | G
GitLab | gitlab-token | glptt-{{hex 40}} | G
GitLab | gitlab-token | GR1348941{{url 20}} | G
GitLab | gitlab-token | glrt-{{url 20}} | G
GitLab | gitlab-token | glsoat-{{url 20}} | G
Google | gcp-api-key | AIza{{url 35}} | G
Google | gcp-oauth-secret | GOCSPX-{{url 28}} | V
Google | gcp-oauth-token | ya29.{{url 120}} | V
Google | gcp-hmac-key | GOOG1E{{upper 56}} | V
Grafana | grafana-token | glsa_{{an 32}}_{{hex 8}} | G
Grafana | grafana-token | glc_{{b64 80}} | G
Groq | groq-key | gsk_{{an 52}} | V
Harness | harness-key | pat.{{url 22}}.{{an 24}}.{{an 20}} | G
HashiCorp Terraform | terraform-token | {{an 14}}.atlasv1.{{url 67}} | G
HashiCorp Vault | vault-token | hvs.{{url 95}} | G
HashiCorp Vault | vault-token | hvb.{{url 150}} | G
Heroku | heroku-key | HRKU-AA{{url 58}} | G
Hugging Face | huggingface-token | hf_{{letters 34}} | G
Hugging Face | huggingface-token | api_org_{{letters 34}} | G
HubSpot | hubspot-key | pat-na1-{_UUID} | V
Infracost | infracost-key | ico-{{an 32}} | G
Instagram | instagram-token | IGQV{{url 140}} | G
Intra42 | intra42-secret | s-s4t2ud-{{hex 64}} | G
Ionic | ionic-token | ion_{{an 42}} | C
JFrog | jfrog-token | AKCp{{an 69}} | G
JFrog | jfrog-token | cmVmd{{an 59}} | G
Kaggle | kaggle-token | KGAT_{{hex 32}} | V
Kong | kong-token | kpat_{{an 60}} | V
LangSmith | langsmith-key | lsv2_pt_{{hex 32}}_{{hex 10}} | V
Langfuse | langfuse-key | sk-lf-{_UUID} | V
LaunchDarkly | launchdarkly-key | sdk-{_UUID} | V
Lichess | lichess-token | lip_{{an 20}} | V
Linear | linear-key | lin_api_{{an 40}} | G
Liveblocks | liveblocks-key | sk_prod_{{url 64}} | V
LlamaCloud | llamacloud-key | llx-{{an 48}} | V
Lob | lob-key | live_{{hex 35}} | G
LocalStack | localstack-key | ls-{{an 8}}-{{an 4}}-{{an 4}}-{{an 4}}-{{an 12}} | V
LogicMonitor | logicmonitor-token | lmv1:{{an 20}}:{{b64 38}}== | C
Mailchimp | mailchimp-key | {{hex 32}}-us14 | G
Mailgun | mailgun-key | key-{{hex 32}} | G
Mailgun | mailgun-key | {{hex 32}}-{{hex 8}}-{{hex 8}} | G
MaxMind | maxmind-key | {{an 6}}_{{an 29}}_mmk | G
Microsoft Teams | teams-webhook | https://acme.webhook.office.com/webhookb2/{_UUID}@{_UUID}/IncomingWebhook/{{hex 32}}/{_UUID} | G
minisign | minisign-key | RWRTY0Iy{{b64 204}} | V
MongoDB Atlas | mongodb-key | mdb_sa_sk_{{url 40}} | V
Neon | neon-key | npg_{{an 12}} | C
Neon | neon-key | napi_{{lower 64}} | V
Netlify | netlify-token | nfp_{{an 36}} | V
New Relic | newrelic-key | NRAK-{{upper 27}} | G
New Relic | newrelic-key | NRJS-{{hex 19}} | G
ngrok | ngrok-token | ngrok 2{{an 26}}_{{an 21}} | C
Nostr | nostr-key | nsec1{{lower 58}} | C
Notion | notion-token | ntn_{{digit 11}}{{an 35}} | G
npm | npm-token | npm_{{an 36}} | G
NuGet | nuget-key | oy2{{lower 43}} | V
NVIDIA | nvidia-key | nvapi-{{url 64}} | V
Nylas | nylas-key | nyk_v0_{{an 48}} | V
Octopus Deploy | octopus-key | API-{{upper 26}} | G
OpenAI | openai-key | sk-proj-{{url 74}}T3BlbkFJ{{url 74}} | G
OpenAI | openai-key | sk-svcacct-{{url 58}}T3BlbkFJ{{url 58}} | G
OpenAI | openai-key | sk-admin-{{url 58}}T3BlbkFJ{{url 58}} | G
OpenAI (Codex) | openai-token | rt_{{url 43}}.{{url 43}} | V
OpenRouter | openrouter-key | sk-or-v1-{{hex 64}} | V
OpenShift | openshift-token | sha256~{{url 43}} | G
Percy | percy-token | web_{{hex 64}} | V
Perplexity | perplexity-key | pplx-{{an 48}} | G
Pinecone | pinecone-key | pcsk_{{an 70}} | V
Pinterest | pinterest-token | pina_{{an 60}} | V
Plaid | plaid-token | access-sandbox-{_UUID} | G
Plaid | plaid-token | access-development-{_UUID} | G
PlanetScale | planetscale-token | pscale_tkn_{{url 43}} | G
PlanetScale | planetscale-token | pscale_pw_{{url 43}} | G
Polar | polar-token | polar_oat_{{an 43}} | V
Portainer | portainer-key | ptr_{{b64 43}}= | C
Postman | postman-key | PMAK-{{hex 24}}-{{hex 34}} | G
Prefect | prefect-token | pnu_{{an 36}} | G
Pulumi | pulumi-token | pul-{{hex 40}} | G
PyPI | pypi-token | pypi-AgEIcHlwaS5vcmc{{url 160}} | G
ReadMe | readme-key | rdme_{{lower 70}} | G
Replicate | replicate-token | r8_{{an 37}} | V
Rootly | rootly-key | rootly_{{hex 64}} | V
RubyGems | rubygems-key | rubygems_{{hex 48}} | G
Salesforce | salesforce-token | 00D{{an 12}}!AQE{{an 93}} | V
Scalingo | scalingo-token | tk-us-{{url 48}} | G
SendGrid | sendgrid-key | SG.{{url 22}}.{{url 43}} | G
Sentry | sentry-token | sntryu_{{hex 64}} | G
SettleMint | settlemint-token | sm_aat_{{an 16}} | G
Shippo | shippo-token | shippo_live_{{hex 40}} | G
Shopify | shopify-token | shpat_{{hex 32}} | G
Shopify | shopify-token | shpss_{{hex 32}} | G
Slack | slack-token | xoxb-{{digit 12}}-{{digit 13}}-{{an 24}} | G
Slack | slack-token | xapp-1-A{{upper 10}}-{{digit 13}}-{{hex 64}} | G
Slack | slack-webhook | https://hooks.slack.com/services/T{{upper 10}}/B{{upper 10}}/{{an 24}} | G
Slack | slack-token | xoxd-{{an 100}} | V
Snyk | snyk-token | snyk_uat.{{an 8}}.{{url 60}} | V
Socket | socket-token | sktsec_{{an 43}} | V
SonarQube | sonar-token | sqp_{{hex 40}} | V
Sourcegraph | sourcegraph-token | sgp_{{hex 16}}_{{hex 40}} | G
Square | square-token | sq0csp-{{url 43}} | G
StackHawk | stackhawk-key | hawk.{{url 20}}.{{url 20}} | C
Stellar | stellar-key | S{{b32 55}} | V
Stripe | stripe-key | sk_live_{{an 24}} | G
Stripe | stripe-key | rk_test_{{an 99}} | G
Supabase | supabase-key | sbp_{{hex 40}} | V
Tailscale | tailscale-key | tskey-auth-{{an 17}}-{{an 32}} | V
Telegram | telegram-token | {{digit 9}}:AA{{url 33}} | G
Telnyx | telnyx-key | KEY{{HEX 32}}_{{an 22}} | C
Tencent Cloud | tencent-key | AKID{{an 32}} | V
Trello | trello-token | ATTA{{hex 64}}{{HEX 8}} | V
Twilio | twilio-key | SK{{hex 32}} | G
Twilio | twilio-key | SK{{HEX 32}} | G
Typeform | typeform-token | tfp_{{url 59}} | G
Ubidots | ubidots-token | BBFF-{{an 30}} | C
Unkey | unkey-key | unkey_{{an 24}} | V
Val Town | valtown-token | vtwn_{{an 32}} | C
Vercel | vercel-token | vcp_{{an 56}} | V
WakaTime | wakatime-key | waka_{_UUID} | V
xAI | xai-key | xai-{{an 80}} | V
Xendit | xendit-key | xnd_production_{{an 56}} | V
Yandex Cloud | yandex-key | AQVN{{url 36}} | G
Yandex Cloud | yandex-key | t1.{{url 60}}.{{url 86}} | G
"""
FORMS: tuple[Form, ...] = tuple(
    Form(*(part.strip() for part in row.split(" | "))) for row in _ROWS.strip().splitlines()
)
_SOURCES = {"G": "gitleaks", "V": "vendor", "C": "case"}


def table() -> str:
    """The page of documentation: every form, the rule that finds it, and where the form is from."""
    rows = "".join(f"| {form.vendor} | `{form.form}` | `{form.rule}` | {_SOURCES[form.source]} |\n" for form in FORMS)
    return (
        "# Whose tokens are found\n\n"
        "Each form below is written down apart from the patterns of the rules, and tokens made of it are found by the rule named,\n"
        "or by `api-key` where a token follows the common custom too: "
        "`tests/conformance/test_vendor_forms.py`.\nThis page is written by `python tests/conformance/vendors.py > docs/redaction-vendors.md`.\n\n"
        "`{an 36}` are 36 letters and digits; `lower` and `upper` letters of one case with digits, `letters` letters only, `hex` and `HEX`\n"
        "hexadecimal digits, `b64`, `url`, `b32` and `b58` the alphabets of base64, its URL-safe form, base32 and base58.\n\n"
        "Sources: *gitleaks*, its configuration at commit 009e025, read on 2026-11-25; *vendor*, the vendor's documentation as known, not\n"
        "read again on that day; *case*, a token of that form that an earlier version missed. Check digits are not tested for, so that a\n"
        "token with a wrong one is masked too. There are rules for more vendors than this table has forms of.\n\n"
        "| vendor | form | rule | source |\n|---|---|---|---|\n" + rows
    )


if __name__ == "__main__":
    sys.stdout.write(table())
