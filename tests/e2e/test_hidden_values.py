"""What nobody is shown: secrets of the file, in whatever form YAML lets them stand; values of the environment and of files, which have names;
and the credentials of a request that is explained. LANGUAGE.md §1."""
import hashlib
import time

import pytest

from support.gateway import SANITIZED, Gateway, check, command, explain
from support.tokens import SECRET, claims, hs

WEAK = "hunter2-hunter2"
POLICY = """
policies:
  p:
    jwt:
      algorithms: [HS256]
      secret: {}
routes: [{{ match: /x, use: [p], respond: {{}} }}]
"""


def told(config, env=None, files=None):
    """What a check says, to people and to programs."""
    ran = check(config, env=env, files=files)
    assert "[" in ran.text, "there was to be a fault, so that lines are shown: " + ran.text
    return ran.text


@pytest.mark.parametrize("written", [
    WEAK, f'"{WEAK}"', f"'{WEAK}'", '"hunter2\\x2dhunter2"', f"|\n        {WEAK}", f"|-\n        {WEAK}", f">\n        {WEAK}", f'"hunter2-\\\n        hunter2"',
    f"&anchored {WEAK}", f"!!str {WEAK}", f"[{WEAK}]", f"{{ value: {WEAK} }}", f"{{ {WEAK} }}", f"{{ fil: {WEAK} }}", f"{{ base64: {WEAK}! }}",
    f'"${{UNSET_OF_TEST:-{WEAK}}}"', f'"hunter2${{TAIL}}"'])
def test_t50_a_secret_of_the_file_is_shown_in_none_of_the_forms_that_yaml_has_for_it(written):
    text = told(POLICY.format(written), env={"TAIL": "-hunter2"})
    assert "hunter2" not in text and "p" in text, text


def test_t50_a_weak_secret_is_warned_of_and_not_shown_by_a_check_an_explanation_or_a_start():
    config = POLICY.format("hunter2hunter2")
    assert "[weak-key]" in told(config) and "hunter2" not in told(config)
    ran = explain(config, "GET", "/x", ["Authorization: Bearer " + hs(claims(), secret="hunter2hunter2")])
    assert ran.code == 0 and "hunter2" not in ran.text, ran.text
    with Gateway(config) as gateway:
        said = "\n".join(gateway.stderr)
        assert "[weak-key]" in said and "secret: " in said and "hunter2" not in said, said


def test_a_secret_behind_an_alias_is_not_shown_where_its_anchor_stands():
    text = told(f"x-secrets: {{ one: &one {WEAK}, one: again }}\n" + POLICY.format("*one"))
    assert "hunter2" not in text and "duplicate-key" in text, text


@pytest.mark.parametrize("line", [
    "      secrt: {}", "      secret: good\n      secret: {}", "      client_secret: {}", "      issuers: {{ secret: {} }}", "      password: [{}, {{ of: {} }}]"])
def test_a_secret_under_a_key_that_is_wrong_is_not_shown(line):
    text = told(POLICY.format("\"${S}\"\n" + line.replace("{}", WEAK).replace("{{", "{").replace("}}", "}")), env={"S": SECRET})
    assert "hunter2" not in text, text


@pytest.mark.parametrize("broken", [
    "secret: [{s} }", 'secret: "{s}', "secret: { {s}: [ }", "\tsecret: {s}", "secret: |\n        {s}\n        \x07{s}", 'x: {y, secret: {s}, z: "',
    "jwks: [https://u:{s}@issuer.example/ }", "redis: [redis://:{s}@host }"])
def test_a_secret_of_a_file_that_is_no_yaml_is_not_shown(broken):
    text = told(POLICY.format("good").replace("      secret: good", "      " + broken.replace("{s}", WEAK)))
    assert "hunter2" not in text and "yaml-syntax" in text, text


@pytest.mark.parametrize("url,key", [("redis://u:{s}@host/x", "redis"), ("redis://:{s}/{s}@host/x", "redis"), ("rediss://{s}@host:99999", "redis"), ("redis://host", "redsi")])
def test_t79_a_password_of_a_store_is_not_shown(url, key):
    url = url.replace("{s}", WEAK)
    for written in (url, f'"{url}"', f"|\n      {url}", f"[{url}]", f'"${{UNSET_OF_TEST:-{url}}}"'):
        text = told(f"stores:\n  s:\n    timeout: 5\n    {key}: {written}\nroutes: [{{ match: /x, respond: {{}} }}]\n")
        assert "hunter2" not in text, text


@pytest.mark.parametrize("place", ["services: {{ s: {url} }}", "services: {{ s: {{ endpoints: [{url}] }} }}",
                                   "policies: {{ p: {{ jwt: {{ algorithms: [RS256], jwks: {url}/k }} }} }}"])
def test_a_password_of_any_url_is_not_shown(place):
    text = told(place.format(url=f"http://admin:{WEAK}@10.0.0.1") + "\nroutes: [{ match: /x, respond: {} }]\n")
    assert "hunter2" not in text and "10.0.0.1" in text, text


@pytest.mark.parametrize("value", ["backend-of-the-bank", "bank"])
def test_t79_what_came_from_the_environment_is_shown_by_its_name(value):
    env = {"VALUE": value}
    for line in ('services: { "a": "${VALUE}" }', 'policies: { p: { rate_limit: { key: "${VALUE}", limit: 1, window: 1s } } }', 'log: { file: "/nowhere/${VALUE}" }',
                 'trusted_proxies: ["${VALUE}"]', 'io: "${VALUE}"', 'timeouts: { head: "${VALUE}" }'):
        text = told(line + "\nroutes: [{ match: /x, respond: {} }]\n", env=env)
        assert value not in text and "${VALUE}" in text, text


def test_what_came_from_a_file_is_shown_by_its_name():
    config = "policies: { p: { basic: { htpasswd: { file: users } } }, q: { jwt: { algorithms: [HS256], secret: { file: s } } } }\nroutes: [{ match: /x, respond: {} }]\n"
    text = told(config, files={"users": "mallory-of-the-bank:plain-password\n", "s": WEAK})
    assert "plain-password" not in text and "hunter2" not in text, text


EXPLAINED = """
services: { app: "http://127.0.0.1:9" }
policies:
  key: { api_key: { from: { query: access_key }, keys: [{ name: ops, sha256: %s }] } }
  token: { jwt: { algorithms: [HS256], secret: "${SECRET}", from: [{ header: X-Token }], forward_token: true } }
  set: { transform: { request: { headers: { set: { Authorization: "Basic ${BACKEND}", X-Backend: "${BACKEND}", X-Stage: "${STAGE}", X-Copy: "{header.cookie}" } } } } }
routes:
  - { name: set, match: { path: /set, headers: { X-Partner: "${PARTNER}" } }, use: [set], forward: { service: app } }
  - { name: token, match: /token, use: [token], forward: { service: app } }
  - { name: away, match: /away, redirect: { to: "/other?{query}" } }
  - { name: whole, match: { path: /whole, headers: { X-Token: written-in-file } }, use: [set], aggregate: { calls: { a: { service: app, path: "/a/${BACKEND}", headers: { X-Call: "${BACKEND}" } } }, body: { a: $a } } }
""" % hashlib.sha256(b"opskey").hexdigest()
ENV = {"SECRET": SECRET, "BACKEND": "dXNlcjpodW50ZXIy", "STAGE": "prod", "PARTNER": "partner-token"}


def explained(method, url, headers=()):
    ran = explain(EXPLAINED, method, url, list(headers), env=ENV)
    assert ran.code == 0, ran.text
    return ran.text


def test_t79_explain_shows_what_came_from_the_environment_by_its_name():
    text = explained("GET", "/set", ["X-Partner: partner-token"])
    assert "X-Backend: ${BACKEND}" in text and "X-Stage: ${STAGE}" in text and "partner-token" not in text and ENV["BACKEND"] not in text, text
    text = explained("GET", "/set", ["X-Partner: other"])
    assert "its header condition: X-Partner = ${PARTNER}" in text and "partner-token" not in text, text
    text = explained("GET", "/whole", ["X-Token: written-in-file"])
    assert "GET /a/${BACKEND} HTTP/1.1" in text and "X-Call: ${BACKEND}" in text and ENV["BACKEND"] not in text, text


def test_explain_shows_no_credential_wherever_it_goes():
    token = hs(claims())
    text = explained("GET", "/token?access_key=opskey&a=b", [f"X-Token: {token}", "Authorization: Basic b3BzOm9wcw==", "Cookie: session=abcd1234; theme=dark"])
    assert "GET /token?access_key=…&a=b" in text and "X-Token: …" in text and "Authorization: …" in text and "Cookie: …" in text, text
    assert token not in text and "b3Bz" not in text and "abcd1234" not in text and "opskey" not in text, text
    text = explained("GET", "/set", ["X-Partner: partner-token", "Cookie: session=abcd1234"])
    assert "X-Copy: …" in text and "abcd1234" not in text, text
    assert "Location: /other?access_key=…" in explained("GET", "/away?access_key=opskey")
    assert "written-in-file" not in explained("GET", "/whole", ["X-Token: other"])


@pytest.mark.parametrize("file", [
    "policies: { p: { cors: { origins: ['${U}'] } } }\n", "stores: { s: { redis: '${U}' } }\n", "services: { s: '${U}' }\n", "policies: { p: { jwt: { algorithms: [RS256], audience: a, jwks: '${U}' } } }\n",
    "policies: { p: { jwt: { algorithms: [RS256], audience: a, oidc: '${U}' } } }\n", "trusted_proxies: ['${U}']\n", "listeners: [{ address: '${U}' }]\n",
])
@pytest.mark.parametrize("value", ["https://u:S3cr3tPaSs@app.example", "S3cr3tPaSs", "redis://redis:6379/S3cr3tPaSs", "http://u:x/S3cr3tPaSs?y@h:6379/0", "x://S3cr3tPaSs/a", "S3cr3tPaSs:80:90"])
def test_no_part_of_a_value_from_outside_is_told(file, value):
    ran = check("routes: []\n" + file, env={"U": value})
    assert "s3cr3tpass" not in ran.text.lower(), ran.text


@pytest.mark.parametrize("secret", ["!S3cr3tPaSs", "*S3cr3tPaSs", "&S3cr3tPaSs", "!<S3cr3tPaSs> x", "&S3cr3tPaSs {"])
def test_a_secret_that_begins_as_yaml_has_signs_is_not_shown(secret):
    ran = check("policies: { p: { jwt: { algorithms: [HS256], secret: " + secret + " } } }\nroutes: []\n")
    assert ran.code == 1 and "S3cr3t" not in ran.text, ran.text


def test_what_the_file_says_itself_is_told_though_a_value_says_it_too():
    env = {"USERS_URL": "http://users-service:8080", "APP_URL": "http://application:80"}
    ran = check("services: { users-service: '${USERS_URL}', app: '${APP_URL}' }\nroutes: [{ match: /, forward: { service: users-servic } }]\n", env=env)
    assert 'did you mean "users-service"?' in ran.text, ran.text
    ran = check("services: { app: '${APP_URL}' }\nroutes: [{ match: /, respond: { headers: { Content-Type: text/html }, body: { a: 1 } } }]\n", env=env)
    assert "application/problem+json" in ran.text, ran.text


@pytest.mark.parametrize("written", ['stores: { s: { redis: "redis://:${PW:s3cr3tpw}@h" } }', 'policies: { b: { basic: { htpasswd: "al:${HASH:s3cr3tpw}" } } }',
                                     "policies: { b: { basic: { htpasswd: *s3cr3tpw } } }", "stores: { s: { redis: !s3cr3tpw@h } }"])
def test_where_the_language_has_secrets_no_default_and_no_sign_is_shown(written):
    ran = check(written + "\nroutes: []\n")
    assert ran.code == 1 and "s3cr3tpw" not in ran.text, ran.text


def test_a_url_with_a_password_is_its_variable_all_the_same():
    ran = check("services: { s: '${U}' }\nroutes: []\n", env={"U": "http://user:p4ss@inner-host.corp:80/tok3n"})
    assert ran.code == 1 and "inner-host" not in ran.text and "tok3n" not in ran.text, ran.text


@pytest.mark.parametrize("policy", [
    "jwt: { algorithms: [HS256], secret:hunter2hunter2 }",
    "jwt: { algorithms: [HS256], secret=hunter2hunter2 }",
    "jwt: { algorithms: [HS256], secret hunter2hunter2 }",
    'jwt: { algorithms: [HS256], "secret:hunter2hunter2" }',
    "jwt:\n      secret:hunter2hunter2",
    "jwt:\n      secret = hunter2hunter2",
    "jwt:\n      secret hunter2hunter2",
    "jwt:\n      ? secret : hunter2hunter2",
    "api_key: { keys: [hunter2hunter2] }",
    "api_key: { keys: { hunter2hunter2: bob } }",
    "api_key: { keys: hunter2hunter2 }",
    "api_key: { keys: [ { hunter2-key-9: acme } ] }",
    "jwt: { algorithms: [HS256], keys: hunter2hunter2 }",
    "jwt: secret:hunter2",
    'jwt:\n      "secret:hunter2hunter2"',
    "jwt: >\n      secret:hunter2hunter2",
    "jwt: [ secret:hunter2 ]",
    "any_of: [ secret:hunter3hunter2 ]",
    "jwt: { hmac_secret hunter2 in three words }",
])
def test_t50_a_secret_whose_key_is_written_wrong_is_not_shown(policy):
    config = "policies:\n  p:\n    " + policy + "\nroutes: [{ match: /x, use: [p], respond: {} }]\n"
    for options in ((), ("--json",)):
        told = command("check", *options, config=config + "listeners: [{ address: 127.0.0.1:0 }]\n")
        assert told.code == 1 and "hunter2" not in told.text, told.text


def test_what_is_no_secret_is_shown_in_the_faults_of_the_file():
    """Lists under a key such as `keys` are data elsewhere, and words of the language are in every message."""
    told = check("""
services: { up: http://127.0.0.1:1 }
stores:
  r:
    redis:
      redis://cache.internal:99999/0
routes:
  - { match: /a, respond: { body: { keys: [service, forward, route, unknown, timeouts, expected] } } }
  - { match: /b, respond: { body: { keys: ["{params.usr}"], identifier: "Token expired", hint: "secret: shared" } } }
  - { match: /c, forward: { servce: up, timeout: 1s } }
""")
    assert told.code == 1 and "…" not in told.text, told.text
    for said in ('needs the key "service"', 'unknown key "servce" in forward', 'did you mean "timeouts"?', "{params.usr} names nothing", "redis://cache.internal:99999/0"):
        assert said in told.text, told.text
    assert '{ keys: ["{params.usr}"], identifier: "Token expired"' in told.text, told.text


def test_many_keys_and_many_faults_are_judged_in_their_time():
    keys = ", ".join(f"key-number-{n}" for n in range(8000))
    begun = time.monotonic()
    told = check(f"policies: {{ p: {{ api_key: {{ keys: [{keys}] }} }} }}\nroutes: [{{ match: /x, use: [p], respond: {{}} }}]\n")
    assert told.code == 1 and "key-number" not in told.text
    assert time.monotonic() - begun < (2 if not SANITIZED else 20)


def test_a_key_whose_colon_has_no_space_is_told_so():
    told = check("routes: [{ match:/x, respond: {} }]\n")
    assert "a colon that ends a key has a space behind it" in told.text, told.text
