"""Keys of payments, shops and wallets."""

from __future__ import annotations

from functools import partial

from collector.redact.engine.rule import Rule
from collector.redact.rules.vendors.form import (
    AN,
    APART,
    APART_FROM,
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
_B58 = "[1-9A-HJ-NP-Za-km-z]"

PAYMENTS: tuple[Rule, ...] = (
    _rule("mollie-key", "(?:live|test)_", "[A-Za-z0-9]{30,35}(?![A-Za-z0-9])", "live_{alnum30}", head=AN + "{30}", literals="live_ test_", before="(?<![A-Za-z0-9_-])", check=mixed),
    _rule("gocardless-token", "live_", URL + "{40,44}(?![A-Za-z0-9_-])", "live_{url40}", head=URL + "{40}", before="(?<![A-Za-z0-9_-])", check=mixed),
    _rule("checkout-key", "sk_sbox_", "[a-z0-9]{26,34}", "sk_sbox_{lower28}", head="[a-z0-9]{12}"),
    _rule("paypal-token", "A21AA", URL + "{80,120}", "A21AA{url92}", head=URL + "{40}", before=APART),
    _rule("plaid-token", "access-development-", UUID, "access-development-" + UUID_EXAMPLE, head="[0-9a-f]{8}"),
    _rule("woocommerce-key", "c[ks]_", HEX + "{40}(?![0-9a-f])", "ck_{hex40}", head=HEX + "{30}", literals="ck_ cs_", before=WORD),
    _rule("paddle-key", "pdl_(?:live|sdbx)_apikey_", "[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}", "pdl_live_apikey_{lower26}_{alnum22}_{alnum3}", literals="_apikey_"),
    _rule("xendit-key", "xnd_production_", "[A-Za-z0-9]{30,90}", "xnd_production_{alnum56}"),
    _rule("xendit-key", "xnd_development_", "[A-Za-z0-9]{30,90}", "xnd_development_{alnum56}"),
    _rule("midtrans-key", "Mid-server-", URL + "{20,40}", "SB-Mid-server-{url24}"),
    _rule("mercadopago-token", "APP_USR-", "[0-9]{10,20}-[0-9]{6}-[0-9a-f]{32}-[0-9]{6,12}", "APP_USR-{digit16}-{digit6}-{hex32}-{digit9}", head="[0-9]{6}"),
    _rule("asaas-key", r"\$aact_", "[A-Za-z0-9+/=:_]{60,200}", "$aact_{b64120}", head=AN + "{12}"),
    _rule("cashfree-key", "cfsk_ma_(?:prod|test)_", "[0-9a-f]{32}_[0-9a-f]{8}", "cfsk_ma_prod_{hex32}_{hex8}", literals="cfsk_ma_"),
    _rule("adyen-key", "AQE[a-z]hmf", r"[A-Za-z0-9+/=_\-<>{}()|.,:;^~\[\]!*%&#@?$]{80,200}", "AQEyhmf{alnum120}", literals="hmf", head=AN + "{20}", before=APART),
    _rule("lob-key", "(?:live|test)_", "[0-9a-f]{35}(?![0-9a-f])", "test_{hex35}", head=HEX + "{35}", literals="live_ test_", before="(?<![A-Za-z0-9_-])"),
    _rule("shopify-token", "atkn_", "[A-Za-z0-9]{40,90}", "atkn_{alnum64}", head=AN + "{20}"),
    _rule("shopify-token", "shp(?:rt|uk|it)_", "[a-fA-F0-9]{32,64}", "shprt_{hex32}", literals="shprt_ shpuk_ shpit_"),
    _rule("square-token", "sandbox-sq0[a-z]{3}-", URL + "{22,60}", "sandbox-sq0csb-{url43}"),
    # -- wallets
    *(  # one by one: a trigger with a literal costs a third of one with a class of three
        marked_rule("bitcoin-key", APART_FROM + first + _B58 + "{28}", first + _B58 + "{50,51}", f"wif: {first}{{b5851}}", literals=first)
        for first in "5KL"
    ),
    _rule("wallet-key", "[xyztuv]prv", _B58 + "{100,112}", "xprv9s21Z{b58102}", head=_B58 + "{20}", literals="prv"),
    _rule("nostr-key", "nsec1", "[a-z0-9]{58}(?![a-z0-9])", "nsec1{lower58}", head="[a-z0-9]{30}"),
    marked_rule("stellar-key", APART_FROM + "S[A-Z2-7]{28}", "S[A-Z2-7]{55}", "seed S{b3255}"),
    _rule("slsk-key", "secret-extended-key-(?:main|test)1", "[a-z0-9]{60,400}", "secret-extended-key-main1{lower120}", literals="secret-extended-key-"),
    _rule("minisign-key", "RWRTY0Iy", "[A-Za-z0-9+/]{100,240}={0,2}", "RWRTY0Iy{b64180}==", head=AN + "{12}"),
)  # fmt: skip
