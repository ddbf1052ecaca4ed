"""Keys that say secret mask their value whatever it looks like; counts, ids, references, paths and code stay."""

from __future__ import annotations

import pytest

from collector.redact.rules.vocabulary import LONGEST_NAME, Says, holds_secret, name_says

SAY_SECRET = (
    "token secret pass password passwd pwd GITHUB_TOKEN db_pass signing_key PGPASSWORD githubtoken apikey x-api-key api-key"
    " http.request.header.x-vault-token http.request.header.authorization secret_key_base DB_PASSWORD_PRODUCTION dbPassword"
    " DB_PASSWORD_ADMIN API_KEY_MAIN primaryMasterKey TYPESENSE_ADMIN_KEY AWS_SECRET_ACCESS_KEY clientSecret smtp_pass requirepass"
    " credentials privateKey access_token refreshToken webhook_secret encryption_key vault.token passphrase otp AUTH_KEY token2"
    " STRIPE_SECRET_KEY jwtSecret cookie set-cookie sshPassword account_key password_confirmation secretAccessKey kennwort senha"
    " contraseña пароль 密码 パスワード 비밀번호 recovery_code seed_phrase"
)  # fmt: skip
SAY_NOTHING = (
    "token_count max_tokens llm.token_count.prompt gen_ai.usage.input_tokens session.id user.id input.value secretName secret_name"
    " token_type tokenizer bos_token eos_token_id next_token pageToken primary_key cacheKey queryKey idempotencyKey public_key compass"
    " bypass keyboard passed token_endpoint password_policy forgotPassword has_password password_reset_url monkey keyword author"
    " authority pass_count x-session-affinity secret_santa password_length tokens key_name partition_key sort_key secretRef oauth"
    " tokenExpiresAt turkey passenger credentialsFile llm.token_count.completion_details.reasoning time_to_first_token"
)  # fmt: skip


@pytest.mark.parametrize("name", SAY_SECRET.split())
def test_a_name_that_says_secret(name: str) -> None:
    """Its value goes whatever it looks like: a word, letters only, a sentence."""
    assert name_says(name) in (Says.SECRET, Says.PASSWORD)
    for value in ("hello", "egxazgtxtmkrhagqxoealgax", "My dog's name 2019", "x7K2mQ9vT4bW8nR3", "4a8f-77"):
        assert holds_secret(name, value), value


@pytest.mark.parametrize("name", SAY_NOTHING.split())
def test_a_name_that_only_sounds_so(name: str) -> None:
    assert name_says(name) is Says.NOTHING
    assert not holds_secret(name, "x7K2mQ9vT4bW8nR3cY6pL1zD5fH0jS2g")


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "true", "None", "512", "0.25", "12 ms", "${TOKEN}", "$TOKEN", "{{ .Values.token }}", "<your-token>", "%TOKEN%",
        "op://vault/item/password", "vault:secret/data/app#password2", "!secret openai_key_2", "arn:aws:secretsmanager:eu:1:secret:x",
        "process.env.TOKEN", "os.environ['TOKEN']", "settings.TOKEN", "tokens[i + 1]", "getToken()", "secrets.GITHUB_TOKEN",
        "/run/secrets/db_password", "./token.txt", "~/.config/token", "C:\\keys\\a.pem", "https://login.corp.io/oauth2/token",
        "********", "xxxx", "[REDACTED:github-token]", "access_token", "client_secret_post", "Enter your password",
        "Password must contain at least one digit", "Bearer $TOKEN", "string",
    ],
)  # fmt: skip
def test_what_stands_for_a_secret_stays(value: str) -> None:
    """Counts, truth values, references, paths, addresses, names of fields, sentences and code."""
    assert not holds_secret("token", value)


@pytest.mark.parametrize("name", ["key", "EVENT_GRID_KEY", "API_KEY_GEMINI", "auth", "NONCE_SALT"])
def test_where_a_name_leaves_it_open_the_value_decides(name: str) -> None:
    assert holds_secret(name, "gfHZ8AOcFAtKJ0A5bvSAUNB6CK1a2HnhbLYy65fy")
    for value in (
        "oauth2-proxy-7.6.0",
        "row-17",
        "PROJ-1234",
        "ses_dfc1d25eafferSHy4m6iZW5Y0Q",
        "user:1:profile",
        "left",
    ):
        assert not holds_secret(name, value)


def test_digits_under_a_password_are_one_and_under_a_token_a_count() -> None:
    assert holds_secret("password", "123456")
    assert not holds_secret("token", "123456")


def test_a_name_longer_than_any_key_says_nothing() -> None:
    assert name_says("a" * LONGEST_NAME + "_token") is Says.NOTHING
