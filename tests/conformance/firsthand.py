"""A sixth corpus, by someone who had not seen the rules: lines of settings and programs, command lines, sentences.

them among these. It does not cover files of several lines (`everyday.py` does), tokens without a label (`published.py`
does), nor passwords with no word beside them that says so.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from harness.corpus import AN, HEX, Make, Sample, drawn, mixed

_WORDS = (
    "harbor",
    "sunset",
    "willow",
    "quartz",
    "bramble",
    "cinder",
    "plover",
    "saffron",
    "timber",
    "vortex",
    "pigeon",
)
_NUMBERS = "23456789"


def _leet(rng: random.Random) -> str:
    first = rng.choice(("h4rb0r", "suns3t", "br4mbl3", "c1nd3r", "pl0v3r", "t1mb3r"))
    return first + rng.choice("-_!") + rng.choice(_WORDS).title() + drawn(rng, _NUMBERS, 2)


PASSWORDS: dict[str, Make] = {
    "drawn": lambda r: mixed(r, AN, 16),
    "in small letters": lambda r: "k" + drawn(r, "bcdfghjkmnpqrstvwxz", 5) + drawn(r, _NUMBERS, 2) + "qx7",
    "with signs": lambda r: mixed(r, AN, 5) + r.choice("#&") + mixed(r, AN, 5) + r.choice("!*") + drawn(r, _NUMBERS, 2),
    "capitals": lambda r: "".join(word.title() for word in r.sample(_WORDS, 2)) + drawn(r, _NUMBERS, 2) + "!",
    "leet": _leet,
    "words and digits": lambda r: r.choice("-._").join(r.sample(_WORDS, 2)) + "-" + drawn(r, _NUMBERS, 3),
}  # fmt: skip
TOKENS: dict[str, Make] = {"mixed": lambda r: mixed(r, AN, 36), "hex": lambda r: drawn(r, HEX, 40)}

CONFIGS = """
    command: redis-server --requirepass § --appendonly yes
"accessToken": "¤", "serverId": "main"
"api_key": [ { "current_key": "¤" } ]
"args": ["-y", "mcp-remote", "https://x", "--header", "Authorization: Bearer ¤"]
"cline.openRouterApiKey": "¤"
"cody.accessToken": "¤"
"SecretString": "§"
$dbpasswd = '§';
&redis.Options{Addr: "x", Password: "§"}
'salt' => env('SECURITY_SALT', '¤'),
- GITHUB_PAT=¤
/interface wireless security-profiles add name=x wpa2-pre-shared-key="§"
<add key="SmtpPassword" value="§" />
<apikey>¤</apikey>
<AutoLogon><Password><Value>§</Value></Password><Username>x</Username></AutoLogon>
<key>EnvironmentVariables</key><dict><key>API_TOKEN</key><string>¤</string></dict>
<Resource name="jdbc/Shop" auth="Container" username="jo" password="§" maxTotal="20"/>
activemq.password=§
AIRFLOW_CONN_SHOP='mysql://jo:§@db:3306/shop'
akka.remote.netty.ssl.security.key-store-password = "§"
alias db='PGPASSWORD=§ psql -h db'
ALTER LOGIN sa WITH PASSWORD = '§';
api-key: ¤
auth: { user: 'x@corp.test', pass: '§' }
AUTHENTICATION_APIKEY_ALLOWED_KEYS=¤
Authorization: Bearer ¤
BETTER_AUTH_SECRET=¤
bind_pw = §
BOT_TOKEN=¤
c = Connection("h", connect_kwargs={"password": "§"})
c.ServerApp.token = '¤'
change master to master_host='x', master_user='r', master_password='§';
clickhouse://default:§@ch:9000
CLICKHOUSE_PASSWORD: "§"
clientID: 'x', clientSecret: '¤'
config.secret_key = '¤'
connection_string: postgresql+psycopg2://ge:§@db/ge
connectionDetails: { password: § }
const apiKey = '¤';
COOKIE_SECRET=¤
CREATE USER 'app'@'%' IDENTIFIED BY '§';
crypto isakmp key § address 203.0.113.5
CSC_KEY_PASSWORD=§
cx_Oracle.connect("scott/§@db:1521/X")
DB_PASSWORD=§
DD-API-KEY: ¤
DEFAULT_ADMIN_PASS='§'
define( 'DB_PASSWORD', '§' );
Driver={ODBC Driver 18 for SQL Server};Server=tcp:sql1,1433;Uid=app;Pwd={§};Encrypt=yes;
ENV DB_PASSWORD §
env: { JWT_SECRET: '¤', PORT: 3000 }
environment=SECRET_KEY="¤",DEBUG="0"
https://app.corp.test/verify-email/¤
jdbc:postgresql://db/shop?user=jo&password=§&ssl=true
jwt { secret = "¤" }
jwt.sign(payload, '¤', { expiresIn: '1h' })
ks.load(in, "§".toCharArray());
ldap://cn=admin:§@ldap.corp.test
let password = "§"
MEILI_MASTER_KEY=¤
MqttPassword §
my $password = '§';
NEO4J_AUTH=neo4j/§
new Redis({ host: 'x', password: '§' })
new Sequelize('shop', 'app', '§', { host: 'db' })
node.session.auth.password = §
openai-api-key: ¤
OPENVPN_PASS=§
password = System.getenv("X") ?: "§"
PAYLOAD_SECRET=¤
PGPASSWORD=§
PlexOnlineToken="¤"
PROVISIONING_PASSWORD = §
proxy_set_header X-Api-Key ¤;
pymysql.connect("db", "app", "§", "shop")
radius-server host 10.1.1.1 auth-port 1812 key 0 §
remotepass = §
SELECT dblink_connect('host=x user=y password=§');
SELECT pgp_sym_decrypt(c, '§')
server.login("x@corp.test", "§")
SetEnv DB_PASSWORD §
SLACK_SIGNING_SECRET=¤
smtp_password: §
snowflake://jo:§@xy12/db
SOLR_AUTHENTICATION_OPTS="-Dbasicauth=solr:§"
ssh.connect(host, username="x", password="§")
SSHPASS=§
stats auth admin:§
TAURI_SIGNING_PRIVATE_KEY_PASSWORD="§"
WEBHOOK_SECRET=¤
WEBUI_SECRET_KEY='¤'
WOODPECKER_AGENT_SECRET=¤
X-Gitlab-Token: ¤
X-Plex-Token: ¤
X-Shopify-Access-Token: ¤
{"account":"x","user":"y","password":"§","role":"z"}
{"models":[{"title":"x","provider":"openai","apiKey":"¤"}]}
{"username":"bob","key":"¤"}
"""
COMMANDS = """
$cred = [pscredential]::new('jo', (ConvertTo-SecureString '§' -AsPlainText -Force))
[System.Environment]::SetEnvironmentVariable('DB_PASSWORD','§')
ansible all -m ping -e ansible_ssh_pass=§
asadmin --user admin --passwordfile <(echo AS_ADMIN_PASSWORD=§)
aws iam create-login-profile --user-name bob --password '§'
aws rds create-db-instance --db-instance-identifier x --master-username root --master-user-password §
aws redshift create-cluster --master-user-password '§' --cluster-identifier x
aws secretsmanager put-secret-value --secret-id db --secret-string '{"password":"§"}'
aws ses create-smtp --password §
aws ssm put-parameter --name /prod/db/password --type SecureString --value §
az acr login -n acme -u x -p ¤
az ad sp credential reset --id x --password ¤
buildah push --creds jo:§ x
certutil -p § -importPFX x.pfx
cf login -u jo -p §
cmdkey /add:server /user:bob /pass:§
cockroach sql --url "postgresql://root:§@h:26257"
conda config --add channels https://c.corp.test/t/¤/main
cqlsh -u cassandra -p § host1
cryptsetup luksOpen /dev/sdb x <<< "§"
curl -H "Authorization: Token ¤" https://api.corp.test/v1
curl -sSL "https://¤@raw.corp.test/x"
curl -u elastic:§ 'https://es:9200'
curl -X POST https://x/login -d "user=jo&pass=§"
cypher-shell -u neo4j -p §
databricks secrets put --scope x --key y --string-value ¤
datadog-ci --api-key ¤
docker compose run -e SECRET_KEY=¤ web
docker run -d -e MYSQL_ROOT_PASSWORD=§ mysql:8
dotnet user-secrets set ConnectionStrings:Default "Server=x;Password=§"
drush site-install --account-pass=§
echo "jo:§" | sudo chpasswd
echo "§" | sudo -S systemctl restart x
echo 'root:§' | chpasswd
echo '§' | gpg --passphrase-fd 0 -c file
env API_KEY=¤ node server.js
esrally --client-options="basic_auth_user:'x',basic_auth_password:'§'"
expo login -u x -p §
fastlane match --password §
ffmpeg -i x -f flv rtmps://live.corp.test/app/¤
fly secrets set DATABASE_URL=postgres://u:§@h/d
flyctl auth login --access-token ¤
flyctl secrets set STRIPE_KEY="¤" -a app
frpc -s x -t ¤
gcloud secrets versions add x --data-file=- <<< "§"
gh secret set NPM_TOKEN --body=¤
git -c credential.helper='!f() { echo "password=¤"; }; f' fetch
git remote add o https://jo:§@git.corp.test/x.git
glab variable set DEPLOY_KEY ¤
gopass insert x <<< "§"
govc -u 'https://jo:§@vc/sdk' ls
gpg --gen-key --batch <<< "Passphrase: §"
gradle publish -Psigning.password=§
grafana cli admin reset-admin-password "§"
hcloud context create x --token ¤
helm upgrade x ./c --set db.password="§" --set replicas=2
heroku config:set DATABASE_URL=postgres://u:§@h/db
hex publish --key ¤
http --session=jo -a jo:§ x.corp.test
http corp.test/api 'X-API-Token:¤'
ipmitool -H h -U a -P "§" chassis status
ipmitool -I lanplus -H 10.0.0.1 -U ADMIN -P § power status
isql -U sa -P § -S h
jarsigner -storepass:env X -keypass '§' x.jar y
jboss-cli.sh --user=admin --password=§
kafkacat -X sasl.password="§" -b x
keepassxc-cli show -p § x.kdbx y
kubectl create secret generic x --from-literal="token=¤"
kubectl exec x -- mysql -uroot -p§
kubectl login --username x --password §
linode-cli configure --token ¤
lpass login --password § x
mongo --username admin --password '§' shop
mvn deploy -Dpassword=§
mysql -h h -P 3306 -u app -p"§" x
newrelic --apiKey ¤ x
ngrok authtoken ¤
nmcli d wifi connect x password §
oc login https://api.corp.test:6443 --token=¤
oci setup config --passphrase §
openssl genrsa -aes256 -passout 'pass:§' 2048
openssl pkcs12 -in x.p12 -nodes -password pass:§
osql -U sa -P §
ovftool vi://jo:§@h/x y
p4 login <<< §
pass insert -e x <<< §
pdftk x.pdf output y.pdf owner_pw §
PGPASSWORD='§' pg_restore -d x y.dump
plink jo@h -pw "§"
rabbitmqadmin --username=jo --password=§ list
racadm -r h -u root -p § getsysinfo
rancher login https://r --token ¤
rar a -hp§ x.rar d
rclone config create x sftp user jo pass §
rclone obscure §
redis-cli -p 6380 --no-auth-warning -a "§" keys '*'
restic -r x --password-command "echo §" snapshots
security set-key-partition-list -S apple: -k § x
sendemail -f a -t b -s smtp:587 -xu x -xp §
sentry-cli login --auth-token=¤
set -x API_TOKEN ¤
Set-ADAccountPassword jo -NewPassword (ConvertTo-SecureString -AsPlainText "§" -Force)
setx DB_PASSWORD "§"
skopeo copy --dest-creds jo:§ docker://a docker://b
smbclient -U jo%§ //h/s
smbclient //nas/share § -U bob
smbpasswd -a jo -s <<< "§"
snowsql -a x -u y --password §
sqlplus system/§@//db:1521/XE @x.sql
ssh-add <<< "§"
ssh-keygen -t ed25519 -N "§" -f k
sshpass -p § rsync -a x h:
sshpass -p'§' scp f root@10.0.0.1:/tmp
stripe listen --api-key ¤
tailscale login --auth-key=¤
tailscale up --auth-key ¤
twine upload -u jo -p § dist/*
usql postgres://app:§@h/x
vault kv put secret/x token=¤ ttl=1h
vercel deploy -t ¤
wget --post-data='user=jo&password=§' https://x
wget --user=jo --password=§ https://corp.test/f.tgz
wp config create --dbname=x --dbuser=x --dbpass=§
wp core install --admin_password=§ --url=x
wpa_cli set_network 0 psk '"§"'
wpa_passphrase office §
wrangler secret bulk <<< '{"API_KEY":"¤"}'
yt-dlp --username x --password=§ https://x
yt-dlp -u jo -p '§' x
zerotier-cli set x authtoken=¤
"""
SENTENCES = """
// TODO: remove, password is §
> password is §
A senha do banco é §.
AES key (hex): ¤
APIキーは ¤ です
auth token ¤ please revoke
bob's password is §
Can you log in with jo / § and check?
client secret should be ¤
Connecte-toi avec le mot de passe §
Das Admin-Passwort wurde auf § geändert.
Das neue Kennwort lautet: §
Der API-Schlüssel lautet ¤
Der geheime Schlüssel ist ¤
Det nya lösenordet är §
El token de acceso es ¤
gebruikersnaam jo wachtwoord §
Hasło administratora: §
Here is your API key: ¤. Keep it safe.
Het wachtwoord van staging is §.
Hey, can you use § for the admin login until I'm back?
Hi Carol, the FTP password you asked for is §. Cheers, Bruno
I've generated a new secret for you: ¤
Initial password for root: §
It asks for a password, type §.
jwt secret -> ¤
La chiave API è ¤
La clave secreta es ¤
La contraseña del servidor es §
Le mot de passe du wifi : §
Login with admin:§ on port 8080
Login-Daten: jo / §
Login: jo@corp.test Password: §
Mein neues Passwort ist §
Mon mdp c'est §
My GitHub PAT: ¤
my pin is 4471 and the password §
My token is ¤ in case you need it.
Mật khẩu mới: §
New creds for Grafana: admin / §
Nieuw wachtwoord: §
Noua parolă este §
Nové heslo: §
our secret key: ¤
Password (staging): §
password hint: none. password: §
PAT for CI = ¤
Please connect with password § until Friday
private key of the wallet: ¤
Put ¤ in the X-Api-Key header
root / § on the staging box
salasana on §
Salasana: §
Set DB_PASSWORD to § before starting
ssh root@10.0.0.4 (pw §)
Sua nova senha: §
temporary password: §
The answer to the question about the staging password: §
The door code... kidding. The server password is § though
The keystore password is `§`, alias upload
the old password (§) no longer works
The webhook secret should be set to ¤
The Wi-Fi is GuestNet, password §
ton mdp temporaire : §
Tu nueva contraseña: §
usa la clave § para entrar
usa la password §
use a senha §
Uusi salasana: §
VPN: user jo, pass §
Wachtwoord: §
we set the default password to "§" on all boxes
wifi password at the office: §
WiFi密码 §
WLAN-Passwort: §
WLAN-Schlüssel lautet §
Yeni şifre: §
Your account has been created. Username: jo Password: §
Κωδικός πρόσβασης: §
Ключ API: ¤
новый пароль §
Пароль администратора: §
كلمة المرور الجديدة: §
नया पासवर्ड: §
口令: §
新しいパスワードは § です
管理员密码:§
管理者パスワード:§
비밀번호: §
새 비밀번호는 § 입니다
"""

TEXTS = {"config": CONFIGS, "command": COMMANDS, "prose": SENTENCES}
AIMS = {"config": 0.95, "command": 0.95, "prose": 0.90}


def samples(seed: int) -> Iterator[Sample]:
    """Each text with a secret of each shape that it can have."""
    rng = random.Random(seed)
    for kind, texts in TEXTS.items():
        for template in texts.strip().splitlines():
            mark, makes = ("§", PASSWORDS) if "§" in template else ("¤", TOKENS)
            for shape, make in makes.items():
                secret = make(rng)
                yield Sample(kind, f"{shape}: {template}", template.replace(mark, secret), secret)
