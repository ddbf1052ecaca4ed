"""Credentials on command lines: flags, lists of arguments, and commands whose arguments are known to be secret."""

from __future__ import annotations

import re

from collector.redact.engine.checks import classes, masked, wordy
from collector.redact.engine.looks import around
from collector.redact.engine.rule import Rule, Trigger
from collector.redact.rules.labels.assignments import CASES, STOP, VALUE
from collector.redact.rules.labels.phrases import or_phrase
from collector.redact.rules.labels.plain_words import unless_plain
from collector.redact.rules.labels.verdicts import Holder, is_secret, names_something
from collector.redact.rules.values import (
    chosen,
    drawn,
    harmless,
    is_diced,
    is_path,
    is_typed_at_random,
    is_words_and_digits,
    scrambled,
    stands_for,
)


def _flag(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    if value[:1] == b"u" and data[match.start("secret") - 1 : match.start("secret")] == b"\\":
        return False  # an escaped character of another language
    if value[:1] == b"/" and (len(value) < 20 or is_path(value)):
        return False
    if value[:1] == b"{" and data[match.end("secret") : match.end("secret") + 1] == b"}":
        return False  # the name of an argument
    return (
        value[:1] not in (b"-", b"|", b">", b"(", b"[")
        and not _SETTING.fullmatch(value)
        and is_secret(
            match["key"],
            value,
            Holder.VARIABLE if data[match.end("key") : match.end("key") + 1] == b"=" else Holder.DATA,
        )
    )


def _password(match: re.Match[bytes], data: bytes) -> bool:
    """A password by its place: anything but a reference, a path, or a word that stands for one."""
    value = match["secret"]
    if value[:1] in (b"-", b"$", b"<", b"%", b"{", b"/", b"|", b">", b"&", b":") or stands_for(value) or masked(value):
        return False
    if b"</" in value or b"://" in value or _SETTING.fullmatch(value) or _PORT.fullmatch(value):
        return False
    if harmless(value, digits_may_be_secret=True) or (
        wordy(value) and (b"_" in value or b"." in value) and not is_words_and_digits(value)
    ):
        return False
    return len(value) >= 4 and (classes(value) >= 2 or not wordy(value) or scrambled(value) or is_diced(value))


_PORT = re.compile(rb"[0-9]{2,5}")
_SETTING = re.compile(
    rb"(?i)[a-z_.-]{2,40}=(?:true|false|none|[0-9]{1,6})?,?|[a-z0-9_/.-]{1,60}=[a-z0-9_-]{1,80}:(?:latest|[0-9]{1,4})"
)
"""`required=True`, and the name and version of a secret that is kept elsewhere."""


def _drawn(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    if b"=" in value.rstrip(b"="):
        return False  # a variable and its value
    return not names_something(value) and (drawn(value) or (len(value) >= 16 and chosen(value)))


def _argument(match: re.Match[bytes], data: bytes) -> bool:
    value = match["secret"]
    if value[:1] in (b"[", b"(", b"<") or _OF_TEXT.search(value):
        return False
    return is_diced(value) or (
        chosen(value)
        and not harmless(value)
        and not names_something(value)
        and (drawn(value) or classes(value) >= 3 or is_words_and_digits(value))
    )


_OF_TEXT = re.compile(rb"</|\\[rnt]|\A[^(]*\)[,;:]?\Z")
"""What belongs to the text around: a tag, an escape, the end of a bracket."""
_GLUED = re.compile(
    rb"(?i)\b(?:mysql|mysqldump|mysqladmin|mysqlimport|mysqlsh|mariadb|mariadb-dump|mycli|sqlcmd|docker[ ]login|podman[ ]login|sshpass|clickhouse-client|7z|7za|rar|unrar|innobackupex|xtrabackup)\b[^\n\x00]*\Z"
)
_SPACED = re.compile(
    rb"(?i)\b(?:sshpass|clickhouse-client|docker|podman|nerdctl|helm|az|oc|skopeo|buildah|crane|oras|nxc|netexec|crackmapexec|evil-winrm|redis-cli|valkey-cli|ldap[a-z]{3,9}|twine|sqlcmd|mongo[a-z]{0,8}"
    rb"|zip|7z|unzip|mosquitto_(?:pub|sub|passwd)|osql|knife|keepassxc-cli|rcon|frpc|sqlplus|bcp|influx|cqlsh|tarantoolctl|iredis|cf|ibmcloud|vsql|isql|fisql|tsql|nsupdate|ipmitool|http(?=[ \t])|xh|rclone|openssl|gpg|jfrog|jf"
    rb"|doctl|argocd|beeline|hydra|codecov|vercel|security|mcrcon|cypher-shell|adb|yt-dlp|rabbitmqadmin|cockroach|kinit|kadmin|snowsql|smbclient|net|expect|keytool|jarsigner|swift|drone|mssql-cli|airflow|glab|useradd|usermod|doveadm|snmp(?:walk|get|set|trap|bulkget|bulkwalk|table))\b[^\n\x00]*\Z"
)


_TAKEN_BY = {
    b"-c": re.compile(rb"(?i)\bsnmp[a-z]{3,8}[ ]"),
    b"-K": re.compile(rb"(?i)\bopenssl[ ]"),
    b"-H": re.compile(rb"(?i)\b(?:nxc|netexec|crackmapexec|cme|evil-winrm|impacket-[a-z]{2,20})[ ]"),
}
"""Commands of which alone a flag takes a secret."""
_OF_DIRECTORY = re.compile(rb"(?i)(?:dc|ou|cn|uid|o)=")
_AFTER_USER = re.compile(rb"[ ](?:-[uU][ ]?|--user(?:name)?[ =])[A-Za-z_][A-Za-z0-9_.@\\-]{0,60}\Z")
_OF_USER = (b"-p", b"-P", b"-w")
_CONTAINERS = re.compile(rb"(?i)\b(?:docker|podman|nerdctl|buildah|skopeo|crane|oras)\b[^\n\x00]*\Z")


def _short_flag(match: re.Match[bytes], data: bytes) -> bool:
    """Which letter takes a password depends on the command before it."""
    line = data[max(0, match.start() - 200) : match.start()]
    line = line[max(line.rfind(b"\n"), line.rfind(b"\0"), line.rfind(b"|"), line.rfind(b"&")) + 1 :]
    spaced = data[match.end("flag") : match.end("flag") + 1] in (b" ", b"=")
    of_user = spaced and match["flag"] in _OF_USER and _AFTER_USER.search(line) is not None
    quoted = data[match.start("secret") - 1 : match.start("secret")] in (b'"', b"'")
    taken = (not spaced and _GLUED.search(line)) or ((spaced or quoted) and _SPACED.search(line))
    if not of_user and not taken:
        return False
    only = _TAKEN_BY.get(match["flag"])
    if (only and not only.search(line)) or not _password(match, data):
        return False
    if match["flag"] == b"-b" and _OF_DIRECTORY.match(match["secret"]):
        return False
    if match["flag"] == b"-t" and _CONTAINERS.search(line):
        return False  # a name for an image, and a terminal
    if match["flag"] == b"-P" and spaced and re.search(rb"(?i)\b(?:mysql|psql|ssh|scp|sftp|docker|pg_)", line):
        return False  # a port
    value = match["secret"]
    return not of_user or bool(taken) or classes(value) >= 2 or is_diced(value) or is_typed_at_random(value)


_ARGUMENT_OF = (
    r"(?:\bnet user[ \t]{1,3}[A-Za-z0-9_.@-]{1,40}[ \t]{1,3}|\bConvertTo-SecureString[ \t]{1,3}(?:-(?:String|AsPlainText|Force)[ \t]{1,3}){0,2}"
    r"|\b(?:lftp[ \t][^\n\x00]{0,60}|open[ \t])-u[ \t]?[A-Za-z0-9_.@-]{1,40},|\bssh-keygen[ \t][^\n\x00]{0,80}-[NP][ \t]?|\b(?:secret_)?access_key(?:_id)?[ \t]{1,2})"
)
"""What stands before an argument that is secret by its place."""
_BEGINS = re.compile(rb"(?i)\bnet[ \t]|\bconvertto-|\blftp|\bopen[ \t]|\bssh-keygen|\b(?:secret_)?access_key")
_USER = r"[ \t](?:-[sSkLfivg]{0,4}u|-U|--user|--proxy-user|-x|--?auth|-id|-a|-A|--http-user|--login|--creds|--cert|-E)[ =]{0,2}[\"'\\]{0,4}"

_WHO = r"(?:[A-Za-z0-9_.-]{1,30}/)?[$]?[A-Za-z0-9_.@%\\+-]{0,64}"

COMMANDS: tuple[Rule, ...] = (
    Rule(
        "cli-secret", "secrets",
        (Trigger(
            CASES + r"[^A-Za-z0-9_=./:-](?:--?|/)[a-z0-9._-]{0,32}(?:pass|pwd|pw|secret|token|key|credential|psk|auth|otp|cookie|jwt|recovery[_-]?code)[a-z0-9._-]{0,16}(?:[\"'][ \t]{0,2},[ \t\n]{0,16}|[ =:\t]|\\n)[\"'\\]{0,4}" + STOP + "{4}",
            None, (b"pass", b"pwd", b"pw", b"secret", b"token", b"key", b"credential", b"psk", b"auth", b"otp", b"cookie", b"jwt", b"code")),),
        or_phrase(around(re.compile(rb"(?i)(?<![A-Za-z0-9_-])(?:--?|/)(?P<key>[a-z0-9._-]{1,60})(?:[\"'][ \t]{0,2},[ \t\n]{0,16}|[ =:\t]|\\n)[\"'\\]{0,4}(?:pass:|token:)?" + VALUE), 140, _flag, starts=re.compile(rb"(?<![A-Za-z0-9_-])[-/]")), r"[ ]--?[a-z0-9-]{0,32}(?:passw(?:or)?d|passphrase)[ =]", 60),
        match=("deploy --password={alnum12}", "tool --api-key {alnum32} run", "x --db-password 'Str0ng!{digit4}'", '["--api-key","{alnum32}"]'),
        no_match=("run --password $DB_PASSWORD", "git --password-file ./x", "cli --token <token>", "docker login --password-stdin", "ssh-keygen -t rsa --key-type rsa2048", "add_argument('--password', required=True)", "--set-secrets=ENV=mysecret:latest", "bq cp --destination_kms_key=kms_key a b", "--kms-key=projects/*/locations/*/keyRings/*"),
        since=2,
    ),
    Rule(
        "cli-secret", "secrets",
        (Trigger(CASES + r"--?(?:pass|passin|passout|password)(?:[ =\t]|[\"'],[ ]?)[\"']{0,2}pass:[^\s\"'\\\x00]{4}", None, (b"pass:",)),
         Trigger(CASES + r"-passin[ \t]pass:[^\s\"'\\\x00]{4}", None, (b"pass:",))),
        around(re.compile(rb"(?i)pass:(?P<secret>[^\s\"'\\\x00]{4,200})"), 12, _password),
        match=("openssl rsa -in k.pem -passin pass:{alnum12}", "openssl enc -pass pass:{alnum16}"),
        no_match=("openssl rsa -passin pass:$PASS",),
        since=2,
    ),
    Rule(
        "cli-secret", "secrets",
        (Trigger(CASES + _USER + _WHO + r"[:%][\"']?" + STOP + "{4}", None, (b" -u", b" --user", b"--proxy-user", b"--auth", b" -a", b"\t-u", b" -e", b"--cert", b" -x", b"--http-user", b"--login", b"--creds", b" -id", b" -s", b" -k", b" -l", b" -f", b" -i", b" -v", b" -g")),),
        around(re.compile((_USER + _WHO).encode() + rb"[:%][\"']?" + VALUE), 90, _password, starts=re.compile(rb"[ \t]-")),
        match=("curl -u app:{alnum16} https://x.test/", "curl -E client.pem:{alnum14} https://x.test", "http -a jo:{alnum12} api.test", "smbclient //h/s -U jo%{alnum12}"),
        no_match=("curl -u $USER:$PASS https://x.test/", "docker run -u 1000:1000 img", "perldoc -u Some::Modulename", "cfn-lint -x E3012:strict=true -t a.yaml"),
        since=2,
    ),
    Rule(
        "cli-secret", "secrets",
        (Trigger(r"[ \t]-p[\"']?[ =]?[\"']?[^\s\"'\x00-][^\s\"'\x00]{3}", None, (b" -p", b"\t-p")), Trigger(r"[ \t]-[aAwPxXkbtcKH](?:[ =][\"']?|[\"'])[^\s\"'\x00-][^\s\"'\x00]{3}", None, (b" -", b"\t-")), Trigger(r"[ \t]-P[\"']?[^\s\"'\x00 -]{4}", None, (b" -p",))),
        around(re.compile(rb"[ \t](?P<flag>-[paAwPxXkbtcKH])[\"']?[ =]?[\"']?" + VALUE), 10, _short_flag, starts=re.compile(rb"[ \t]-")),
        match=("mysql -h db -u root -p{alnum12} app", "redis-cli -h cache -a {alnum20} ping", "psexec -u jo -p {alnum14} cmd", "snmpwalk -v3 -u jo -A {alnum14} h", "zip -P {alnum12} a.zip a"),
        no_match=("mysql -u root -p app", "docker run -p 8080:80 image", "docker run -p 8080:80 -e A=b img", "docker build -t fiat-crypto:v0.0.9 .", "docker run --rm -t arm64v8/ubuntu:focal"),
        since=2,
    ),
    Rule(
        "cli-secret", "secrets",
        (Trigger(CASES + r"(?:\b(?:set|add|login|auth|authtoken|add-authtoken|setx|setenv|activate|unlock)|-g?x)[ \t]{1,3}(?:[A-Za-z0-9_.:/@-]{1,80}[ \t=]{1,3})?(?:(?:--body[ =]|-b[ =]?))?[\"']?[A-Za-z0-9_+/.=~-]{16}", None, (b"set", b"add", b"login", b"auth", b"-x", b"activate", b"unlock")),),
        unless_plain(around(
            re.compile(
                rb"(?i)\b(?:aws configure set|setx|set -g?x|setenv|(?:npm|yarn|pnpm|pip|git|gcloud|heroku|fly|flyctl|wrangler|stripe|poetry|composer|bundle|conan|gh)[ \t][^\n\x00]{0,40}?\b(?:set|config|add|login)|snyk auth|(?:ngrok )?(?:config )?(?:add-)?authtoken"
                rb"|vault login|wandb login|op signin|bw unlock|doppler login|netlify login|vercel login|tailscale up|circleci setup|sentry-cli login)[ \t]{1,3}(?:--?[a-z-]{1,24}[ \t])?(?P<key>[A-Za-z0-9_.:/@-]{1,100}[ \t=]{1,3})?(?:(?:--body[ =]|-b[ =]?))?[\"']?(?P<secret>[A-Za-z0-9_+/.=~-]{16,400})(?=[\s\"']|\Z)"
            ),
            160, _drawn,
            starts=re.compile(rb"(?i)\b(?:aws|set|npm|yarn|pnpm|pip|git|gcloud|heroku|fly|wrangler|stripe|poetry|composer|bundle|conan|gh|snyk|ngrok|config|add-|authtoken|vault|op|bw|doppler|netlify|vercel|tailscale|wandb|circleci|sentry)"),
        ), rb"\s\"'\x00"),
        match=("aws configure set aws_secret_access_key {b6440}", "ngrok config add-authtoken {alnum48}", "snyk auth {hex8}-{hex4}-{hex4}-{hex4}-{hex12}", "npm config set //registry.test/:_authToken {alnum36}"),
        no_match=("git config credential.helper store2024", "aws configure set region eu-central-1", "npm config set registry https://registry.test/npm/", "setenv GODEBUG=panicnil=1 failed"),
        since=2,
    ),
    Rule(
        "cli-secret", "secrets",
        (Trigger(CASES + r"(?:(?:ht|mosquitto_)passwd[ \t]-[a-z]{0,8}b[a-z]{0,8}[^\n\x00]{1,80}|(?:add_user|change_password|authenticate_user|create-user|useradd|adduser)[ \t]{1,3}(?:-[^\n\x00]{1,40})?[A-Za-z0-9_.@-]{1,40}|mysqladmin[^\n\x00]{1,60}password|requirepass|masterauth|\bauth)[ \t]{1,3}[\"']?[^\s\"'\x00]{6}", None, (b"htpasswd", b"mosquitto_passwd", b"add_user", b"change_password", b"authenticate_user", b"create-user", b"useradd", b"adduser", b"mysqladmin", b"requirepass", b"masterauth", b"auth")),),
        unless_plain(around(re.compile(rb"(?i)(?:(?:ht|mosquitto_)passwd[ \t]-[a-z]{0,8}b[a-z]{0,8}[^\n\x00]{1,80}|(?:add_user|change_password|authenticate_user|create-user)[ \t]{1,3}(?!-)[A-Za-z0-9_.@-]{1,40}|mysqladmin[^\n\x00]{1,60}password|requirepass|masterauth|\b(?-i:AUTH)|>[ ]?auth)[ \t]{1,3}[\"']?(?P<secret>[^\s\"'\x00]{6,200})"), 170, _argument,
            starts=re.compile(rb"(?i)[hmacr>](?=tpasswd|osquitto_passwd|dd_user|hange_password|uthenticate_user|reate-user|ysqladmin|equirepass|asterauth|uth|[ ]?auth)"),
        ), rb"\s\"'\x00"),
        match=("htpasswd -bc /etc/nginx/.htpasswd jo {alnum12}", "rabbitmqctl add_user jo {alnum14}", "requirepass {alnum24}", "redis> AUTH {alnum20}"),
        no_match=("# requirepass foobared", "rabbitmqctl add_user jo $PASS", "auth socksAuthMethod) error", "Google Auth httplib2", "openssl x509 -in a | xxd -p childCertTbsHash1", "auth\t[success=1 default=ignore]", "aws workdocs create-user --organization-id d-926726012c"),
        since=2,
    ),
    Rule(
        "cli-secret", "secrets",
        (Trigger(CASES + _ARGUMENT_OF + r"[\"']?" + STOP + "{4}", None, (b"net user", b"securestring", b"lftp", b"open", b"ssh-keygen", b"access_key")),),
        or_phrase(around(re.compile((CASES + _ARGUMENT_OF).encode() + rb"[\"']?" + VALUE), 200, _argument, starts=_BEGINS), _ARGUMENT_OF, 200),
        match=(
            "net user jo Kestrel{digit2}x! /add", "ConvertTo-SecureString '{alnum14}' -AsPlainText -Force", "lftp -u jo,{alnum12} ftp.test", "open -u jo,{alnum12} ftp.test",
            "ssh-keygen -t rsa -N '{alnum12}' -f k", "rclone config create r s3 secret_access_key {b6440}",
        ),
        no_match=("net user administrator /active:no", "ConvertTo-SecureString $plain -AsPlainText", "ssh-keygen -t ed25519 -N '' -f id", "lftp -u jo, sftp://h"),
        since=2,
    ),
    Rule(
        "cli-secret", "secrets",
        (Trigger(CASES + r"\|[ ]?ConvertTo-SecureString", None, (b"convertto-securestring",)),),
        around(re.compile(rb"(?i)[\"'](?P<secret>[^\s\"'`\x00]{6,100})[\"'][ ]?\|[ ]?ConvertTo-SecureString"), 130, _argument),
        match=('("{alnum14}" | ConvertTo-SecureString -AsPlainText -Force)',),
        no_match=("($plain | ConvertTo-SecureString -AsPlainText)", '("password" | ConvertTo-SecureString)'),
        since=2,
    ),
    Rule(
        "cli-secret", "secrets",
        (Trigger(CASES + r"(?:echo|printf|\byes)[ \t]{1,3}(?:-[a-z]{1,3}[ \t])?[\"']?[^\s\"'\x00|]{6,256}[\"']?[ \t]{0,3}\|[ \t]{0,3}(?:sudo[ \t]|docker[ \t]|podman[ \t]|helm[ \t]|gh[ \t]|glab[ \t]|gcloud[ \t]|(?:npx[ ])?wrangler|vault[ \t]|flyctl|fly[ \t]|heroku|vercel|cryptsetup|ansible-vault|htpasswd|cf[ \t]|chpasswd|passwd|smbpasswd|openconnect|gpg2?[ \t]|kinit|base64|openssl|keepassxc-cli|lpass|bw[ \t]|su[ \t]|oc[ \t]|kubectl[ \t])", None, (b"echo", b"printf", b"yes")),),
        around(re.compile(rb"(?i)(?:echo|printf|\byes)[ \t]{1,3}(?:-[a-z]{1,3}[ \t])?[\"']?(?:[A-Za-z0-9_.-]{1,32}:)?(?P<secret>[^\s\"'\x00|:]{6,256})[\"']?[ \t]{0,3}\|[ \t]{0,3}[a-z0-9-]{2,14}[ \t]?"), 300, _argument),
        match=("echo {alnum14} | docker login -u jo --password-stdin", "echo 'jo:{alnum12}' | chpasswd"),
        no_match=("echo $PASSWORD | docker login -u jo --password-stdin",),
        since=2,
    ),
)  # fmt: skip
