"""Credentials at places that few texts have: one short head is looked for, and what else must stand there only behind it."""

from __future__ import annotations

import re

from collector.redact.engine.looks import around
from collector.redact.engine.rule import ByteRange, Look, Rule, Trigger
from collector.redact.rules.labels.arguments import at_its_place
from collector.redact.rules.labels.assignments import CASES, VALUE
from collector.redact.rules.labels.verdicts import is_phrase

_STRING = r"[\"'][^\"'\n\x00]{1,60}[\"']"
_NEXT = r",[ ]?[\"']"

_PLACES: tuple[tuple[str, str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    # the head, what stands before the value, the words that are in the head, found, left alone
    (
        r"postgresql_password\(|changeUserPassword\(|getConnection\(|sp_addlogin[ ]|\bPASSWORD[ ]?=[ ]?N'",
        rf"postgresql_password\({_STRING}{_NEXT}|changeUserPassword\({_STRING}{_NEXT}|getConnection\([^\"'\n()\x00]{{1,80}},[ ]?{_STRING}{_NEXT}|sp_addlogin[ ]N?{_STRING},[ ]?N?'|\bPASSWORD[ ]?=[ ]?N'",
        "postgresql_password( changeuserpassword( getconnection( sp_addlogin password",
        ("postgresql_password('app', '{alnum14}')", 'db.changeUserPassword("jo", "{alnum14}")', 'DriverManager.getConnection(url, "jo", "{alnum14}")', "EXEC sp_addlogin 'jo', '{alnum14}';", "ALTER LOGIN sa WITH PASSWORD=N'{alnum14}';"),
        ('DriverManager.getConnection(url, "user", "password")', "WITH PASSWORD = N'<password>'"),
    ),
    (
        r"\bset[ (]:[a-z]",
        r"\bset[ (]:[a-z0-9_]{0,40}(?:password|passwd|passphrase|secret|token|(?:api|secret|private|access)_key|_pass),?[ ][\"']", "set",
        ("set :deploy_password, '{alnum14}'", 'set(:db_password, "{alnum14}")', 'set :aws_secret_access_key, "{b6440}"'), ("set :deploy_token, ENV['TOKEN']", "set :sort_key, 'created-at-2'"),
    ),
    (
        r"\bMONITOR[ ][a-z]|\bcom2sec6?[ \t]|cachemgr_passwd[ ]|[ ]login=|clear-text=\"|\$USER[0-9]{1,3}\$=|\bregister[ ]=>[ ]",
        r"\bMONITOR[ ][^\s@\x00]{1,60}@[^\s\x00]{1,60}[ ][0-9]{1,2}[ ][^\s\x00]{1,40}[ ]|\bcom2sec6?[ \t]{1,4}[^\s\x00]{1,40}[ \t]{1,4}[^\s\x00]{1,60}[ \t]{1,4}|cachemgr_passwd[ ]|[ ]login=[A-Za-z0-9_.-]{1,40}:|clear-text=\"|\$USER[0-9]{1,3}\$=|\bregister[ ]=>[ ][^\s:@\x00]{1,60}:",
        "monitor com2sec cachemgr_passwd login= clear-text= $user register",
        ("MONITOR ups@localhost 1 mon {alnum14} primary", "com2sec readonly default {alnum14}", "cachemgr_passwd {alnum14} all", "cache_peer h parent 3128 0 login=jo:{alnum14}", '<credential-reference clear-text="{alnum14}"/>', "$USER5$={alnum14}", "register => 1234:{alnum14}@sip.test/1234"),
        ("com2sec readonly default public", "$USER1$=/usr/lib/nagios/plugins", "cachemgr_passwd none all", "register => this:required"),
    ),
    (
        r"\bnet[ ]use[ ]|[ \t](?:pptpd|l2tpd|xl2tpd|pppoe-server)[ \t]|cloud\.auth|keyMaterial=|(?-i:\bAUTH[ ][A-Za-z])|\boption[ ]key[ ]|snmp[ ]community[ ]",
        r"\bnet[ ]use[ ](?:[A-Za-z]:|\*)[ ]\\\\[^\s\x00]{1,80}[ ]|[ \t](?:pptpd|l2tpd|xl2tpd|pppoe-server)[ \t]{1,4}|cloud\.auth[\"']?[ ]?[:=][ ]?[\"']?[A-Za-z0-9_.-]{1,40}:|keyMaterial=|(?-i:\bAUTH[ ][A-Za-z0-9_.@-]{1,40}[ ])|\boption[ ]key[ ]|snmp[ ]community[ ](?:string[ ])?(?:is[ ])?",
        "use pptpd l2tpd pppoe-server cloud.auth keymaterial auth option snmp",
        ("net use Z: \\\\nas\\share {alnum14} /user:jo", "jo\tpptpd\t{alnum14}\t*", 'cloud.auth: "elastic:{alnum14}"', "netsh wlan set x keyMaterial={alnum14}", "redis-cli AUTH worker {alnum14}", "\toption key '{alnum14}'", "the SNMP community is {alnum14}"),
        ("net use Z: \\\\nas\\share /persistent:yes", "AUTH required pam_unix.so", "option key 'value'", "set service snmp community public"),
    ),
    (
        r"\bstd::string[ ][A-Za-z_]{0,24}(?:pass|pwd|secret|token|key)|(?:pass|word|psk|secret|token|key|pwd)\[[0-9]{0,4}\][ ]?=[ ]?\"",
        r"\bstd::string[ ][A-Za-z_]{0,24}(?:pass|pwd|secret|token|key)[A-Za-z_]{0,12}[({]\"|(?:pass|word|psk|secret|token|key|pwd)\[[0-9]{0,4}\][ ]?=[ ]?\"", "std::string pass word psk secret token key pwd",
        ('std::string token("{alnum32}");', 'char pass[] = "{alnum14}";', 'static const char api_key[64] = "{alnum40}";'), ('std::string token_name("access-token");', 'char keyword[] = "password";'),
    ),
    (
        r"(?-i:\b(?:AKIA|ASIA)[A-Z0-9]{16})[\"']?[:|,]|(?-i:\b(?:LTAI|AKID)[A-Za-z0-9]{12})|\bset(?:Basic)?Auth\([\"']|\b(?:basic|bearer)_auth\([\"']|\bPasswordAuthentication\(\"|:basic,[ ]",
        rf"\b(?:AKIA|ASIA)[A-Z0-9]{{16}}[\"']?(?:[:|]|,[ ]?)[\"']?|\b(?:LTAI|AKID)[A-Za-z0-9]{{12,40}}[ ](?:-[a-z][ ]|--[a-z-]{{3,24}}[ =])|\b(?:set(?:Basic)?Auth|PasswordAuthentication)\({_STRING}{_NEXT}|\bbasic_auth\({_STRING},[ ]?Some\([\"']|\bbearer_auth\([\"']|:basic,[ ]{_STRING},[ ][\"']",
        "akia asia ltai akid auth( passwordauthentication( :basic", ('.bearer_auth("{alnum40}")', 'new PasswordAuthentication("jo", "{alnum14}")', "AKIA{upper16}:{b6440}", "ossutil config -i LTAI{alnum20} -k {alnum30}", "$client->setAuth('jo', '{alnum14}');", '.basic_auth("jo", Some("{alnum14}"))', "c.request :authorization, :basic, 'jo', '{alnum14}'"),
        ("AKIA$KEY:$SECRET", "setAuth('jo', 'password')", '.bearer_auth("token")', 'new PasswordAuthentication("user", "password")'),
    ),
    (
        r"(?-i:ftp_login\(|WiFi\.begin\(|hmac\.new\(|createHmac\(|Fernet\(b?[\"']|(?:Github|TeleBot|TelegramBot|WebClient|SendGridAPIClient|StripeClient|Airtable)\([\"']|(?:add|create)(?:_u|U)ser\([\"']|[ (]crypt\(')",
        rf"ftp_login\([^,\n\x00]{{1,40}},[ ]?{_STRING}{_NEXT}|WiFi\.begin\({_STRING},[ ]?|hmac\.new\([ ]?b?[\"']|createHmac\({_STRING}{_NEXT}|\bFernet\(b?[\"']|\b(?:Github|TeleBot|TelegramBot|WebClient|SendGridAPIClient|StripeClient|Airtable)\([\"']|\b(?:add|create)_?user\({_STRING}{_NEXT}|[ (]crypt\('",
        "ftp_login wifi.begin hmac fernet( github( telebot( telegrambot( webclient( sendgridapiclient( stripeclient( airtable( user( crypt(",
        ("ftp_login($c, 'jo', '{alnum14}');", 'WiFi.begin("office", "{alnum14}");', 'WiFi.begin("office", "copper tulip lantern");', 'hmac.new(b"{alnum32}", m, sha256)', "createHmac('sha256', '{alnum32}')", 'Fernet(b"{url43}=")', 'Github("{alnum40}")', "CALL dbms.security.createUser('jo', '{alnum14}', false)", "SELECT crypt('{alnum14}', gen_salt('bf'))"),
        ("hmac.new(b'key', msg)", "createHmac('sha256', 'secret')", 'create_user("jo", "jo@app.test")', 'WiFi.begin("office", "password");', "crypt('password', salt)"),
    ),
    (
        r"\b(?:isql|curlftpfs|sshfs|mkpasswd|credstash|chamber|samba-tool|envchain|sops)[ ]|\bapi-?key[ ](?:save|add)[ ]|secret-set-value[ ]|\badd[ ]password[ ]|[ ]--encrypt[ ]",
        r"\bisql[ ](?:-[a-z][ ]){0,3}[^\s\x00-][^\s\x00]{0,40}[ ][A-Za-z0-9_.-]{1,40}[ ]|\b(?:curlftpfs|sshfs)[ ](?:ftp://)?[A-Za-z0-9_.-]{1,40}:|\bmkpasswd[ ](?:-[a-zA-Z]{1,2}[ ](?:[a-z][a-z0-9-]{2,11}[ ])?|--[a-z]{3,10}[ =][a-z0-9-]{3,12}[ ]){0,3}"
        r"|\b(?:samba-tool[ ]user[ ](?:create|add|setpassword)|credstash[ ]put|chamber[ ]write[ ][^\s\x00]{1,60}|envchain[ ]--set|api-?key[ ](?:save|add)|secret-set-value)[ ][^\s\x00-][^\s\x00]{0,60}[ ](?:--base64[ ])?(?:--newpassword=)?|\bsops[ ][^\n\x00]{0,60}set[ ]'[^'\n\x00]{3,80}[ ]\"|\badd[ ]password[ ][^\s\x00]{1,60}[ ]\{(?:[^\s}\x00]{1,60}\}[ ]\{)?|[ ]--encrypt[ ][^\s\x00]{1,64}[ ]",
        "isql curlftpfs sshfs mkpasswd credstash chamber samba-tool envchain sops save add secret-set-value password --encrypt",
        ("isql -v dsn sa {alnum14}", "curlftpfs jo:{alnum14}@h /mnt", "mkpasswd -m sha-512 '{alnum14}'", "samba-tool user create jo '{alnum14}'", "credstash put db {alnum14}", "chamber write svc db_password {alnum14}", "civo apikey save x {alnum50}", "virsh secret-set-value u --base64 {b6424}", """sops --set '["db"]["password"] "{alnum14}"' f""", "add password * {{alnum14}} {{alnum12}}", "qpdf --encrypt $USER {alnum14} 256 -- a b"),
        ("isql -v dsn", "mkpasswd --method=sha-512", "sshfs jo:/home/jo /mnt", "chamber write svc db_password -", "samba-tool user create jo $PASS"),
    ),
    (
        r"set-agent-token[ ]|activate-refresh-token[ ]|-(?:store|key)passwd[ ]|(?-i:_(?:password|secret|token|key)[ ]is[ ])|token[ ]create[ ]-id=|\boption[ ](?:update|add|set)[ ]|(?-i:create_superuser\([\"']|PRAGMA[ ](?:re)?key)|(?:snmp_|\b)community[ ]?[:=]|honeycomb-team|\bRequestHeader[ ]|(?-i:(?:Key|Secret|Password|Token)\"\][ ]=[ ]\"|\([\"']AC[0-9a-f]{32}[\"'],|\bRGAPI-)|\t\*\t",
        rf"set-agent-token[ ][a-z]{{3,12}}[ ]|activate-refresh-token[ ][^\s\x00]{{3,60}}[ ]|-(?:store|key)passwd[ ][^\n\x00]{{0,80}}-new[ ]|(?<![a-z0-9_])[a-z0-9_]{{1,60}}_(?:password|secret|token|key)[ ]is[ ]|token[ ]create[ ]-id=|\boption[ ](?:update|add|set)[ ][A-Za-z0-9_.-]{{0,40}}(?:password|passwd|pass|secret|token|key)[ ]|create_superuser\({_STRING},[ ]?{_STRING}{_NEXT}|PRAGMA[ ](?:re)?key[ ]?=[ ]?|(?:snmp_|\b)community[ ]?[:=][ ]?|honeycomb-team[\"']?[ ]?[:=,][ ]?|\bRequestHeader[ ](?:set|add)[ ][\"']?[A-Za-z-]{{0,40}}(?:token|key|secret)[\"']?[ ]|(?:Key|Secret|Password|Token)\"\][ ]=[ ]\"|\([\"']AC[0-9a-f]{{32}}[\"'],[ ]?[\"']|\bRGAPI-|\t\*\t",
        "set-agent-token activate-refresh-token -storepasswd -keypasswd _password _secret _token _key create option create_superuser pragma community honeycomb-team requestheader \"] ac rgapi \t*\t",
        ("consul acl set-agent-token agent {hex8}-{hex4}-{hex4}-{hex4}-{hex12}", "vault token create -id={alnum24}", "gcloud auth activate-refresh-token jo@app.test {alnum40}", "keytool -storepasswd -new '{alnum14}' -keystore k", "the client_secret is {alnum40}", "wp option update smtp_password '{alnum14}'", "create_superuser('jo', 'jo@app.test', '{alnum14}')", "PRAGMA key = '{alnum14}'", "SNMP_COMMUNITY={alnum12}", 'x-honeycomb-team: {alnum22}', 'RequestHeader set X-Auth-Token "{alnum40}"', 'community = "{alnum12}"', 'builder.Configuration["Jwt:Key"] = "{alnum40}";', 'Client("AC{hex32}", "{hex32}")', "jo\t*\t{alnum14}\t*"),
        ("community: public", "x-honeycomb-team: ${HONEYCOMB_API_KEY}", 'RequestHeader set X-Auth-Token "%{TOKEN}e"', "the api_key is required-here", "the primary_key is user_id", "wp option update home https://app.test", "create_superuser('jo', 'jo@app.test', password)", 'config["SortKey"] = "created-at";', "a\t*\tb"),
    ),
    (
        r"(?:secret|token|-key)[ ]{1,3}\"|_(?:token|apikey)[ \t]{1,12}[A-Za-z0-9]|\bmfa\.|duckdns\.org|sessionSecret\"",
        r":[a-z][a-z-]{0,24}(?:secret|token|-key)[ ]{1,3}\"|[\n\x00][ \t]{0,12}[a-z]{2,20}_(?:token|apikey)[ \t]{1,12}|\bmfa\.|duckdns\.org\"?\s{1,20}username[ ]{0,4}=[ ]{0,4}|sessionSecret\":[ ]?\"\{\\{1,3}\"id\\{1,3}\":[ ]?\\{1,3}\"", "secret token -key _apikey mfa. duckdns sessionsecret",
        (':session-secret "{alnum16}"}', "[OUTPUT]\n    splunk_token {hex8}-{hex4}-{hex4}-{hex4}-{hex12}", "mfa.{url84}", 'ddns-server = "www.duckdns.org"\n  username = {hex8}-{hex4}-{hex4}-{hex4}-{hex12}', '"sessionSecret": "{\\"id\\":\\"{hex8}-{hex4}-{hex4}-{hex4}-{hex12}\\"}"'), (':primary-key "created-at"', "\n  access_token string_value", "\n  refresh_token required", "mfa.enabled", "mfa.verification-required.message"),
    ),
)  # fmt: skip
"""What can only be a secret behind a head that ordinary text seldom has."""

_ENDS = {"curlftpfs": b"@", "register": b"@"}
"""What ends a value besides what ends all."""


def _either(before: str, value: bytes) -> Look:
    """The word behind `before`, or the words between quotes."""
    word = around(re.compile(before.encode() + rb"[\"'\\]{0,3}" + value), 40, at_its_place, dear=True)
    quoted = rb"(?P<mark>[\"'])(?P<secret>[^\"'\\\n\x00]{8,100})(?P=mark)"
    words = around(re.compile(before.encode() + quoted), 40, lambda match, data: is_phrase(match["secret"]), dear=True)

    def look(data: bytes, place: int) -> ByteRange | None:
        return word(data, place) or words(data, place)

    return look


def _seldom(head: str, before: str, words: str, found: tuple[str, ...], left: tuple[str, ...]) -> Rule:
    end = next((end for word, end in _ENDS.items() if word in before), b"")
    value = VALUE.replace(rb"\"'`", end + rb"\"'`").replace(rb"[,;]|\Z", rb"[,;" + end + rb"]|\Z")
    return Rule(
        "cli-secret",
        "secrets",
        (Trigger(f"{CASES}(?:{head})", None, tuple(word.encode() for word in words.split())),),
        _either(f"{CASES}(?:{before})", value),
        match=found,
        no_match=left,
        since=2,
    )


SELDOM: tuple[Rule, ...] = tuple(_seldom(*place) for place in _PLACES)
