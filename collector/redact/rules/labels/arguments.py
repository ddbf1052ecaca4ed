"""Credentials that stand at a place of a command or a line which is known to be secret, with no label beside them."""

from __future__ import annotations

import re

from collector.redact.engine.checks import classes, masked
from collector.redact.engine.looks import around
from collector.redact.engine.rule import ByteRange, Rule, Trigger
from collector.redact.placeholders import consists_of_placeholders
from collector.redact.rules.labels.assignments import CASES, STOP, VALUE
from collector.redact.rules.labels.phrases import or_phrase
from collector.redact.rules.labels.plain_words import unless_plain
from collector.redact.rules.labels.verdicts import Holder, is_said, is_secret, names_something
from collector.redact.rules.values import (
    chosen,
    drawn,
    harmless,
    is_diced,
    is_generated,
    is_jumbled,
    is_path,
    is_words_and_digits,
    stands_for,
)

_WORD = r"[^\s\"'\x00|]"
_SHORT = r"[A-Za-z0-9_.@-]{1,64}"

_PLACES: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    # what stands before, the words that are in it, found, left alone
    (
        r"\b(?:put-parameter|keyvault[ ]secret[ ]set|secrets[ ]create|create-secret)[ \t][^\n\x00]{0,200}--(?:value|secret-string)[ =]",
        "put-parameter keyvault create-secret",
        ("aws ssm put-parameter --name /db/password --type SecureString --value '{alnum14}'", "az keyvault secret set --vault-name v --name db --value {alnum14}"),
        ("az keyvault secret set --name db --value $PASSWORD", "aws ssm put-parameter --name /db/region --type String --value eu-central-1"),
    ),
    (r"\b(?:ldappasswd|smbpasswd|slappasswd)[ \t](?:[^\n\x00]{0,120}[ ])?-[sa][ ]", "ldappasswd smbpasswd slappasswd", ("ldappasswd -D cn=admin -s {alnum12} uid=jo",), ("ldappasswd -s $NEW uid=jo",)),
    (r"/user:[A-Za-z0-9_.@\\-]{1,60}[ ]", "/user:", ("net use Z: \\\\nas\\share /user:jo {alnum14}",), ("net use Z: /user:jo /persistent:yes",)),
    (rf"\bmc[ ](?:alias|config[ ]host)[ ](?:set|add)[ ]{_SHORT}[ ]https?://[^\s\x00]{{1,120}}[ ]{_SHORT}[ ]", "mc ", ("mc alias set corp https://s3.test jo {alnum24}",), ("mc alias set corp https://s3.test $KEY $SECRET",)),
    (r"\bvault[ ]operator[ ](?:unseal|rekey|generate-root)[ ](?:-[a-z=-]{1,30}[ ])?", "operator", ("vault operator unseal {b6443}=",), ("vault operator unseal -reset", "vault operator unseal migrate-please")),
    (rf"\b(?:http-basic|pypi-token|(?:github|gitlab|bitbucket)-(?:oauth|token))\.{_SHORT}[ ](?:{_SHORT}[ ])?", "http-basic. pypi-token. -oauth. -token.", ("poetry config http-basic.corp jo {alnum12}", "poetry config pypi-token.corp {alnum40}"), ("poetry config pypi-token.corp $TOKEN",)),
    (
        r"(?-i:\bexpect)[ ][^\n\x00]{0,30}assw[^\n\x00]{0,24}\n[ \t]{0,12}send[ ](?:--[ ])?", "send", ('expect "Password:"\n  send "{alnum14}\\r"',), ('expect "Password:"\nsend "$pass\\r"',),
    ),
    (r"\bcreateUser[ ]{1,3}[A-Za-z0-9_.-]{1,40}[ ](?:MD5|SHA(?:-?[0-9]{3})?)[ ]", "createuser", ('createUser mon SHA "{alnum14}" AES',), ("createUser mon SHA <password> AES",)),
    (r"[-/]password(?:-again|-crypted)?[ \t]password[ \t]", "password", ("d-i passwd/root-password password {alnum14}",), ("d-i passwd/root-password password <password>", "reset-password password required")),
    (r"\brootpw[ \t]{1,3}--(?:plaintext|iscrypted)[ \t]{1,3}|\b(?:store|key)Password[ ][\"']", "rootpw storepassword keypassword", ("rootpw --plaintext {alnum14}", 'release { storePassword "{alnum14}" keyAlias "upload" }'), ("rootpw --plaintext changeme", "keyPassword 'password'")),
    (r"\b(?:insecure-password|privilege[ ][0-9]{1,2}[ ](?:password|secret)[ ][0-9]|(?:password|secret|key|md5)[ ][057])[ ]", "insecure-password privilege password secret md5 key", ("  user admin insecure-password {alnum14}", "username ops privilege 15 password 0 {alnum12}"), ("password 0 characters long",)),
    (
        r"\bauth-pass[ ][^\s\x00]{1,60}[ ]|\b(?:pre-shared-secret|plaintext-password)[ ]|\b(?:tacacs|radius)-server[ ](?:host[ ][^\s\x00]{1,60}[ ])?key[ ](?:[057][ ])?", "auth-pass pre-shared-secret plaintext-password tacacs- radius-",
        ("sentinel auth-pass mymaster {alnum14}", "authentication pre-shared-secret {alnum14}", "tacacs-server key {alnum14}"), ("sentinel auth-pass mymaster <password>", "tacacs-server key chain"),
    ),
    (
        r"\buser_?password::[ ]|\bpassword[ ]51:b:|\bsambaNTPassword:[ ]", "password:: 51:b: sambantpassword", ("userPassword:: {b6424}", "password 51:b:{HEX120}"), ("userPassword:: <base64>",),
    ),
    (
        r"-setairportnetwork[ ]en[0-9][ ][^\s\x00]{1,32}[ ]|\badmin[ ]user[ ]add[ ][A-Za-z0-9_.-]{1,40}[ ][A-Za-z0-9_.@-]{1,40}[ ]|\bswaks[ ][^\n\x00]{0,160}[ ]-ap[ ]|\bapi\.telegram\.org/(?:file/)?bot[0-9]{6,12}(?::|%3A)",
        "-setairportnetwork admin swaks telegram", ("networksetup -setairportnetwork en0 office {alnum14}", "mc admin user add m jo {alnum14}", "swaks -t a@app.test -au jo -ap {alnum12}", "https://api.telegram.org/bot{digit10}:{url35}/getMe"),
        ("networksetup -setairportnetwork en0 office", "mc admin user add m jo $PASS", "https://api.telegram.org/bot<token>/getMe"),
    ),
    (
        r"\"[A-Za-z0-9_.-]{1,60}\"[ ]\"md5|\bneighbor[ ][^\s\x00]{3,40}[ ]password[ ](?:[0-9][ ])?|\bmysqlsh[ ](?:--uri[ =])?[A-Za-z0-9_.-]{1,40}:",
        "md5 neighbor mysqlsh", ('"app" "md5{hex32}"', "neighbor 10.0.0.2 password {alnum14}", "mysqlsh --uri jo:{alnum14}@db:33060"), ("neighbor 10.0.0.2 password <password>",),
    ),
    (
        r"\b(?:omniauth|provider)[ (]:[a-z0-9_]{2,30},[ ]?[\"'][^\"'\n\x00]{4,80}[\"'],[ ]?|\brename-command[ ][A-Za-z]{2,20}[ ]|\bopenssl[ ]passwd[ ](?:-[a-z0-9]{1,8}[ ]){0,3}|\bpdftk[ ][^\n\x00]{1,80}[ ]input_pw[ ]|\b(?:expdp|impdp|sqlldr|exp|imp)[ ](?:userid=)?[A-Za-z0-9_]{1,30}/",
        "omniauth provider rename-command openssl pdftk expdp impdp sqlldr exp_ imp_", ("config.omniauth :github, 'x123', '{hex40}'", "openssl passwd -6 {alnum12}", "pdftk a.pdf input_pw {alnum12} output b.pdf", "rename-command CONFIG {alnum20}", "expdp system/{alnum12} schemas=hr"),
        ("openssl passwd -6 -stdin", "rename-command FLUSHALL disabled", "expdp / schemas=hr"),
    ),
    (
        r"\bSECURITY_CREDENTIALS,[ ]?\"|\"type\"[ ]?:[ ]?\"HS(?:256|384|512)\",[ ]?\"key\"[ ]?:[ ]?|fs\.azure\.account\.key\.[^\s=\x00]{3,80}=|\bNEO4J_AUTH[=:][ ]?neo4j/|\.logon[ ][^\s,\x00]{1,80},|\bwifi[ ]connect[ ][^\n\x00]{1,40}[ ]password[ ]|\bpro[ ]attach[ ]|=>[ ]?[\"']base64:|\bbasic[_ -]auth(?:[\"']?[ ]?[:=](?:\s{0,40}-)?|[ ](?:is|was))[ ]?[\"']?[A-Za-z0-9_.-]{1,40}(?::|[ ]/[ ])|\"auth\"[ ]?:[ ]?\[[ ]?\"[^\"\n\x00]{1,60}\",[ ]?",
        "security_credentials hs256 hs384 hs512 fs.azure. neo4j_auth .logon wifi attach base64: basic auth",
        ('env.put(Context.SECURITY_CREDENTIALS, "{alnum14}");', '{"type":"HS256","key":"{alnum32}"}', "fs.azure.account.key.x.dfs.core.windows.net={b6486}==", "NEO4J_AUTH=neo4j/{alnum14}", ".logon h/jo,{alnum12}", "nmcli device wifi connect office password {alnum14}", "pro attach {alnum30}", "'key' => 'base64:{b6443}=',", 'basic_auth: "jo:{alnum12}"', 'basic_auth:\n  - "jo:{alnum12}"', "the basic auth is jo:{alnum12}", '"auth": ["jo", "{alnum14}"]'),
        ("NEO4J_AUTH=neo4j/password", ".logon $HOST/$USER,$PASS", "pro attach --help"),
    ),
    (
        r"\bauth[ ](?:md5|sha(?:-?[0-9]{3})?)[ ]|\bpriv[ ](?:aes[ ](?:128|192|256)|3?des)[ ]", "auth priv", ("snmp-server user jo g v3 auth sha {alnum14} priv aes 128 x", "priv aes 128 {alnum14}"), ("auth sha <password>", "auth md5 required"),
    ),
    (
        r"\b(?:bcrypt|password_hash|make_password|hashpw|Hash::make)\(b?[\"']|\bSecretStr\([\"']", "bcrypt( password_hash( make_password( hashpw( hash::make( secretstr(", ("bcrypt('{alnum14}')", 'SecretStr("{alnum14}")'), ("bcrypt('password')", 'SecretStr("changeme")'),
    ),
    (r"[^\s\x00](?:[ ]\*[ ]|\t\*\t)\"", "*", ('"jo" * "{alnum14}" *', '"jo"\t*\t"{alnum14}"\t*'), ("a * \"b\"",)),
    (r"[ ](?:on|off)[ ][\"']?>", "on off", ("user worker on >{alnum14} ~jobs:* +@all",), ("user default on nopass ~* &* +@all", "user a on > b")),
    (r"(?:\][:][0-9]{2,5}|\n@[a-z0-9-]{1,60}\.[a-z.]{2,40})[ \t]{1,4}[A-Za-z0-9_.+@-]{2,64}:", "]: \n@", ("[smtp.test]:587 jo@app.test:{alnum14}", "#\n@app.test jo:{alnum14}"), ("x[a]:10 see jo:required", "\n@app.route /x:required")),
    (
        r"\bdns[ ](?:cloudflare|digitalocean|route53|hetzner|gandi|duckdns|linode|vultr|namecheap|ovh|porkbun|desec|godaddy|dnspod|alidns|netlify|vercel)[ ]", "dns",
        ("tls {\n  dns cloudflare {alnum40}\n}",), ("dns cloudflare {env.CF_API_TOKEN}", "dns cloudflare nameservers"),
    ),
    (r"[:=][ ]?\{(?:S?SHA(?:256|384|512)?|S?MD5|CRYPT|ARGON2|PLAIN|CLEARTEXT|BLF-CRYPT|PBKDF2(?:-SHA[0-9]{1,3})?)\}", "{sha {ssha {smd5 {md5 {crypt {argon2 {plain {cleartext {blf-crypt {pbkdf2", ("jo:{SHA}{b6427}=",), ("pw={SHA}<hash>",)),
    (r"<master>\{", "<master>", ("<settingsSecurity>\n  <master>{{b6443}=}</master>",), ("<master>{password}</master>",)),
    (r"\b(?:[xw]?freerdp3?|rdesktop)[ ][^\n\x00]{0,160}[ ]/p:", "freerdp rdesktop", ("xfreerdp /u:jo /p:'{alnum14}' /v:h",), ("xfreerdp /u:jo /p:$PASS /v:h",)),
    (r"\bqpdf[ ][^\n\x00]{0,60}--encrypt[ ]|\brclone[ ]obscure[ ]|--password-command[ =][\"']?echo[ ]", "qpdf obscure password-command", ("rclone obscure '{alnum14}'", "restic --password-command 'echo {alnum12}' snapshots"), ("qpdf --encrypt --user-password=x", "rclone obscure -")),
    (r"\b(?:wifi-sec|802-11-wireless-security|802-1x|vpn\.secrets)\.(?:psk|[a-z-]{0,12}password|wep-key[0-9])[ ]", "wifi-sec 802- vpn.secrets", ("nmcli con modify w wifi-sec.psk '{alnum14}'",), ("nmcli con modify w wifi-sec.psk $PSK",)),
    (
        rf"\b(?:secrets?|keys|tokens?)[ ](?:set|create|add|put)[ ][^\n\x00]{{0,80}}(?:--(?:(?:string-)?value|data|secret|body)|-b)[ =]|\bconfig[ ]set[ ]--secret[ ]{_SHORT}[ ]", "-value --data --secret --body -b",
        ("llm keys set openai --value {alnum40}", "pulumi config set --secret dbPassword '{alnum14}'"), ("gcloud secrets create x --data-file=./a.txt", "pulumi config set --secret name $VALUE"),
    ),
    (r"\bset[ ]password[ ]for[ ][^\n=\x00]{1,80}=[ ]?(?:password\()?", "password", ("SET PASSWORD FOR 'jo'@'%' = '{alnum14}';",), ("SET PASSWORD FOR 'jo'@'%' = ?;",)),
    (rf"\buser(?:name)?[ ]{_SHORT}[ ](?:with[ ])?pass(?:word)?[ ]|\bopen[ ][A-Za-z0-9.-]{{3,60}}\r?\n[ \t]{{0,8}}user[ ]{_SHORT}[ ]|\bconnect[ ]to[ ]{_SHORT}[ ]user[ ]{_SHORT}[ ]using[ ]|\bdoveadm[ ]auth[ ]test[ ]{_SHORT}[ ]|\bradtest[ ](?:-[a-z0-9]{{1,2}}[ ](?:[a-z]{{3,9}}[ ])?){{0,2}}{_SHORT}[ ]", "pass open using test", ("poll m user jo password {alnum14}", "ftp -n <<E\nopen ftp.test\nuser jo {alnum14}\nput a", "db2 connect to x user jo using {alnum14}", "doveadm auth test jo {alnum14}", "radtest jo {alnum14} localhost 0 x"), ("user jo password required", "the user name password field2", "connect to a user interface using html5")),
    (r"\bWIFI:(?:[TSHR]:[^;\n\x00]{0,64};){0,4}P:", "wifi:", ("WIFI:T:WPA;S:office;P:{alnum14};;",), ("WIFI:T:nopass;S:guest;;",)),
    (r"\b(?:wpa-psk|pre-shared-key|authentication-key|encrypted-password|simple-password|plain-text-password-value)[ ](?:ascii(?:-text)?[ ])?(?:[0-9][ ])?", "wpa-psk pre-shared-key authentication-key encrypted-password simple-password plain-text-password-value", ('pre-shared-key ascii-text "{alnum20}";', "wpa-psk ascii 0 {alnum14}"), ("pre-shared-key ascii-text;",)),
    (r"\bcreateUser[ ]{1,3}[A-Za-z0-9_.-]{1,40}[ ](?:MD5|SHA(?:-?[0-9]{3})?)[ ][^\s\x00]{4,80}[ ](?:AES|DES)[ ]", "createuser", ('createUser mon SHA "x234" AES "{alnum14}"',), ("createUser mon SHA <password> AES <key>",)),
    (r"\{[ ]?[a-z_]{0,24}(?:pass|password|secret|token|_key),[ ]?(?:<<)?", "{", ('{default_pass, <<"{alnum14}">>},', '{hex_api_key, "{hex32}"}.'), ('{default_pass, <<"guest">>},', "{token, Line, Value}", "{secret, props2}")),
    (r"\bK[ ]8\r?\npassword\r?\nV[ ][0-9]{1,4}\r?\n", "password", ("K 8\npassword\nV 14\n{alnum14}\n",), ("K 8\npassword\nV 0\n\n",)),
    (r"\b(?:unlock-keychain|nuget[ ]push|gem[ ]push|notarytool|add-(?:generic|internet)-password)[ ][^\n\x00]{0,160}[ ](?:-k|-w|-p|--api-?key)[ ]", "unlock-keychain add-generic-password add-internet-password push notarytool", ("security add-generic-password -a jo -s x -w {alnum14}", "dotnet nuget push a.nupkg -k {alnum40}"), ("security add-generic-password -a jo -s x -w",)),
    (
        r"\b(?:set-initial-password|reset-admin-password|setapikey|(?:user:password|upwd|user-password)[ ][A-Za-z0-9_.@-]{1,40}|encrypt_string|bw[ ](?:unlock|login[ ][^\s\x00]{3,60})|luks(?:Open|Format|AddKey)[ ][^\n<\x00]{1,80}<<<|user_pw|owner_pw)[ ]"
        r"|[ ](?:[+]login[ ][A-Za-z0-9_.@-]{1,40}|/rp)[ ]", "set-initial-password reset-admin-password setapikey user:password upwd user-password encrypt_string bw +login luks /rp user_pw owner_pw",
        ("neo4j-admin dbms set-initial-password {alnum14}", "bw login jo@app.test {alnum14}", "schtasks /create /ru jo /rp {alnum14}", "steamcmd +login jo {alnum14} +quit"),
        ("ansible-vault encrypt_string --stdin-name x", "bw unlock --raw", "bw login --apikey"),
    ),
    (r"--passwordeval=[\"']?echo[ ]|<\((?:echo|printf)[ ](?:-n[ ])?", "passwordeval <(echo <(printf", ("rsync --password-file=<(echo {alnum14}) a b", "wg set wg0 private-key <(echo {b6443}=)"), ("diff <(echo $one) <(echo two)",)),
    (
        r"\b(?:snmp-server[ ]community|r[ow]community6?|isakmp[ ]key|stats[ ]auth[ ][A-Za-z0-9_.-]{1,40}:|wpa_passphrase[ ][^\s\x00]{1,32}|wlan[0-9]{1,2}[ ]key[ ]s:|wpa-pwd:)[ ]?|[ ]-setcookie[ ]", "community isakmp stats wpa_passphrase wlan wpa-pwd -setcookie",
        ("snmp-server community {alnum12} RO", "rocommunity {alnum14} 10.0.0.0/8", "crypto isakmp key {alnum14} address 10.0.0.1", "stats auth admin:{alnum14}", "wpa_passphrase office {alnum12}", "erl -setcookie {upper20}"),
        ("snmp-server community public RO", "rocommunity private", "stats auth admin:password"),
    ),
    (
        r"\bset_?password[ ][A-Za-z0-9_.@-]{1,40}[ ]|/v[ ][A-Za-z]{0,24}password[ ](?:/t[ ][A-Z_]{3,12}[ ])?/d[ ]|\bset_network[ ][0-9]{1,2}[ ](?:psk|password|wep_key[0-9])[ ]'?"
        r"|\bconfig[ ]create[ ][^\n\x00]{1,80}[ ]pass[ ]|[ ]-hp|\bbundle[ ]config[ ](?:set[ ])?(?:--[a-z]{3,8}[ ])?[a-z0-9.-]{3,60}[ ][A-Za-z0-9_-]{1,40}:|\bcloudflared[ ]service[ ]install[ ]", "password set_network create -hp bundle cloudflared",
        ("salt x user.set_password jo '{alnum14}'", "reg add HKLM /v DefaultPassword /d {alnum14}", "bundle config gems.test jo:{alnum24}", "cloudflared service install {alnum120}"), ("reg query x /v DefaultPassword /d", "user.set_password(raw_password)", "set_password jo $PASS"),
    ),
    (r"\bidentified[ ]by[ ](?:values[ ])?|\bpgp_sym_(?:de|en)crypt\([^,\n\x00]{1,80},[ ]?[\"']", "identified pgp_sym", ("CREATE DATABASE LINK l CONNECT TO u IDENTIFIED BY {alnum14} USING 'x'", "SELECT pgp_sym_decrypt(c, '{alnum14}')"), ("is identified by name only", "pgp_sym_encrypt(a, 'password')")),
    (r"CURLOPT_(?:PROXY)?USERPWD,[ ]?[\"'][^:\"'\n\x00]{1,60}:|\betcdctl[ ]user[ ]add[ ][A-Za-z0-9_.@-]{1,40}:|\bsecret:create[ ][^\n\x00]{0,100}--value[ ]", "userpwd etcdctl secret:create", ("curl_setopt($c, CURLOPT_USERPWD, 'jo:{alnum14}');", "etcdctl user add jo:{alnum14}", "eas secret:create --scope project --name TOKEN --value {alnum32}"), ("curl_setopt($c, CURLOPT_USERPWD, $pair)",)),
    (r"\bauth\.user\.info=[A-Za-z0-9]{4,40}:", "user.info", ("basic.auth.user.info={upper16}:{b6464}",), ("basic.auth.user.info=user:pass",)),
    (r"\bjwt\.(?:sign|verify|encode|decode)\([^,\n\x00]{1,60},[ ][\"'`]", "jwt.", ("jwt.sign(payload, '{alnum32}', {})",), ("jwt.verify(token, publicKey2)", "jwt.sign(payload, 'secret')")),
    (r"/ical/[^/\s\x00]{1,80}/private-", "/private-", ("https://calendar.google.com/calendar/ical/jo%40app.test/private-{hex32}/basic.ics",), ("/ical/x/private-events",)),
    (r"\b(?:signtool|certutil|pvk2pfx)[ ][^\n\x00]{0,100}[ ][/-](?:p|po)[ ]|\bsendemail[ ][^\n\x00]{0,160}[ ]-xp[ ]|\bcertutil[ ]-p[ ]|\bkaggle[ ]config[ ]set[ ]-n[ ]key[ ]-v[ ]|\bsnyk[ ]config[ ]set[ ]api=|\bsmbclient[ ][\"']?(?://|\\\\{2,4})[^\s\x00]{1,80}[ ]", "signtool certutil pvk2pfx sendemail kaggle snyk smbclient", ("signtool sign /f a.pfx /p {alnum12} a.exe", "sendemail -xu jo -xp {alnum12}", "smbclient //nas/share {alnum14} -U jo"), ("signtool verify /pa a.exe", "smbclient //nas/share -U jo")),
    (r"\"keyName\"[ ]{0,2}:[ ]{0,2}\"key[0-9]\",\s{0,24}\"permissions\"[ ]{0,2}:[ ]{0,2}\"[A-Za-z]{2,10}\",\s{0,24}\"value\"[ ]{0,2}:[ ]{0,2}", "keyname", ('{"keyName":"key1","permissions":"FULL","value":"{b6486}=="}',), ('{"keyName":"key1","permissions":"FULL","value":""}',)),
    (r"(?-i:\bAUTH[ ](?:PLAIN|LOGIN))[ ]", "auth", ("AUTH PLAIN {b6440}=",), ("AUTH PLAIN LOGIN CRAM-MD5",)),
    (r"(?:password|passwd|secret|token|_key)[\"']?[ ]{1,20}=[ ]\"[^\"\n\x00]{0,100}\"[ ]->[ ]", "-> ", ('~ password = "x" -> "{alnum14}"',), ('~ password = "x" -> null',)),
    (r"[;?&\"'](?:pwd|password)[ ]?=[ ]?\{|\bpassword[ ]?[:=][ ]?[\"']?\{\{[ ]?[\"']", "={ = { {{", ("Driver={x};Uid=app;Pwd={{alnum14}};", "name=ops password={{ '{alnum14}' | password_hash('sha512') }}"), ("Driver={x};Pwd={password};", '"Password={0};User Id={1}"', "password: \"{{ 'app' | password }}\"")),
    (r"(?-i:\bexpect)[ ][\"']?[^\n\x00]{0,30}assw[^\n\x00]{0,24};[ ]?send[ ](?:--[ ])?", "send", ('expect "assword:"; send "{alnum14}\\r"',), ('expect "assword:"; send "$pass\\r"',)),
    (r"\bdgst[ ][^\n\x00]{0,60}-(?:mac|hmac)[ ]|\benc[ ][^\n\x00]{0,80}[ ]-(?:K|k|iv)[ ]", "dgst enc", ("openssl dgst -sha256 -hmac {alnum32} f", "openssl enc -aes-128-cbc -K {hex32} -in a"), ("openssl dgst -sha256 -hmac $KEY f",)),
    (r"\b(?:impacket-[a-z]{2,20}|(?:psexec|wmiexec|smbexec|secretsdump|GetNPUsers)\.py)[ ](?:-[a-z-]{1,20}[ ]){0,3}(?:[A-Za-z0-9._-]{1,60}/)?[A-Za-z0-9._-]{1,60}:", "impacket- .py", ("impacket-psexec corp/jo:{alnum14}@10.0.0.1",), ("impacket-psexec corp/jo:$PASS@h",)),
    (r"\bcypress[ ]run[ ][^\n\x00]{0,80}--key[ ]", "--key", ("cypress run --record --key {hex8}-{hex4}-{hex4}-{hex4}-{hex12}",), ("cypress run --record --key $KEY",)),
    (r"\bkv[ ]put[ ](?:-[a-z]{1,12}=[^\s\x00]{1,60}[ ])?[A-Za-z0-9_./-]{0,80}(?:pass(?:word)?|secret|token|key)[ ]", "put", ("consul kv put app/db_password {alnum14}",), ("consul kv put app/db_password @file",)),
    (r"\bnet[ ]use[ ](?:[A-Za-z]:|[*])?[ ]?\\\\{1,2}[^\s\x00]{3,80}[ ]", "net use", ("net use Z: \\\\nas\\share {alnum14} /user:jo",), ("net use Z: \\\\nas\\share /user:jo",)),
    (r"\brtmps?://[A-Za-z0-9.:-]{3,80}/[A-Za-z0-9_-]{1,24}/", "rtmp", ("ffmpeg -i a -f flv rtmp://live.test/app/{alnum24}", "rtmp://a.rtmp.test/live2/{lower4}-{lower4}-{lower4}-{lower4}-{lower4}"), ("rtmp://live.test/app/$KEY", "rtmp://live.test/app/stream_name")),
    (r"\b[a-z0-9-]{1,40}\.(?:alchemy\.com|infura\.io|quiknode\.pro|alchemyapi\.io)/(?:ws/)?(?:v[0-9]/)?", "alchemy infura.io quiknode.pro", ("https://eth-mainnet.g.alchemy.com/v2/{url32}", "wss://mainnet.infura.io/ws/v3/{hex32}"), ("https://docs.alchemy.com/reference/ethereum-api",)),
    (r"\baccounts:[ ]?\[[ ]?[\"'](?:0x)?", "accounts:", ('accounts: ["0x{hex64}"]',), ('accounts: ["alice", "bob"]',)),
    (r"\b(?:(?-i:LOGIN)[ ][\"']?[A-Za-z0-9_.+-]{1,60}@[A-Za-z0-9.-]{2,60}[\"']?|NickServ[ ]IDENTIFY)[ ]", "login nickserv", ("a1 LOGIN jo@app.test {alnum14}", "/msg NickServ IDENTIFY {alnum14}"), ("/msg NickServ IDENTIFY <password>",)),
    (r"password[ ]is[ ]generated[ ]for[ ][A-Za-z0-9_.@%-]{2,60}:[ ]", "is generated for", ("A temporary password is generated for root@localhost: {alnum14}",), ("a password is generated for jo: see below",)),
    (r"\bu:[ ]?[A-Za-z0-9_.@+-]{1,40}[ ,/]{1,3}p:[ ]?", "p:", ("u: jo p: {alnum14}",), ("u: first p: second",)),
    (r"assw(?:or)?d[\"'\])]{1,5}\.(?:send_?keys|type|fill|set_?value|type_?text|press_sequentially)\([ ]?", "assword passwd", ('driver.find_element(By.ID, "password").send_keys("{alnum14}")', "cy.get('[name=password]').type('{alnum12}')"), ('el("password").type("text")',)),
    (r"\bsips?:[A-Za-z0-9_.+-]{1,40}:", "sip:", ("sip:jo:{alnum12}@sip.test",), ("sip:jo:5060",)),
    (r"://[A-Za-z0-9.:-]{3,80}/t/", "/t/", ("https://conda.test/t/{alnum40}/main",), ("https://forum.test/t/how-to-use-tokens/123",)),
    (r"<auth-user-pass>\r?\n[^\n\x00]{1,64}\n|<\(echo[ ][^\s;\x00]{1,40};[ ]?echo[ ]", "<auth-user-pass> <(echo", ("<auth-user-pass>\njo\n{alnum14}\n</auth-user-pass>", "openvpn --auth-user-pass <(echo jo; echo '{alnum14}')"), ("<auth-user-pass>\njo\n</auth-user-pass>",)),
    (r":[ ]{1,4}(?:PSK|XAUTH|EAP|(?:RSA|ECDSA|P12|PKCS8)[ ]{1,4}[^\s\"\x00]{1,80})[ ]{1,4}[\"']", "psk xauth eap rsa ecdsa p12 pkcs8", (': PSK "{alnum14}"', ': RSA key.pem "{alnum14}"'), (': PSK "<secret>"',)),
    (rf"\bchpasswd:[ \t]{{0,4}}\r?\n[ \t]{{1,12}}(?:expire:[^\n\x00]{{1,12}}\n[ \t]{{1,12}})?list:[ ]\|\r?\n[ \t]{{1,16}}{_SHORT}:", "chpasswd:", ("chpasswd:\n  list: |\n    jo:{alnum14}\n",), ("chpasswd:\n  list: |\n    jo:RANDOM\n",)),
    (r"\bBUNDLE_[A-Z0-9_]{2,60}[\"']?[ ]?[:=][ ]?[\"']?[A-Za-z0-9_.%-]{1,60}:", "bundle_", ('BUNDLE_GEMS__TEST: "jo:{alnum24}"',), ('BUNDLE_PATH: "vendor:cache"',)),
)  # fmt: skip
"""What of a line can only be a secret. Its words are looked for before the expression is."""


def at_its_place(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"].rstrip(b":")
    if is_jumbled(value):
        return True
    if (
        (value[:1] in b"-$<%{/|>&:[(" and not _HASHED.match(value) and not _is_base64(value))
        or stands_for(value)
        or masked(value)
        or harmless(value)
    ):
        return False
    if len(value) < 8 and classes(value) < 3:
        return False
    return is_diced(value) or (not names_something(value) and (chosen(value) or drawn(value.rstrip(b"="))))


_ENDS = {
    "curlftpfs": b"@",
    "mysqlsh": b"@",
    "register": b"@",
    "CLEARTEXT": b":",
    "jdbc:oracle": b"@",
    "sips?": b"@",
    "/ical/": b"/",
    r"=[ ]?\{": b"}",
}
"""What ends a value besides what ends all."""


def _is_base64(value: bytes) -> bool:
    """Whether a value that begins with a slash is a key all the same."""
    return len(value) >= 32 and value[:1] == b"/" and drawn(value.rstrip(b"=")) and not is_path(value)


_HASHED = re.compile(rb"\$[0-9a-z]{1,6}\$[A-Za-z0-9./]{8}")


def _place(before: str, words: str, found: tuple[str, ...], left: tuple[str, ...]) -> Rule:
    source = CASES + f"(?:{before})" + r"[\"'\\]{0,3}"
    gate = tuple(word.replace("_>", " >").encode() for word in words.split())
    ends = next((end for word, end in _ENDS.items() if word in before), b"")
    value = VALUE.replace(rb"\"'`", ends + rb"\"'`").replace(rb"[,;]|\Z", rb"[,;" + ends + rb"]|\Z")
    place = around(re.compile(source.encode() + value), 330, at_its_place)
    look = or_phrase(unless_plain(place, rb"\s\"'`\\\x00" + ends), before, 330)
    return Rule(
        "cli-secret",
        "secrets",
        (Trigger(source + STOP + "{4}", None, gate),),
        look,
        match=found,
        no_match=left,
        since=2,
    )


_ORACLE = (
    r"\b(?:sqlplus|expdp|impdp|sqlldr|rman[ ]target|jdbc:oracle:[a-z0-9]{1,8}:|oracle(?:db)?\.connect\([\"'])[ \t]?(?:-[A-Za-z]{1,8}[ ])?"
    r"[A-Za-z0-9_]{1,30}/[\"\\]{0,3}(?P<secret>[^\s@/\x00\"'\\$%<{][^\s/\x00\"'\\$%<{]{3,60})[\"\\]{0,3}@"
)
_SET_BY = r"\bset[ \t]{1,3}-[gUuxlh]{1,4}|\bsetenv|\bsetx|\b(?-i:ENV|ARG)|\bconfig(?:[ ]set)?|(?-i:\bparam)"
_SELDOM_SET_BY = r"(?:user-secrets[ ]set|\benv:set|\benv[ ]add|\bsecret[ ]put|\bsecret:create[ ]--name|\bvariable[ ]set|\b(?:set|add)-header|\bproxy_set_header|\bfastcgi_param|\bSet-Item[ ](?:-Path[ ])?Env:|\bset-env[ ][A-Za-z0-9_-]{1,40})"
"""So seldom that what stands behind needs no look from a trigger: with it Hyperscan takes a twentieth longer for all."""
_SETTING = r"[ \t]{1,3}[\"']?(?P<key>[A-Za-z0-9_:.-]{0,60}(?:pass|pwd|secret|token|key|credential|auth)[A-Za-z0-9_]{0,24})[\"']?[ \t]{1,3}(?:--?value[ =]|<<<[ ]|string[ ]=[ ])?[\"']?"
"""A variable or a setting and its value, with no sign between."""


def _is_set(match: re.Match[bytes], data: bytes) -> bool:
    return is_secret(match["key"].rsplit(b":", 1)[-1], match["secret"], Holder.DATA)


_ELSE = r"(?:\?:|\?\?|\|\|)[ ][\"'`]"
_OR_ELSE = r"(?<![A-Za-z0-9_.-])(?P<key>[A-Za-z0-9_.-]{0,60}(?:passw(?:or)?d|passphrase|secret|token|api_?key))[^\n\x00;]{1,120}(?:\?:|\?\?|\|\|)[ ][\"'`]"
"""What stands for a variable that is not set."""
_CALLS = (
    r"(?:connect(?:ion)?|\bPDO|\bSequelize|\bmysqli|username_pw_set|NetworkCredential|Credentials?|basic_?auth|\blog_?in|authenticate|OAuthHandler|\bFTP|\b(?:Plain)?auth)[ ]?(?:=[ ]?)?\([ ]?[\"'][^\"'\n\x00]{0,120}[\"'],[ ]?"
    r"(?:[\"'][^\"'\n\x00]{0,80}[\"'],[ ]?){0,3}[\"']"
)
_CALL = re.compile(
    rb"(?i)(?:connect(?:ion)?|\bPDO|\bSequelize|\bmysqli|username_pw_set|NetworkCredential|Credentials?|basic_?auth|\blog_?in|authenticate|OAuthHandler|\bFTP|\b(?:Plain)?auth)[ ]?(?:=[ ]?)?\((?P<all>[ ]?[\"'][^\"'\n\x00]{0,200}[\"'](?:,[ ]?[\"'][^\"'\n\x00]{0,200}[\"']){1,4})"
)
_STRING = re.compile(rb"[\"']([^\"'\n\x00]{0,200})[\"']")


def _passed(data: bytes, place: int) -> ByteRange | None:
    """What is passed to a call that lets in, behind the name of who: `connect("db", "jo", "...")`."""
    low = max(0, place - 480)
    opened = data.rfind(b"(", low, place)
    match = _CALL.search(data, max(low, opened - 24), opened + 1100) if opened >= 0 else None
    if not match or match.start() >= opened or not match.start("all") <= place <= match.end("all"):
        return None
    for number, string in enumerate(_STRING.finditer(data, *match.span("all"))):
        value = string[1]
        if number and string.start() <= place <= string.end() and not consists_of_placeholders(data, *string.span(1)):
            if is_generated(value) or is_jumbled(value):
                return string.span(1)
            sure = is_diced(value) or drawn(value) or classes(value) >= 3 or is_words_and_digits(value)
            return string.span(1) if (sure or _LEET.search(value)) and _looks_passed(value) else None
    return None


_LEET = re.compile(rb"[a-z][0-9]{1,2}[a-z]")


def _looks_passed(value: bytes) -> bool:
    if (
        len(value) < 8
        or stands_for(value)
        or masked(value)
        or harmless(value)
        or b" " in value
        or (b"/" in value and not (len(value) >= 32 and drawn(value)))
        or b"." in value[:-4]
    ):
        return False
    return is_diced(value) or (not names_something(value) and (chosen(value) or drawn(value.rstrip(b"="))))


_BEFORE_AT = re.compile(rb"(?<![A-Za-z0-9_.-])[A-Za-z0-9_.-]{1,60}:(?P<secret>[^\s:@\"'`\x00]{4,120})\Z")


def _before_at(data: bytes, place: int) -> ByteRange | None:
    """The password of an address as Go's drivers have it: `app:...@tcp(db:3306)/shop`."""
    at = data.rfind(b"@", max(0, place - 100), place)
    match = _BEFORE_AT.search(data, max(0, at - 190), at) if at >= 0 else None
    if not match or consists_of_placeholders(data, *match.span("secret")):
        return None
    return match.span("secret") if is_secret(b"password", match["secret"], Holder.DATA) else None


_SETTER = r"(?:\b(?:set|with|using|add|check|verify)_?|\.)(?P<key>(?:[a-z]{2,12}_?)?(?:password|passwd|passphrase|secret|token|api_?key|secret_?key))\([ ]?[\"']"
_CONSTANT = r"(?-i:\b(?P<key>[A-Z][A-Z0-9_]{0,40}_(?:PASSWORD|PASS|SECRET|TOKEN|KEY)))[ ](?:(?:set[ ])?to|from|is|as|=|(?:should|must)[ ]be|with(?:[ ](?:the[ ])?value)?)(?:[ ](?:currently|now))?[ ]{1,2}[\"'`]?"
_SAID_TO_BE = r"[\"'`](?:[ ]to[ ]|[ ]is[ ]|[ ]as[ ]|[ ]=[ ]|[ ]with[ ])[\"'`]"
_QUOTED = r"[\"'`](?P<key>[A-Za-z0-9_.-]{0,60}(?:pass|pwd|secret|token|key)[A-Za-z0-9_]{0,24})" + _SAID_TO_BE
"""A variable that a sentence sets: set `DB_PASSWORD` to `...`."""


_OF_TEXT = r"(?<![A-Za-z])(?:grep|sed|awk|jq|yq|bc|base(?:32|64)|xxd|od|md5|sha|cksum|read|cat|tac|tr|cut|wc|sort|uniq|head|tail|mapfile|done|diff|while|column|fold|rev|xargs|tee|python3?|node|perl|ruby)[^\n\x00<|;]{0,80}"
"""Commands that read any text, and so no password."""
_HERE = r"[^<\n\x00]<<<[ ]?[\"'\\]{0,3}"
_TO_COMMAND = r"(?:kinit|lpass|vpncli|keepass|openconnect|cryptsetup|passw(?:or)?d|passphrase|secret|token|[ _]key|login|vpn|pass[ ]insert|ssh-add|keystore|gpg)[^\n\x00<]{0,120}<<<[ ]?[\"'\\]{0,3}"
"""What a command is given to read: `wrangler secret put KEY <<< ...`."""


_OF_COMMAND = around(re.compile((CASES + _TO_COMMAND).encode() + VALUE), 180, at_its_place)
_TEXT: re.Pattern[bytes] = re.compile((CASES + _OF_TEXT + r"\Z").encode())
_OF_ANY = around(
    re.compile(rb"(?:\A|[\n\x00;|&$`]|\$\()(?P<line>[^\n\x00;|&$`<]{2,120})<<<[ ]?[\"'\\]{0,3}" + VALUE),
    180,
    lambda match, data: (
        not _TEXT.search(match["line"]) and is_said(match["secret"], sure=True) and at_its_place(match, data)
    ),
)


def _given(data: bytes, place: int) -> ByteRange | None:
    """What a command that asks for a secret is given, or what any other is that reads no text."""
    return _OF_COMMAND(data, place) or _OF_ANY(data, place)


ARGUMENTS: tuple[Rule, ...] = (
    *(_place(*place) for place in _PLACES),
    Rule(
        "cli-secret", "secrets",
        (Trigger(CASES + _ORACLE.replace("?P<secret>", "?:"), None, (b"sqlplus", b"expdp", b"impdp", b"sqlldr", b"rman", b"jdbc:oracle", b"oracle.connect", b"oracledb.connect")),),
        around(re.compile((CASES + _ORACLE).encode()), 120, at_its_place),
        match=("sqlplus shop/{alnum12}@db1:1521/XE", "jdbc:oracle:thin:shop/{alnum14}@db1:1521:XE"),
        no_match=("sqlplus / as sysdba", "sqlplus jo/$PASS@db1", "jdbc:oracle:thin:@db1:1521:XE"),
        since=2,
    ),
    Rule(
        "cli-secret", "secrets",
        (
            *(
                Trigger(f"{CASES}(?:{by})" + _SETTING.replace("?P<key>", "?:") + STOP + "{4}", None, words)
                for by, words in ((_SET_BY, (b"set", b"env", b"arg", b"config", b"param")), ("#define", (b"#define",)))
            ),
            Trigger(CASES + _SELDOM_SET_BY + r"[ \t]{1,3}[\"']?[A-Za-z0-9_:.-]{3}", None, (b"set", b"env", b"secret", b"-header", b"param")),
        ),
        around(
            re.compile(f"{CASES}(?:{_SET_BY}|{_SELDOM_SET_BY}|#define){_SETTING}".encode() + VALUE), 180, _is_set,
            starts=re.compile(rb"(?i)[seauc#pvf](?=astcgi|et|nv|rg|ser-secrets|onfig|ecret|define|aram|dd-header|ariable|roxy_set)"),
        ),
        match=("set -Ux DB_PASSWORD {alnum14}", "setenv API_TOKEN {alnum24}", 'dotnet user-secrets set "Smtp:Password" "{alnum14}"', "ENV DB_PASSWORD {alnum14}", '#define WIFI_PASSWORD "{alnum14}"', "netlify env:set API_SECRET {alnum32}", "wrangler secret put API_KEY <<< {alnum32}", "param adminPassword string = '{alnum14}'"),
        no_match=("set -gx GOPATH /home/dev/go", "setx DB_PASSWORD %PASS%", "ENV TOKEN_URL https://a.test/x1", "git config credential.helper store2024", "config set key value"),
        since=2,
    ),
    Rule(
        "cli-secret", "secrets",
        (Trigger(_HERE + STOP + "{4}", None, (b"<<<",)),),
        or_phrase(_given, _TO_COMMAND, 180),
        match=('vercel env add API_TOKEN production <<< "{alnum32}"', "vncpasswd -f <<< {alnum12} > f"),
        no_match=('grep -c token <<< "$text"', "token\n<<<<<<< HEAD2password"),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(_ELSE + STOP + "{6}", None, (b"?: ", b"?? ", b"|| ")),),
        around(re.compile((CASES + _OR_ELSE).encode() + rb"(?P<secret>[^\s\"'`\\\x00]{6,400})(?=[\"'`])"), 200, lambda match, data: is_secret(match["key"], match["secret"], Holder.LITERAL)),
        match=('password = System.getenv("X") ?: "{alnum14}"', "const secret = process.env.X || '{alnum32}'"),
        no_match=('password = env("X") ?: "changeme"', "const token = a || 'token-placeholder'", "const tokenType = kind ?? 'bearer-token2'"),
        since=2,
    ),
    Rule(
        "url-password", "secrets",
        (Trigger(r"@(?:tcp|unix)\(", None, (b"@tcp(", b"@unix(")), Trigger(r"@\([a-z0-9.-]{2,60}:[0-9]{2,5}\)/", None, (b"@(",))),
        _before_at,
        match=('dsn: "app:{alnum12}@tcp(db:3306)/shop"', "exporter:{alnum14}@(mysql:3306)/"),
        no_match=("user:password@tcp(localhost:3306)/db", "%s:%s@tcp(%s)/%s"),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(r"\.toCharArray\(\)", 14, (b".tochararray",)),),
        around(re.compile(rb"\"(?P<secret>[^\s\"\\\x00]{8,100})\"\.toCharArray\(\)"), 120, at_its_place),
        match=('ks.load(in, "{alnum14}".toCharArray());',),
        no_match=('"changeit".toCharArray()', '"0123456789abcdef".toCharArray()', '"ABCDEFGHIJ".toCharArray()'),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + _CALLS + STOP + "{4}", None, (b"connect", b"pdo", b"sequelize", b"mysqli", b"username_pw_set", b"credential", b"auth", b"login", b"log_in", b"ftp")),),
        _passed,
        match=("mysqli_connect('db', 'jo', '{alnum14}', 'app');", "requests.get(url, auth=('jo', '{alnum14}'))", 'new NetworkCredential("jo", "{alnum14}")', 'db.auth("jo", "{alnum14}")'),
        no_match=('socket.connect("click", "handler2")', "connect('mysql:host=db', 'jo', $pass)", 'login("jo", "password")', "auth=('user', 'pass')", 'connect("a.b.c", "utf8mb4")'),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + _SETTER.replace("?P<key>", "?:") + STOP + "{4}", None, (b"pass", b"secret", b"token", b"key")),
         Trigger(CASES + _CONSTANT.replace("?P<key>", "?:") + STOP + "{4}", None, (b"pass", b"secret", b"token", b"key"))),
        around(re.compile((CASES + "(?:" + _SETTER + "|" + _CONSTANT.replace("?P<key>", "?P<constant>") + ")").encode() + VALUE), 130, lambda match, data: is_secret(match["key"] or match["constant"], match["secret"], Holder.LITERAL)),
        match=('ds.setPassword("{alnum14}");', '.password("{alnum14}")', "set DB_PASSWORD to {alnum14} first", 'client.with_api_key("{alnum40}")'),
        no_match=('user.setPassword("password")', 'field.setToken("csrf-token")'),
        since=2,
    ),
    Rule(
        "secret-assignment", "secrets",
        (Trigger(CASES + _SAID_TO_BE + STOP + "{4}", None, (b" to ", b" is ", b" as ", b" = ", b" with ")),),
        around(re.compile((CASES + _QUOTED).encode() + VALUE), 130, lambda match, data: is_secret(match["key"], match["secret"], Holder.LITERAL),
            starts=re.compile(rb"[\"'`](?=[A-Za-z0-9_.-]{3,90}[\"'`][ ])"),
        ),
        match=('I fill in "Password" with "{alnum14}"', "set `DB_PASSWORD` to `{alnum14}`"),
        no_match=("rename `token` to `access_token`", "set `TOKEN_URL` to `https://a.test/x1`"),
        since=2,
    ),
)  # fmt: skip
