"""Keys of models, search for models, and what agents run on."""

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
    mixed,
    vendor_rule,
)

_rule = partial(vendor_rule, since=2)

MODELS: tuple[Rule, ...] = (
    _rule("openai-token", "rt_", r"[A-Za-z0-9_.-]{40,400}", "rt_{url90}.{url43}", head=URL + "{30}", before=WORD, check=mixed),
    _rule("openai-token", "sess-", "[A-Za-z0-9]{40}(?![A-Za-z0-9])", "sess-{alnum40}", head=AN + "{30}", before=WORD),
    _rule("openai-token", "ek_", HEX + "{32,64}", "ek_{hex32}", head=HEX + "{24}", before=WORD),
    _rule("brave-key", "BSA", "[A-Za-z0-9_-]{27,29}(?![A-Za-z0-9_-])", "BSA{url28}", head=URL + "{24}", before=WORD + APART, check=mixed),
    _rule("langsmith-key", "ls__", "[0-9a-f]{32}", "ls__{hex32}", head=HEX + "{12}"),
    _rule("huggingface-token", "hf_", "[A-Za-z0-9]{30,64}", "hf_{alnum34}", head=AN + "{12}", no=("pip/misc.py,sha256=lX22zJrhf_{alnum34},232",)),
    _rule("replicate-token", "r8_", "[A-Za-z0-9]{30,60}", "r8_{alnum37}", head=AN + "{12}", no=("pip/misc.py,sha256=lX22zJrr8_{alnum37},232",)),
    _rule("modal-token", "a[ks]-", "[A-Za-z0-9]{22}(?![A-Za-z0-9])", "as-{alnum22}", head=AN + "{20}", literals="ak- as-", check=mixed, no=("pip/misc.py,sha256=lX22zJras-{alnum22},232",)),
    _rule("fireworks-key", "fw_", "[A-Za-z0-9]{22,60}", "fw_{alnum24}", head=AN + "{20}", check=mixed, no=("pip/misc.py,sha256=lX22zJrfw_{alnum34},232",)),
    _rule("helicone-key", "[sp]k-helicone-", URL + "{20,80}", "sk-helicone-{lower7}-{lower7}-{lower7}-{lower7}", literals="k-helicone-"),
    _rule("braintrust-key", "bt-st-", URL + "{30,80}", "bt-st-{alnum48}"),
    _rule("browserbase-key", "bb_live_", URL + "{20,60}", "bb_live_{url27}"),
    _rule("steel-key", "ste-", "[A-Za-z0-9]{60,130}", "ste-{alnum80}", head=AN + "{40}"),
    _rule("runpod-key", "rpa_", "[A-Z0-9]{36,60}[a-z0-9]{0,16}", "rpa_{upper40}{lower6}", head="[A-Z0-9]{20}"),
    _rule("llamacloud-key", "llx-", "[A-Za-z0-9]{40,60}", "llx-{alnum48}", head=AN + "{20}"),
    _rule("mem0-key", "m0-", "[A-Za-z0-9]{36,50}(?![A-Za-z0-9])", "m0-{alnum40}", head=AN + "{30}", before=WORD, check=mixed),
    _rule("letta-key", "sk-let-", URL + "{20,200}", "sk-let-{url80}"),
    _rule("voyage-key", "al-", "[A-Za-z0-9_-]{40,64}(?![A-Za-z0-9_-])", "al-{alnum43}", head=URL + "{38}", before=WORD, check=mixed),
    _rule("runway-key", "key_", HEX + "{120,136}", "key_{hex128}", head=HEX + "{80}", before=WORD),
    _rule("luma-key", "luma-", UUID + "(?:-" + UUID + ")?", "luma-" + UUID_EXAMPLE, head="[0-9a-f]{8}-[0-9a-f]{4}-"),
    _rule("tripo-key", "tsk_", URL + "{36,60}", "tsk_{url43}", head=URL + "{30}", before=WORD, check=mixed),
    _rule("meshy-key", "msy_", "[A-Za-z0-9]{36,60}", "msy_{alnum42}", head=AN + "{24}", before=WORD),
    _rule("nomic-key", "nk-", URL + "{40,50}(?![A-Za-z0-9_-])", "nk-{url43}", head=URL + "{38}", before=WORD, check=mixed),
    _rule("mixedbread-key", "(?:mxb|emb)_", "[A-Za-z0-9]{40,60}", "mxb_{alnum46}", head=AN + "{30}", literals="mxb_ emb_", before=WORD, check=mixed),
    _rule("predibase-key", "pb_", "[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])", "pb_{url22}", head=URL + "{22}", before=WORD, check=mixed),
    _rule("anyscale-key", "esecret_", "[A-Za-z0-9]{20,50}", "esecret_{alnum26}", head=AN + "{16}"),
    _rule("anyscale-key", "aph0_", "[A-Za-z0-9_-]{40,90}", "aph0_{url60}", head=URL + "{20}"),
    _rule("roboflow-key", "rf_", "[A-Za-z0-9]{20,32}(?![A-Za-z0-9_])", "rf_{alnum24}", head=AN + "{20}", before=WORD, check=mixed),
    _rule("composio-key", "ak_", URL + "{20,24}(?![A-Za-z0-9_-])", "ak_{url20}", head=URL + "{20}", before=WORD, check=mixed),
    _rule("nebius-key", r"v1\.", r"CmQKHH[A-Za-z0-9+/=_-]{60,400}", "v1.CmQKHH{url120}", head="CmQKHH"),
    _rule("hyperbolic-key", "gAAAAA", "[A-Za-z0-9_-]{90,400}={0,2}", "gAAAAA{url100}==", head=URL + "{40}", before=APART, check=mixed),
    _rule("tavily-key", "tvly-(?:dev|prd)-", "[A-Za-z0-9-]{24,64}", "tvly-dev-{alnum32}", literals="tvly-dev- tvly-prd-"),
    _rule("daytona-key", "dtn_", HEX + "{64}", "dtn_{hex64}", head=HEX + "{40}", before=WORD),
    _rule("kaggle-token", "KGAT_", HEX + "{32}", "KGAT_{hex32}", head=HEX + "{24}", before=WORD),
    _rule("context7-key", "ctx7sk-", UUID, "ctx7sk-" + UUID_EXAMPLE, head="[0-9a-f]{8}"),
    _rule("kagi-key", "kagi_", "[A-Za-z0-9_-]{30,80}", "kagi_{url43}", head=URL + "{24}"),
)  # fmt: skip
