"""A fourth corpus, in other words than the rules': configurations, commands, prose, credential files and keys.

Names of systems and people, settings and sentences are drawn from lists of their own, values from seven kinds: mixed
letters and digits, hexadecimal, base64, URL-safe base64, letters only, UUIDs, and passwords as people choose them.
It covers eleven formats of configuration, forty command lines, sixty sentences in twelve languages, thirty credential
files, and sixty-two keys in six holders. It does not cover encodings and splitting, which `invented.py` does.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterator

from harness.corpus import AN, HEX, Make, Sample, drawn, mixed

LOWER = string.ascii_lowercase + string.digits
URL = AN + "-_"
B64 = AN + "+/"


_NOUNS = ("Winter", "Lisbon", "Pumpkin", "Marble", "Thunder", "Velvet", "Kestrel", "Saffron", "Juniper", "Glacier")

KEYS_OF: dict[str, Make] = {
    "mixed 32": lambda r: mixed(r, AN, 32),
    "mixed 20": lambda r: mixed(r, AN, 20),
    "hex 32": lambda r: drawn(r, HEX, 32),
    "hex 64": lambda r: drawn(r, HEX, 64),
    "base64": lambda r: base64.b64encode(r.randbytes(32)).decode(),
    "url-safe": lambda r: "k" + mixed(r, URL, 38) + "7",
    "letters": lambda r: drawn(r, string.ascii_letters, 32),
    "lower case": lambda r: drawn(r, string.ascii_lowercase, 32),
    "uuid": lambda r: "-".join(drawn(r, HEX, n) for n in (8, 4, 4, 4, 12)),
}
PASSWORDS_OF: dict[str, Make] = {
    "mixed 14": lambda r: mixed(r, AN, 14),
    "mixed 10": lambda r: mixed(r, AN, 10),
    "punctuated": lambda r: "v" + mixed(r, AN + "!%*_.", 14) + "Q",
    "chosen": lambda r: r.choice(_NOUNS) + r.choice("!#*-") + drawn(r, "0123456789", 4),
    "chosen words": lambda r: r.choice(_NOUNS) + "-" + r.choice(_NOUNS).lower() + drawn(r, "0123456789", 2),
    "letters": lambda r: drawn(r, string.ascii_letters, 12),
}

KEY_NAMES = (
    "MEILI_MASTER_KEY", "SENDPULSE_API_SECRET", "VAULT_UNSEAL_KEY", "WEBHOOK_SIGNING_SECRET", "FOO_ACCESS_TOKEN", "ALGOLIA_ADMIN_API_KEY", "TWITCH_CLIENT_SECRET",
    "APP_KEY", "RAILS_MASTER_KEY", "NEXTAUTH_SECRET", "JWT_SIGNING_KEY", "COOKIE_SECRET", "ENCRYPTION_KEY_BASE64", "BOT_TOKEN", "DEPLOY_TOKEN", "STORAGE_ACCOUNT_KEY",
    "SESSION_SECRET_STAGING", "INTERNAL_SERVICE_TOKEN", "GITHUB_APP_CLIENT_SECRET", "REFRESH_TOKEN",
)  # fmt: skip
PASSWORD_NAMES = (
    "PGPASSWORD", "MYSQL_ROOT_PASSWORD", "SMTP_PASS", "LDAP_BIND_PASSWORD", "REDIS_PASSWORD", "ADMIN_PWD", "KEYSTORE_PASSPHRASE", "DB_PASSWD", "RABBITMQ_DEFAULT_PASS",
    "GRAFANA_ADMIN_PASSWORD", "FTP_PASSWORD_PROD", "ROOT_PW",
)  # fmt: skip


def _camel(name: str) -> str:
    first, *rest = name.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


CONFIGS: dict[str, str] = {
    ".env": "APP_ENV=production\n{UPPER}={v}\nAPP_PORT=3000\n",
    ".env quoted": 'export {UPPER}="{v}"\n',
    "yaml": "app:\n  region: eu-west-1\n  {lower}: {v}\n  replicas: 3\n",
    "yaml camel": "spec:\n  {camel}: {v}\n",
    "yaml quoted": "  {lower}: '{v}'\n",
    "toml": "[service]\nhost = \"a.test\"\n{lower} = \"{v}\"\n",
    "ini": "[service]\n{lower} = {v}\ntimeout = 30\n",
    "json": '{{\n  "region": "eu",\n  "{camel}": "{v}"\n}}',
    "json kebab": '{{"{kebab}":"{v}"}}',
    "properties": "service.url=http://a.test\nservice.{dotted}={v}\n",
    "xml element": "<settings><{camel}>{v}</{camel}></settings>",
    "xml attribute": '<property name="{camel}" value="{v}"/>',
    "hcl": 'provider "x" {{\n  {lower} = "{v}"\n}}\n',
    "java": 'private static final String {UPPER} = "{v}";',
    "java spring": '@Value("x") String x; config.setProperty("{dotted}", "{v}");',
    "php array": "'{lower}' => '{v}',",
    "php define": "define('{UPPER}', '{v}');",
    "ruby": 'config.{lower} = "{v}"',
    "go": '{camel} := "{v}"',
    "go struct": '\t{Pascal}: "{v}",',
    "python": '{UPPER} = "{v}"\n',
    "python dict": 'settings["{lower}"] = "{v}"',
    "js": 'const {camel} = "{v}";',
    "ts object": "  {camel}: '{v}',",
    "c#": '"{Pascal}": "{v}",',
    "rust": 'let {lower} = "{v}";',
    "swift": 'let {camel}: String = "{v}"',
    "kotlin": 'val {camel} = "{v}"',
    "dockerfile": "FROM x\nENV {UPPER}={v}\n",
    "compose": "    environment:\n      - {UPPER}={v}\n",
    "compose map": "    environment:\n      {UPPER}: {v}\n",
    "k8s env": "        - name: {UPPER}\n          value: {v}\n",
    "helm": "{camel}: \"{v}\"\n",
    "github actions": "        env:\n          {UPPER}: {v}\n",
    "cloudformation": '{{"ParameterKey": "{Pascal}", "ParameterValue": "{v}"}}',
    "terraform variable": '{lower} = "{v}"\n',
    "ansible": "{lower}: \"{v}\"\n",
    "systemd": "[Service]\nEnvironment={UPPER}={v}\n",
    "powershell": '$env:{UPPER} = "{v}"',
    "cmd": "set {UPPER}={v}\r\n",
    "har": '{{"name": "{kebab}", "value": "{v}"}}',
    "log": "2026-02-11T09:00:01Z INFO starting with {lower}={v} region=eu\n",
    "python repr": "Config(region='eu', {lower}='{v}')",
    "env dump": "HOME=/home/dev\n{UPPER}={v}\nSHELL=/bin/zsh\n",
    "query": "https://a.test/v1/items?{lower}={v}&page=2",
    "connection": "Server=a;Database=b;User Id=c;{Pascal}={v};Timeout=30",
}  # fmt: skip

COMMANDS: dict[str, tuple[str, bool]] = {
    "curl header": ('curl -sS -H "X-Api-Key: {v}" https://a.test/v1', False),
    "curl bearer": ("curl --header 'Authorization: Bearer {v}' https://a.test", False),
    "curl user": ("curl -u dev:{v} https://a.test/", True),
    "curl json": ("curl -d '{{\"user\":\"dev\",\"password\":\"{v}\"}}' https://a.test/login", True),
    "curl form": ("curl -F client_secret={v} https://a.test/oauth", False),
    "curl cookie": ("curl -b 'sessionid={v}' https://a.test/", False),
    "wget": ("wget --user=dev --password={v} https://a.test/x", True),
    "psql url": ("psql postgresql://dev:{v}@db.test:5432/app", True),
    "psql env": ("PGPASSWORD={v} psql -h db.test -U dev", True),
    "mysql": ("mysql -u dev -p{v} app", True),
    "mysql long": ("mysqldump --user=dev --password={v} app > a.sql", True),
    "redis": ("redis-cli -h r.test -a {v} ping", True),
    "redis url": ("redis-cli -u redis://:{v}@r.test:6379", True),
    "mongo": ('mongosh "mongodb+srv://dev:{v}@c0.test/app"', True),
    "docker login": ("docker login -u dev -p {v} registry.test", True),
    "docker env": ("docker run --rm -e SERVICE_TOKEN={v} img:1", False),
    "docker echo": ("echo {v} | docker login -u dev --password-stdin", True),
    "docker build": ("docker build --build-arg NPM_TOKEN={v} .", False),
    "kubectl literal": ("kubectl create secret generic db --from-literal=password={v}", True),
    "kubectl token": ("kubectl --token={v} get pods", False),
    "kubectl config": ("kubectl config set-credentials dev --token={v}", False),
    "aws": ("aws configure set aws_secret_access_key {v}", False),
    "aws env": ("AWS_SECRET_ACCESS_KEY={v} aws s3 ls", False),
    "gh": ("gh secret set DEPLOY_KEY --body {v}", False),
    "gh env": ("GH_TOKEN={v} gh pr list", False),
    "git clone": ("git clone https://dev:{v}@git.test/a/b.git", True),
    "git remote": ("git remote set-url origin https://oauth2:{v}@git.test/a/b.git", False),
    "git header": ('git -c http.extraHeader="Authorization: Bearer {v}" fetch', False),
    "sshpass": ("sshpass -p '{v}' ssh dev@h.test", True),
    "openssl": ("openssl enc -aes-256-cbc -pass pass:{v} -in a -out b", True),
    "openssl passin": ("openssl pkcs12 -in a.p12 -passin pass:{v}", True),
    "helm": ("helm upgrade a ./a --set auth.rootPassword={v}", True),
    "terraform": ('terraform apply -var "db_password={v}"', True),
    "ansible": ('ansible-playbook a.yml -e "vault_password={v}"', True),
    "heroku": ("heroku config:set STRIPE_SECRET={v} -a app", False),
    "vault": ("vault kv put secret/app api_token={v}", False),
    "npm": ("npm config set //registry.test/:_authToken {v}", False),
    "az": ("az login --service-principal -u app -p {v} --tenant t", False),
    "gcloud": ("gcloud sql users set-password root --password={v}", True),
    "htpasswd": ("htpasswd -bc .htpasswd dev {v}", True),
    "zip": ("zip -P {v} a.zip a.txt", True),
    "gpg": ("gpg --batch --passphrase {v} -d a.gpg", True),
    "ldap": ("ldapsearch -D cn=admin -w {v} -b dc=test", True),
    "argv": ('["/bin/app","--client-secret","{v}"]', False),
    "argv python": ("subprocess.run(['app', '--token', '{v}'])", False),
    "export": ("export SERVICE_API_KEY={v} && make run", False),
    "fish": ("set -x SERVICE_API_KEY {v}", False),
    "ngrok": ("ngrok config add-authtoken {v}", False),
    "mc": ("rabbitmqctl add_user dev {v}", True),
    "sql": ("CREATE USER 'dev'@'%' IDENTIFIED BY '{v}';", True),
    "sql alter": ("ALTER USER dev WITH PASSWORD '{v}';", True),
}  # fmt: skip

PROSE: dict[str, tuple[str, bool]] = {
    "is": ("The password is {v}, please change it later.", True),
    "was": ("our old root password was {v} until last week", True),
    "for": ("the password for the staging box is {v}", True),
    "colon": ("Here you go, password: {v}", True),
    "pw": ("pw: {v}", True),
    "backticks": ("Log in as dev, the passphrase is `{v}`.", True),
    "quoted": ('use "{v}" as the password', True),
    "bold": ("**Password:** {v}", True),
    "bold value": ("Password: **{v}**", True),
    "list": ("- user: dev\n- password: {v}\n- host: h.test", True),
    "key is": ("my api key is {v} thanks", False),
    "as key": ("use {v} as the API key", False),
    "here": ("here's the token: {v}", False),
    "arrow": ("API key → {v}", False),
    "fence": ("Token:\n```\n{v}\n```\n", False),
    "secret is": ("the client secret is {v} and it expires in May", False),
    "dash": ("access key - {v}", False),
    "set to": ("I set the signing key to {v} in prod", False),
    "changed": ("the admin password has been changed to {v}", True),
    "reset": ("I reset your password to {v} for now", True),
    "slack": ("hey can you try again with token {v} ? the other one is dead", False),
    "error": ("401 Unauthorized: invalid api key {v}", False),
    "rejected": ("remote: token {v} was rejected", False),
    "creds": ("creds: dev / {v}", True),
    "login": ("login with dev:{v}", True),
    "equals": ("so secret = {v} works", False),
    "new line": ("the encryption key is:\n{v}\n", False),
    "parens": ("the license key ({v}) is registered to us", False),
    "table": ("| API token | {v} |", False),
    "es": ("la contraseña es {v}", True),
    "es clave": ("la clave del servidor es {v}", True),
    "fr": ("le mot de passe est {v}", True),
    "fr colon": ("Mot de passe : {v}", True),
    "de": ("Das Passwort lautet {v}", True),
    "de colon": ("Kennwort: {v}", True),
    "pt": ("a senha é {v}", True),
    "pt prod": ("senha de produção: {v}", True),
    "it": ("la password è {v}", True),
    "ru": ("пароль: {v}", True),
    "ru dash": ("пароль от базы — {v}", True),
    "ru token": ("токен {v}", False),
    "zh": ("密码是 {v}", True),
    "zh colon": ("数据库密码：{v}", True),
    "zh key": ("密钥为 {v}", False),
    "ja": ("パスワードは {v} です", True),
    "ja token": ("トークン：{v}", False),
    "ko": ("비밀번호는 {v} 입니다", True),
    "hi": ("पासवर्ड है {v}", True),
    "ar": ("كلمة المرور هي {v}", True),
    "bn": ("পাসওয়ার্ড হল {v}", True),
    "ur": ("پاس ورڈ {v} ہے", True),
    "id": ("kata sandi: {v}", True),
    "tr": ("şifre: {v}", True),
    "pl": ("hasło to {v}", True),
}  # fmt: skip

FILES: dict[str, tuple[str, bool]] = {
    ".netrc": ("machine git.test\n  login dev\n  password {v}\n", True),
    ".pgpass": ("db.test:5432:app:dev:{v}\n", True),
    ".npmrc": ("registry=https://r.test/\n//r.test/:_authToken={v}\n", False),
    ".npmrc password": ("//r.test/:_password={v}\n//r.test/:username=dev\n", False),
    ".pypirc": ("[pypi]\nusername = dev\npassword = {v}\n", True),
    ".git-credentials": ("https://dev:{v}@git.test\n", True),
    "docker config": ('{{"auths": {{"r.test": {{"auth": "{basic}"}}}}}}', True),
    "docker identity": ('{{"auths": {{"r.test": {{"identitytoken": "{v}"}}}}}}', False),
    "kubeconfig token": ("users:\n- name: dev\n  user:\n    token: {v}\n", False),
    "kubeconfig key": ("    client-key-data: {v}\n", False),
    "aws credentials": ("[default]\naws_access_key_id = x\naws_secret_access_key = {v}\n", False),
    "aws session": ("[default]\naws_session_token = {v}\n", False),
    "gcloud adc": ('{{"client_id": "x.apps", "client_secret": "{v}", "type": "authorized_user"}}', False),
    "gcloud refresh": ('{{"type": "authorized_user", "refresh_token": "{v}"}}', False),
    "wp-config": ("define( 'DB_PASSWORD', '{v}' );\n", True),
    "wp-config salt": ("define('AUTH_KEY',         '{v}');\n", False),
    "database.yml": ("production:\n  adapter: postgresql\n  username: dev\n  password: {v}\n", True),
    "secrets.yml": ("production:\n  secret_key_base: {v}\n", False),
    "settings.py": ("SECRET_KEY = '{v}'\nDEBUG = False\n", False),
    "settings.py db": ("        'USER': 'dev',\n        'PASSWORD': '{v}',\n", True),
    "application.properties": ("spring.datasource.username=dev\nspring.datasource.password={v}\n", True),
    "application.yml": ("spring:\n  mail:\n    password: {v}\n", True),
    "terraform.tfstate": ('            "master_password": "{v}",\n            "name": "db",', True),
    "terraform.tfstate key": ('            "primary_access_key": "{v}",', False),
    ".s3cfg": ("[default]\naccess_key = x\nsecret_key = {v}\n", False),
    "rclone.conf": ("[r]\ntype = s3\nsecret_access_key = {v}\n", False),
    "rclone pass": ("[r]\ntype = sftp\nuser = dev\npass = {v}\n", False),
    "wpa_supplicant": ('network={{\n  ssid="office"\n  psk="{v}"\n}}\n', True),
    "my.cnf": ("[client]\nuser=dev\npassword={v}\n", True),
    "redis.conf": ("port 6379\nrequirepass {v}\n", True),
    "wireguard": ("[Interface]\nPrivateKey = {wg}\nAddress = 10.0.0.2/32\n", False),
    "opencode auth": ('{{"x": {{"type": "api", "key": "{v}"}}}}', False),
    "opencode oauth": ('{{"x": {{"type": "oauth", "refresh": "{v}", "expires": 1}}}}', False),
    "codex auth": ('{{"tokens": {{"refresh_token": "{v}"}}}}', False),
    "claude credentials": ('{{"claudeAiOauth": {{"accessToken": "{v}"}}}}', False),
    "k8s secret": ("apiVersion: v1\nkind: Secret\ndata:\n  password: {b64}\n", True),
    "k8s secret other key": ("kind: Secret\napiVersion: v1\nstringData:\n  config: {v}\n", False),
    "maven settings": ("<server><id>r</id><username>dev</username><password>{v}</password></server>", True),
    "nuget.config": ('<add key="ClearTextPassword" value="{v}" />', True),
    "gradle.properties": ("signing.password={v}\n", True),
    "composer auth.json": ('{{"http-basic": {{"r.test": {{"username": "dev", "password": "{v}"}}}}}}', True),
    "msmtprc": ("account a\nuser dev\npassword {v}\n", True),
    "gh hosts.yml": ("github.com:\n    user: dev\n    oauth_token: {v}\n", False),
    "cargo credentials": ('[registry]\ntoken = "{v}"\n', False),
    "csv": ("id,username,password\n1,dev,{v}\n", True),
    "psql table": (" id | name | api_token\n----+------+-----------\n  1 | dev  | {v}\n(1 row)\n", False),
    "sops none": ("smtp_password: {v}\n", True),
}  # fmt: skip

KEYS = (
    "token", "secret", "pass", "password", "passwd", "pwd", "api_key", "apikey", "api-key", "apiKey", "access_token", "accessToken", "refresh_token", "auth_token",
    "GITHUB_TOKEN", "NPM_TOKEN", "SLACK_BOT_TOKEN", "db_pass", "db_password", "dbPassword", "DB_PASSWORD", "signing_key", "signingKey", "private_key", "privateKey",
    "client_secret", "clientSecret", "secret_key", "secretKey", "SECRET_KEY_BASE", "encryption_key", "master_key", "session_token", "bearer_token", "id_token", "jwt",
    "authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token", "x-vault-token", "x-amz-security-token", "http.request.header.x-vault-token",
    "http.request.header.authorization", "user.password", "smtp_pass", "passphrase", "otp", "credentials", "aws_secret_access_key", "AZURE_CLIENT_SECRET", "webhook_secret",
    "hmac_key", "storage_key", "account_key", "license_key", "recovery_code", "pgpassword", "vault_token", "service_account_key",
)  # fmt: skip
WORDS = ("sunflower", "marigold", "tr0ub4dor", "egxazgtxtmkrhagq", "a1b2c3d4", "Blue Horse 42")

AIMS = {"config": 0.95, "command": 0.95, "prose": 0.80, "file": 0.95}
"""The least share of each kind that must be found."""


def samples(seed: int) -> Iterator[Sample]:
    """Every template with every kind of value it can hold."""
    rng = random.Random(seed)
    for made, template in CONFIGS.items():
        for names, makes in ((KEY_NAMES, KEYS_OF), (PASSWORD_NAMES, PASSWORDS_OF)):
            for kind, make in makes.items():
                name, value = rng.choice(names), make(rng)
                lower = name.lower()
                camel = _camel(name)
                text = template.format(
                    UPPER=name, lower=lower, camel=camel, Pascal=camel[0].upper() + camel[1:],
                    kebab=lower.replace("_", "-"), dotted=lower.replace("_", "."), v=value,
                )  # fmt: skip
                yield Sample("config", f"{made}/{kind}/{name}", text, value)
    for group, templates in (("command", COMMANDS), ("prose", PROSE), ("file", FILES)):
        for made, (template, is_password) in templates.items():
            for kind, make in (PASSWORDS_OF if is_password else KEYS_OF).items():
                yield _filled(rng, group, f"{made}/{kind}", template, make(rng))


def _filled(rng: random.Random, group: str, made: str, template: str, value: str) -> Sample:
    whole = {
        "basic": base64.b64encode(f"dev:{value}".encode()).decode(),
        "b64": base64.b64encode(value.encode()).decode(),
        "wg": base64.b64encode(rng.randbytes(32)).decode(),
    }
    text = template.format(v=value, **whole)
    secret = next((made_of for name, made_of in whole.items() if "{" + name + "}" in template), value)
    return Sample(group, made, text, secret)


def held(key: str, value: str) -> dict[str, str]:
    """A key and its value as text, in each holder that is text."""
    return {
        "json": json.dumps({"id": 1, key: value}),
        "environment": f"{key.upper().replace('-', '_').replace('.', '_')}={value}",
        "header": f"{key}: {value}",
        "flag": f"app --{key.lower().replace('_', '-')}={value}"
        if " " not in value
        else f"app --{key.lower().replace('_', '-')}='{value}'",
    }
