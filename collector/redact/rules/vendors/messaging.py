"""Tokens of chats, mail and messages, and addresses that let anyone post."""

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
    not_counted,
    tail_rule,
    vendor_rule,
)

_rule = partial(vendor_rule, since=2)

MESSAGING: tuple[Rule, ...] = (
    tail_rule("discord-token", r"[A-Za-z0-9_-]{4}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}", r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}", "M{alnum23}.{alnum6}.{alnum27}", "N{alnum25}.{alnum6}.{alnum38}", literals=".", check=mixed),
    _rule("slack-token", "xoxd-", r"[A-Za-z0-9_%+/=-]{60,400}", "xoxd-{url120}", head=URL + "{24}"),
    _rule("instagram-token", "IG(?:QV|QW|AA)[A-Za-z0-9_-]", URL + "{100,300}", "IGQV{url140}", literals="igqv igqw igaa", head=URL + "{60}", before=APART),
    tail_rule("mailchimp-key", "[0-9a-f]-us[0-9]", "[0-9a-f]{32}-us[0-9]{1,2}", "{hex32}-us14", literals="-us"),
    tail_rule("mailgun-key", "[0-9a-f]{2}-[0-9a-f]{8}-[0-9a-f]{8}", "[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}(?![0-9a-f-])", "{hex32}-{hex8}-{hex8}", literals="-"),
    _rule("twilio-key", "SK", "(?:[0-9a-f]{32}|[0-9A-F]{32})(?![0-9a-fA-F])", "SK{hex32}", "SK{HEX32}", head="[0-9a-fA-F]{10}", before=WORD),
    _rule("mailgun-key", "key-", HEX + "{32}(?![0-9a-f])", "key-{hex32}", head=HEX + "{12}", check=not_counted, no=("key-0123456789abcdef0123456789abcdef",)),
    _rule("mailersend-token", r"mlsn\.", HEX + "{60,70}", "mlsn.{hex64}", head=HEX + "{12}"),
    _rule("klaviyo-key", "pk_", HEX + "{34}(?![0-9a-f])", "pk_{hex34}", head=HEX + "{30}", before=WORD),
    _rule("convertkit-key", "kit_", HEX + "{32,44}(?![0-9a-f])", "kit_{hex34}", head=HEX + "{24}", before=WORD),
    _rule("onesignal-key", "os_v2_(?:app|org)_", "[a-z0-9]{60,120}", "os_v2_app_{lower100}", literals="os_v2_", head="[a-z0-9]{20}"),
    _rule("pushbullet-token", r"o\.", "[A-Za-z0-9]{32}(?![A-Za-z0-9])", "o.{alnum32}", head=AN + "{32}", before=r"(?<![A-Za-z0-9_)\]])", check=mixed),
    _rule("firebase-server-key", "AAAA[A-Za-z0-9_-]{7}:", URL + "{120,180}", "AAAA{url7}:APA91b{url134}", head=URL + "{40}", literals=":"),
    _rule("matrix-token", "syt_", "[A-Za-z0-9+/=]{2,80}_[A-Za-z]{20}_[A-Za-z0-9]{6}", "syt_am9zbWl0aA_AbCdEfGhIjKlMnOpQrSt_{alnum6}", head="[A-Za-z0-9]{2}"),
    _rule("matrix-token", "mct_", "[A-Za-z0-9_]{30,60}", "mct_{alnum30}_{alnum6}", head=AN + "{24}", before=WORD),
    _rule("intercom-token", "dG9rO", "[A-Za-z0-9+/]{50,80}={0,2}", "dG9rO{b6455}=", head=AN + "{4}", before=APART),
    marked_rule("ably-key", r"[A-Za-z0-9_-]\.[A-Za-z0-9_-]{6}:[A-Za-z0-9_-]{20}", r"[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{6}:[A-Za-z0-9_-]{43}", "{alnum6}.{alnum6}:{url42}x", literals=":"),
    _rule("pubnub-key", "sec-c-", "[A-Za-z0-9]{44,52}", "sec-c-{alnum48}", head=AN + "{12}"),
    _rule("zapier-webhook", r"hooks\.zapier\.com/hooks/catch/", "[0-9]{4,12}/[A-Za-z0-9]{5,12}", "https://hooks.zapier.com/hooks/catch/{digit7}/{lower7}", head="[0-9]{4}"),
    _rule("ifttt-webhook", r"maker\.ifttt\.com/trigger/", r"[A-Za-z0-9_{}-]{1,80}/(?:json/)?with/key/[A-Za-z0-9_-]{20,60}", "https://maker.ifttt.com/trigger/x/with/key/{alnum43}", head="[A-Za-z0-9_{}-]"),
    _rule("make-webhook", r"\.make\.com/", "[a-z0-9]{28,40}(?![A-Za-z0-9])", "https://hook.eu1.make.com/{lower32}", head="[a-z0-9]{28}", check=mixed),
    _rule("google-chat-webhook", r"chat\.googleapis\.com/v1/spaces/", r"[A-Za-z0-9_-]{8,20}/messages\?[^\s\"'<>\x00]{40,300}", "https://chat.googleapis.com/v1/spaces/AAAA{alnum7}/messages?key={alnum39}&token={url43}"),
    _rule("lark-webhook", "/open-apis/bot/v2/hook/", "[0-9a-f-]{36}", "https://open.larksuite.com/open-apis/bot/v2/hook/" + UUID_EXAMPLE, head="[0-9a-f]{8}"),
    _rule("dingtalk-webhook", r"oapi\.dingtalk\.com/robot/send\?access_token=", HEX + "{60,70}", "https://oapi.dingtalk.com/robot/send?access_token={hex64}", literals="oapi.dingtalk.com"),
    _rule("wecom-webhook", r"qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=", UUID, "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=" + UUID_EXAMPLE, literals="qyapi.weixin.qq.com", head="[0-9a-f]{8}"),
    _rule("teams-webhook", r"\.webhook\.office\.com/webhookb2/", r"[A-Za-z0-9@/_-]{40,300}", "https://acme.webhook.office.com/webhookb2/" + UUID_EXAMPLE + "@" + UUID_EXAMPLE + "/IncomingWebhook/{hex32}/" + UUID_EXAMPLE, head="[0-9a-f]{8}"),
    _rule("pinterest-token", "pin[ar]_", "[A-Za-z0-9]{50,120}(?![A-Za-z0-9])", "pina_{alnum60}", head=AN + "{30}", literals="pina_ pinr_", before=WORD, check=mixed),
    _rule("telnyx-key", "KEY", "[0-9A-F]{32}_[A-Za-z0-9]{22}(?![A-Za-z0-9])", "KEY{HEX32}_{alnum22}", head="[0-9A-F]{28}", before=WORD),
    _rule("ubidots-token", "BBFF-", "[A-Za-z0-9]{30}(?![A-Za-z0-9])", "BBFF-{alnum30}", head=AN + "{24}", before=WORD),
    _rule("discord-webhook", "/api/v10/webhooks/", r"[0-9]{15,21}/[A-Za-z0-9_-]{40,100}", "https://discord.com/api/v10/webhooks/{digit18}/{url68}", head="[0-9]{15}"),
    _rule("salesforce-token", "00D[A-Za-z0-9]{12}!", r"[A-Za-z0-9._]{60,140}", "00D{alnum12}!{alnum96}", literals="!", head="[A-Za-z0-9._]{30}"),
    _rule("salesforce-token", "5Aep861", r"[A-Za-z0-9._]{60,120}", "5Aep861{alnum80}", head="[A-Za-z0-9._]{16}"),
    _rule("instagram-token", "IG(?:QV|AA)", "[A-Za-z0-9_-]{100,300}", "IGQV{alnum140}", head=AN + "{60}", literals="igqv igaa", before=APART),
    marked_rule("facebook-app-token", r"[0-9]{8}\|[A-Za-z0-9_-]{16}", r"[0-9]{15,16}\|[A-Za-z0-9_-]{27,40}", "{digit15}|{alnum27}", literals="|"),
    _rule("pinterest-token", "pina_", "[A-Z0-9]{60,140}", "pina_{upper90}", head="[A-Z0-9]{20}"),
    _rule("linkedin-token", r"WPL_AP[0-9]\.", r"[A-Za-z0-9.=+/]{14,60}", "WPL_AP1.{alnum16}.{alnum8}==", head=AN + "{8}", literals="wpl_ap"),
    _rule("twitch-token", "oauth:", "[a-z0-9]{30}(?![A-Za-z0-9])", "oauth:{lower30}", head="[a-z0-9]{30}", check=mixed),
    _rule("roblox-cookie", r"_\|WARNING:-DO-NOT-SHARE-THIS", r"[^\s\"';\x00]{100,2000}", "_|WARNING:-DO-NOT-SHARE-THIS.--Sharing-this-will-allow-someone-to-log-in-as-you.|_{HEX320}", head=r"\.--[A-Za-z]", literals="_|warning"),
)  # fmt: skip
