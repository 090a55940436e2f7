"""Variables of the environment where a number or a boolean is wanted, and what is told of them where they are no such thing."""
import pytest

from support.client import get
from support.gateway import Gateway, check

S = "services: { u: { endpoints: [http://127.0.0.1:19101], internal: true } }\n"
ROUTE = "routes: [{ match: /x, respond: {} }]\n"


def limited(limit):
    return "routes: [{ match: /x, use: [{ rate_limit: { limit: %s, window: 60s, key: all } }], respond: {} }]\n" % limit


@pytest.mark.parametrize("config, env", [
    ('services: { u: { endpoints: [http://127.0.0.1:1], internal: "${V}" } }\nroutes: [{ match: /x, forward: { service: u } }]\n', {"V": "true"}),
    ('services: { u: { endpoints: [http://127.0.0.1:1], internal: \'${V}\' } }\nroutes: [{ match: /x, forward: { service: u } }]\n', {"V": "False"}),
    ('services: { u: { endpoints: [http://127.0.0.1:1], max_idle: "${V}" } }\nroutes: [{ match: /x, forward: { service: u } }]\n', {"V": "5"}),
    ('services: { u: { endpoints: [http://127.0.0.1:1], max_idle: "${V}${W}" } }\nroutes: [{ match: /x, forward: { service: u } }]\n', {"V": "5", "W": "6"}),
    ('workers: "${V:-2}"\n' + ROUTE, {}),
    ('routes: [{ match: /x, respond: { status: "${V}" } }]\n', {"V": "204"}),
    ('routes: [{ match: /x, use: [{ rate_limit: { limit: 9, window: 1s, cost: "${V}" } }], respond: {} }]\n', {"V": "3"}),
    (limited('"${V}"'), {"V": "5"}),
])
def test_a_quoted_variable_is_read_as_the_number_or_boolean_that_is_wanted(config, env):
    told = check(config, env=env)
    assert told.code == 0, told.out


def test_a_quoted_variable_limits_as_its_number_says():
    with Gateway(limited('"${V}"'), env={"V": "1"}) as gateway:
        assert [get(gateway.port, "/x").status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("env,body", [({}, b"[text] [text]"), ({"V": ""}, b"[text] [text]"), ({"V": " "}, b"[ ] [ ]"), ({"V": "set"}, b"[set] [set]")])
def test_t51_a_default_stands_in_for_an_empty_variable_too(env, body):
    with Gateway('routes: [{ match: /x, respond: { body: "[${V:-text}] [${V:-text}${NONE:-}]" } }]\n', env=env) as gateway:
        assert get(gateway.port, "/x").body == body


def test_a_quoted_variable_stays_a_text_in_a_body():
    with Gateway('routes: [{ match: /x, respond: { body: { a: "${V}", b: ${W} } } }]\n'.replace("${W}", '"${W}"'), env={"V": "5", "W": "true"}) as gateway:
        assert get(gateway.port, "/x").body == b'{"a":"5","b":"true"}'


@pytest.mark.parametrize("written", ['"5"', '"${V}5"', '"5${E}"', '"$${V}"', '!!str "${V} "'])
def test_what_is_more_than_variables_stays_a_text(written):
    told = check(limited(written), env={"V": "5", "E": ""})
    assert told.code == 1 and "a whole number" in told.out, told.out


@pytest.mark.parametrize("value, said", [("maybe-it-is", 'found "${V}"  ['), ("7", 'found "${V}", which is 7  ['), ("null", 'found "${V}", which is null  [')])
def test_a_message_about_a_variable_keeps_its_own_words(value, said):
    told = check('services: { u: { endpoints: [http://127.0.0.1:1], internal: "${V}" } }\n' + ROUTE, env={"V": value, "OTHER": "true", "MORE": "false"})
    assert "expected true or false" in told.out and said in told.out, told.out


def test_a_text_of_the_file_is_shown_as_it_is_written_though_a_variable_holds_the_same():
    told = check(S + 'routes: [{ match: /x, use: [{ rate_limit: { limit: 1, window: 1s, key: "header.x-${I}" } }], forward: { service: users } }]\n', env={"I": "users"})
    assert 'there is no service named "users"' in told.out, told.out


def test_a_secret_of_the_file_is_hidden_though_a_variable_holds_the_same():
    told = check('policies: { p: { jwt: { algorithms: [HS256], secret: [hunter2-hunter2] } } }\nlog: { file: "/nowhere/${W}" }\n' + ROUTE, env={"W": "hunter2-hunter2"})
    assert "hunter2" not in told.text, told.text


JWT = "routes: [{ match: /x, use: [{ jwt: { algorithms: [HS256], secret: %s } }], respond: {} }]\n"
KEY = "routes: [{ match: /x, use: [{ api_key: { keys: [{ name: a, sha256: %s }] } }], respond: {} }]\n"
BASIC = "routes: [{ match: /x, use: [{ basic: { htpasswd: %s } }], respond: {} }]\n"
STORE = "stores: { s: { redis: %s } }\npolicies: { l: { rate_limit: { limit: 1, window: 1s, store: s, on_store_failure: deny } } }\nroutes: [{ match: /x, use: [l], respond: {} }]\n"


@pytest.mark.parametrize("config", [JWT % '"${V}"', JWT % '{ base64: "${V}" }', KEY % '"${V}"', BASIC % '"${V}"', STORE % '"${V}"', STORE % '"redis://:${V}@h:6379"',
                                    (STORE % '"rediss://:${V}@h:6379", ca: ca.pem')])
def test_an_unset_variable_of_a_secret_is_one_fault(config):
    told = check(config, files={"ca.pem": ""})
    assert told.out.count(": error: ") == 1 and "[unset-variable]" in told.out and "${V}" in told.out, told.out


@pytest.mark.parametrize("config", [JWT % '"${V}"', JWT % '{ base64: "${V}" }', KEY % '"${V}"', BASIC % '"${V}"', STORE % '"${V}"'])
def test_a_variable_of_a_secret_that_is_set_and_empty_is_told_as_such(config):
    told = check(config, env={"V": ""})
    assert told.out.count(": error: ") == 1 and "${V} is set and empty" in told.out and "such as" not in told.out, told.out


def test_names_of_variables_are_shown_in_lines_that_hold_secrets():
    told = check(STORE % '"redis://u:ab${REDIS_PASSWORD}@h:${PORT:-hunter2}/x$${NAME}"', env={"REDIS_PASSWORD": "hunter3"})
    assert "${REDIS_PASSWORD}" in told.out and "${PORT:-*******}" in told.out and "hunter" not in told.text and "${NAME}" not in told.out, told.out


@pytest.mark.parametrize("config", [
    'services: { s: "${V}" }\nroutes: [{ match: /x, forward: { service: s } }]\n',
    'services: { s: { endpoints: ["${V}"] } }\nroutes: [{ match: /x, forward: { service: s } }]\n',
    'services: { s: http://127.0.0.1:1 }\nroutes: [{ match: /x, forward: { service: s, path: "${V}" } }]\n',
    'services: { s: http://127.0.0.1:1 }\nroutes: [{ match: /x, forward: { service: s, host: "${V}" } }]\n',
    'routes: [{ match: "${V}", respond: {} }]\n',
    'routes: [{ match: { path: /x, methods: "${V}" }, respond: {} }]\n',
    'routes: [{ match: { path: /x, host: "${V}" }, respond: {} }]\n',
    'routes: [{ match: { path: /x, headers: { A: "${V}" } }, respond: {} }]\n',
    'routes: [{ match: /x, respond: { body: "${V}", headers: { X-A: "${V:-a}" } } }]\n',
    'routes: [{ match: /x, redirect: { to: "${V}" } }]\n',
    'routes: [{ match: /x, use: ["${V}"], respond: {} }]\n',
    'routes: [{ match: /x, use: [{ cors: { origins: "${V}" } }], respond: {} }]\n',
    'routes: [{ match: /x, use: [{ ip_access: { allow: "${V}" } }], respond: {} }]\n',
    'routes: [{ match: /x, use: [{ rate_limit: { limit: 1, window: "${V}" } }], respond: {} }]\n',
    'routes: [{ match: /x, use: [{ rate_limit: { limit: 1, window: 1s, key: "${V}" } }], respond: {} }]\n',
    'routes: [{ match: /x, use: [{ rate_limit: { limit: "${V}", window: 1s } }], respond: {} }]\n',
    'managed_headers: "${V}"\n' + ROUTE, 'trusted_proxies: "${V}"\n' + ROUTE, 'workers: "${V}"\n' + ROUTE, 'io: ${V}\n' + ROUTE, 'log: { file: "${V}" }\n' + ROUTE,
    'forwarding: { client_ip_from: "${V}" }\n' + ROUTE,
])
def test_an_unset_variable_is_one_fault_wherever_it_stands(config):
    told = check(config)
    assert told.out.count(": error: ") == 1 and "[unset-variable]" in told.out, told.out
