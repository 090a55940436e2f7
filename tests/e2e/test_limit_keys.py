"""Whom a limit counts: the first value that is there, everybody together, a cookie; for requests in time and for those at once."""
import pytest

from support.client import get
from support.gateway import Gateway, check
from support.tokens import SECRET, claims, hs
from support.upstream import Echo

CONFIG = f"""
trusted_proxies: [127.0.0.0/8]
policies:
  known: {{ jwt: {{ algorithms: [HS256], secret: "{SECRET}", optional: true }} }}
  first: {{ rate_limit: {{ limit: 1, window: 1h, key: {{ first: [claims.sub, cookie.sid, client.ip] }} }} }}
  named: {{ rate_limit: {{ limit: 1, window: 1h, key: {{ first: [header.X-A, query.a] }} }} }}
  all: {{ rate_limit: {{ limit: 2, window: 1h, key: all }} }}
  cookie: {{ rate_limit: {{ limit: 1, window: 1h, key: cookie.sid }} }}
  plan: {{ rate_limit: {{ limit: {{ by: claims.plan, values: {{ gold: 2 }}, default: 1 }}, window: 1h, key: client.ip }} }}
  busy: {{ concurrency: {{ limit: 1, key: {{ first: [claims.sub, client.ip] }} }} }}
  own: {{ authorize: {{ claims: {{ all: {{ tenant: "{{cookie.tenant}}" }} }} }} }}
  strict: {{ jwt: {{ algorithms: [HS256], secret: "{SECRET}" }} }}
services: {{ s: URL }}
routes:
  - {{ match: /first, use: [known, first, busy], respond: {{ body: ok }} }}
  - {{ match: /named, use: [named], respond: {{ body: ok }} }}
  - {{ match: /all, use: [all], respond: {{ body: ok }} }}
  - {{ match: /cookie, use: [cookie], respond: {{ body: ok }} }}
  - {{ match: /plan, use: [known, plan], respond: {{ body: ok }} }}
  - {{ match: /own, use: [strict, own], respond: {{ body: ok }} }}
  - {{ match: /sent, forward: {{ service: s, path: "/of/{{cookie.sid}}?c={{cookie.other}}" }} }}
"""


@pytest.fixture(scope="module")
def gateway():
    with Echo() as echo, Gateway(CONFIG.replace("URL", echo.url)) as running:
        yield running


def from_ip(address):
    return ("X-Forwarded-For", address)


def signed(sub, **more):
    return ("Authorization", "Bearer " + hs(claims(sub, **more)))


def test_t40_a_guest_counts_by_address_and_a_user_by_name(gateway):
    ask = lambda *headers: get(gateway.port, "/first", headers).status  # noqa: E731
    assert [ask(from_ip("10.0.0.1")), ask(from_ip("10.0.0.1")), ask(from_ip("10.0.0.2"))] == [200, 429, 200]
    # The same address, but somebody; wherever they come from.
    assert [ask(from_ip("10.0.0.1"), signed("alice")), ask(from_ip("10.0.0.9"), signed("alice"))] == [200, 429]
    # Told apart by what it was: a cookie or a name that says what another value is. From an address that has asked nothing yet: the place that
    # the first request had at `busy` is free a moment after its response, which is longer where the machine is full.
    assert [ask(from_ip("10.0.0.4"), ("Cookie", "sid=alice")), ask(from_ip("10.0.0.1"), signed("10.0.0.1"))] == [200, 200]
    assert ask(from_ip("10.0.0.3"), ("Cookie", "sid=")) == 200 and ask(from_ip("10.0.0.3"), ("Cookie", "other=1")) == 429


def test_where_none_is_there_the_request_fails(gateway):
    assert get(gateway.port, "/named?a=1").status == 200 and get(gateway.port, "/named?a=1").status == 429
    answer = get(gateway.port, "/named", [("X-A", "")])
    assert (answer.status, answer.code) == (400, "route.value_refused")
    assert "header.X-A, query.a" in gateway.access_line(lambda line: line["status"] == 400 and line["path"] == "/named")["detail"]


def test_t40_all_is_one_count(gateway):
    assert [get(gateway.port, "/all", [from_ip(f"10.1.0.{n}")]).status for n in range(3)] == [200, 200, 429]


def test_t40_a_cookie_is_a_value(gateway):
    ask = lambda *cookies: get(gateway.port, "/cookie", [("Cookie", c) for c in cookies]).status  # noqa: E731
    assert [ask("a=1; sid=x"), ask("sid=x; b=2"), ask("sid=y"), ask("a=1", "b=2;sid = z "), ask("sid=z")] == [200, 429, 200, 200, 429]
    assert ask("SID=x") == 400 and ask("a=sid=x") == 400
    seen = get(gateway.port, "/sent", [("Cookie", 'sid=a/b c; other="q&1"')])
    assert seen.status == 400
    assert get(gateway.port, "/sent", [("Cookie", 'sid=a c; other="q&1"')]).json()["target"] == "/of/a%20c?c=%22q%261%22"


@pytest.mark.parametrize("route", [
    'use: [{ rate_limit: { limit: { by: cookie.a, values: { x: 1 }, default: 2 }, window: 1s, key: [cookie.a, client.ip], cost: cookie.b } }], respond: {}',
    'use: [{ concurrency: { limit: 1, key: "{cookie.a}" } }], respond: { headers: { X-A: "{cookie.a}" }, body: { a: "{cookie.a}" } }',
    'use: [{ transform: { request: { headers: { set: { X-A: "{cookie.a}" } }, query: { set: { a: "{cookie.a}" } } }, response: { headers: { set: { X-A: "{cookie.a}" } } } } }], forward: { service: s }',
    'use: [{ forward_auth: { service: s, path: "/may/{cookie.a}" } }], redirect: { to: "/x/{cookie.a}?a={cookie.b}" }',
    'aggregate: { calls: { one: { service: s, path: "/{cookie.a}", headers: { X-A: "{cookie.a}" } } }, body: { a: "{cookie.a}", one: $one } }'])
def test_t40_a_cookie_may_stand_wherever_a_value_is_named(route):
    ran = check("services: { s: 'http://127.0.0.1:1' }\nroutes: [{ match: /x, " + route + " }]\n")
    assert ran.code == 0 and ": error: " not in ran.text, ran.text


def test_a_cookie_that_is_there_twice_holds_for_no_claim(gateway):
    ask = lambda *cookies: get(gateway.port, "/own", [signed("a", tenant="mine"), *(("Cookie", c) for c in cookies)]).status  # noqa: E731
    assert [ask("tenant=mine"), ask("tenant=other"), ask(), ask("tenant=mine; tenant=other"), ask("tenant=mine", "tenant[]=other")] == [200, 403, 403, 403, 403]


def test_without_an_identity_a_limit_by_plan_is_the_default(gateway):
    ask = lambda *headers: get(gateway.port, "/plan", headers).status  # noqa: E731
    assert [ask(from_ip("10.2.0.1")), ask(from_ip("10.2.0.1"))] == [200, 429]
    assert [ask(from_ip("10.2.0.2"), signed("a", plan="gold")) for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("plan", [["gold"], {"gold": 1}, []])
def test_a_plan_that_is_a_list_or_an_object_is_no_plan_and_no_missing_one(gateway, plan):
    answer = get(gateway.port, "/plan", [from_ip("10.2.1.1"), signed("a", plan=plan)])
    assert answer.status == 403 and answer.code == "route.claim_refused", answer.body


@pytest.mark.parametrize("key,said", [
    ("{ first: [claims.sub] }", "first has 2 to 8 values"), ("{ first: [claims.sub, client.ip] }", ": claims.sub has no value here"), ("{ any: [client.ip] }", "{ first: [claims.sub, client.ip] } or all"),
    ("[all, client.ip]", ": all names nothing that is known on this route"), ("\"{all}\"", "{all} names nothing"), ("{ first: [client.ip, nothing] }", ": nothing names nothing"),
    ("user", "hint: known are client.ip request.method"), ("ip", "did you mean client.ip? (known are client.ip "), ("cookies.sid", "did you mean cookie.sid?"),
    ("{ fist: [claims.sub, client.ip] }", "did you mean first?")])
@pytest.mark.parametrize("policy", ["rate_limit: { limit: 1, window: 1s, key: KEY }", "concurrency: { limit: 1, key: KEY }"])
def test_a_key_that_names_nobody_is_a_load_error(policy, key, said):
    ran = check("routes: [{ match: /x, use: [{ " + policy.replace("KEY", key) + " }], respond: {} }]\n")
    assert ran.code == 1 and said in ran.out, ran.text
    assert "write {{" not in ran.text or "{{" in key or '"{' in key, ran.text


def test_all_in_braces_is_a_parameter_of_the_path():
    config = 'routes: [{ match: "/{all}", use: [{ rate_limit: { limit: 1, window: 1h, key: "{all}" } }], respond: {} }]\n'
    with Gateway(config) as gateway:
        assert [get(gateway.port, path).status for path in ("/a", "/a", "/b")] == [200, 429, 200]


@pytest.mark.parametrize("key", ["all", "{ first: [header.a, client.ip] }"])
def test_overrides_name_keys_of_one_value(key):
    ran = check(f"routes: [{{ match: /x, use: [{{ rate_limit: {{ limit: 1, window: 1s, key: {key}, overrides: {{ a: 2 }} }} }}], respond: {{}} }}]\n")
    assert ran.code == 1 and "[limit-shape]" in ran.out, ran.text


def test_a_header_that_was_taken_off_and_set_again_is_a_key():
    use = ("[{ api_key: { keys: [{ name: a, sha256: 0123456789012345678901234567890123456789012345678901234567890123 }] } }, { transform: { request: { headers: { set: { X-API-Key: '{claims.sub}' } } } } },"
           " { rate_limit: { limit: 1, window: 1h, key: header.X-API-Key } }]")
    ran = check("routes: [{ match: /, use: " + use + ", respond: {} }]\n")
    assert ran.code == 0 and "[taken-off]" not in ran.text, ran.text
