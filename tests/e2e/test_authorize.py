"""authorize: what who asks may do."""
import hashlib

import pytest

from support.client import Client, get, head
from support.gateway import Gateway, check, explain
from support.tokens import SECRET, bearer, claims, hs
from support.upstream import Echo


def sha(key):
    return hashlib.sha256(key.encode()).hexdigest()


KEYS = f"""api_key:
      keys:
        - {{ name: writer, sha256: {sha('writer')}, claims: {{ scope: "orders:read orders:write", roles: [ops], tenant: acme, level: 2 }} }}
        - {{ name: reader, sha256: {sha('reader')}, claims: {{ scp: [orders:read], roles: [user, suspended], tenant: top-secret-tenant }} }}
        - {{ name: bare, sha256: {sha('bare')} }}
"""
CONFIG = f"""
policies:
  known:
    {KEYS}
  watched-key: {{ mode: shadow, api_key: {{ keys: [{{ name: a, sha256: {sha('a')} }}] }} }}
  write: {{ authorize: {{ scopes: {{ all: [orders:write, orders:read] }} }} }}
  tok: {{ jwt: {{ algorithms: [HS256], secret: {SECRET} }} }}
  either: {{ any_of: [tok, known] }}
  one: {{ authorize: {{ scopes: {{ all: [a], any: [b] }} }} }}
  some: {{ authorize: {{ scopes: {{ any: [read, write] }} }} }}
  ops: {{ authorize: {{ roles: {{ any: [ops, admin], none: [suspended] }} }} }}
  acme: {{ authorize: {{ claims: {{ all: {{ tenant: acme, level: [2, 3] }} }} }} }}
  watched: {{ mode: shadow, authorize: {{ scopes: {{ all: [orders:write] }} }} }}
routes:
  - {{ match: /write, use: [known, write], respond: {{ body: ok }} }}
  - {{ match: /token/write, use: [tok, write], respond: {{ body: ok }} }}
  - {{ match: /token/one, use: [tok, one], respond: {{ body: ok }} }}
  - {{ match: /token/some, use: [tok, some], respond: {{ body: ok }} }}
  - {{ match: /either, use: [either, write], respond: {{ body: ok }} }}
  - {{ match: /ops, use: [known, ops], respond: {{ body: ok }} }}
  - {{ match: /acme, use: [known, acme], respond: {{ body: ok }} }}
  - {{ match: /all, use: [known, write, ops, acme], respond: {{ body: ok }} }}
  - {{ match: /watched, use: [known, watched], respond: {{ body: ok }} }}
  - {{ match: /both-watched, use: [watched-key, watched], respond: {{ body: ok }} }}
  - match: /shaped
    use: [known, write]
    respond: {{ body: ok }}
    errors: {{ error: "{{error.title}}", why: "{{error.detail}}" }}
"""


SHORT = 'Bearer realm="Restricted", error="insufficient_scope"'


@pytest.fixture(scope="module")
def gateway():
    with Gateway(CONFIG) as running:
        yield running


def ask(gateway, path, key, request_id="-"):
    return get(gateway.port, path, [("X-API-Key", key), ("X-Request-ID", request_id)])


@pytest.mark.parametrize("path,key,status", [
    ("/write", "writer", 200), ("/write", "reader", 403), ("/write", "bare", 403), ("/write", "nobody", 401),
    ("/ops", "writer", 200), ("/ops", "reader", 403), ("/acme", "writer", 200), ("/acme", "reader", 403),
    ("/all", "writer", 200), ("/all", "bare", 403), ("/watched", "reader", 200), ("/both-watched", "a", 200), ("/both-watched", "x", 200)])
def test_who_may_and_who_may_not(gateway, path, key, status):
    assert ask(gateway, path, key).status == status


def test_a_missing_scope_is_named_and_can_be_asked_for(gateway):
    answer = ask(gateway, "/write", "reader")
    assert answer.code == "authorize.refused" and answer.json()["title"] == "Forbidden"
    assert answer.json()["detail"] == "The scope orders:write is missing."
    answer = get(gateway.port, "/token/write", bearer(hs(claims("al"))))
    assert answer.status == 403 and answer.get("WWW-Authenticate") == SHORT + ', scope="orders:write orders:read"'


def test_only_scopes_that_are_all_needed_are_listed(gateway):
    assert get(gateway.port, "/token/one", bearer(hs(claims("al")))).get("WWW-Authenticate") == SHORT + ', scope="a b"'
    assert get(gateway.port, "/token/some", bearer(hs(claims("al")))).get("WWW-Authenticate") == SHORT


def test_no_token_is_asked_of_who_signs_in_otherwise(gateway):
    for path in ("/write", "/either"):
        answer = ask(gateway, path, "reader")
        assert answer.status == 403 and answer.get("WWW-Authenticate") is None
    assert get(gateway.port, "/either", bearer(hs(claims("al")))).get("WWW-Authenticate").startswith(SHORT)


def test_where_no_scope_would_help_none_is_asked_for(gateway):
    answer = ask(gateway, "/ops", "reader")
    assert answer.json()["detail"] == "One of the roles ops, admin is needed. The role suspended does not allow this."
    assert answer.get("WWW-Authenticate") is None


def test_r37_nothing_of_the_identity_is_told(gateway):
    answer = ask(gateway, "/acme", "reader", "authorize-1")
    assert answer.json()["detail"] == "The claim tenant does not allow this. The claim level does not allow this."
    line = gateway.access_line(lambda e: e["request_id"] == "authorize-1")
    assert "top-secret" not in str(line) + answer.body.decode()
    assert line["refused_by"] == "acme" and line["code"] == "authorize.refused" and line["subject"] == "reader"


def test_the_detail_fits_into_another_shape_of_errors(gateway):
    assert ask(gateway, "/shaped", "reader").json() == {"error": "Forbidden", "why": "The scope orders:write is missing."}


def test_in_shadow_it_says_who_would_have_been_refused(gateway):
    ask(gateway, "/watched", "bare", "authorize-2")
    assert gateway.access_line(lambda e: e["request_id"] == "authorize-2")["shadow"] == "watched:authorize.refused"


ONE = f"{{ name: a, sha256: {sha('a')} }}"
AUTHORIZE = "{ authorize: { scopes: { all: [x] } } }"


@pytest.mark.parametrize("use,said", [
    (f"[{AUTHORIZE}]", "no policy before it in use says who that is"),
    (f"[{AUTHORIZE}, {{ api_key: {{ keys: [{ONE}] }} }}]", "no policy before it"),
    (f"[{{ mode: shadow, api_key: {{ keys: [{ONE}] }} }}, {AUTHORIZE}]", "optional or in shadow mode"),
    ("[{ mode: shadow, authorize: { scopes: { all: [x] } } }]", "no policy before it"),
    ("[{ ip_access: { allow: 10.0.0.1 } }, " + AUTHORIZE + "]", "no policy before it")])
def test_without_an_identity_before_it_the_file_is_refused(use, said):
    told = check(f"routes: [{{ match: /x, use: {use}, respond: {{}} }}]\n")
    assert told.code == 1 and said in told.text


def test_r22_settings_that_would_guard_nothing_are_refused():
    for settings in ("{}", "{ scopes: {} }", "{ scopes: { all: [] } }", "{ claims: { all: {} } }", "{ scope: { all: [x] } }"):
        told = check(f"policies: {{ p: {{ authorize: {settings} }} }}\nroutes: [{{ match: /x, respond: {{}} }}]\n")
        assert told.code == 1, settings


def test_explain_says_what_is_missing():
    told = explain(CONFIG, "GET", "/write", ["X-API-Key: reader"]).out
    assert "403 authorize.refused" in told and "The scope orders:write is missing." in told


OWN = f"""
policies:
  known:
    api_key:
      keys:
        - {{ name: alice, sha256: {sha('alice')}, claims: {{ tenant: mine, number: 42, truth: true, empty: "", scope: "team-a x", data: {{ scope: [deep, "two words"] }}, roles: [admin] }} }}
        - {{ name: "7", sha256: {sha('seven')}, claims: {{ tenant: "${{LIKE_A_TEMPLATE}}" }} }}
  own: {{ authorize: {{ claims: {{ all: {{ sub: "{{id}}" }} }} }} }}
  tenant: {{ authorize: {{ claims: {{ all: {{ tenant: "{{query.tenant}}" }} }} }} }}
  not-tenant: {{ authorize: {{ claims: {{ none: {{ tenant: "{{query.tenant}}" }} }} }} }}
  any: {{ authorize: {{ claims: {{ any: {{ tenant: ["{{query.tenant}}", "{{header.X-Tenant}}"], number: "{{query.tenant}}", truth: "{{query.tenant}}", empty: "{{query.tenant}}" }} }} }} }}
  team: {{ authorize: {{ scopes: {{ all: ["team-{{query.team}}"] }} }} }}
  some-team: {{ authorize: {{ scopes: {{ any: ["team-{{query.team}}", "y-{{header.X-Y}}"] }} }} }}
  no-team: {{ authorize: {{ scopes: {{ none: ["team-{{query.team}}"] }} }} }}
  deep: {{ authorize: {{ scopes: {{ from: data.scope, all: [deep] }} }} }}
  same: {{ authorize: {{ claims: {{ all: {{ sub: "{{claims.sub}}" }} }} }} }}
routes:
  - {{ match: "/users/{{id}}", use: [known, own], respond: {{ body: ok }} }}
""" + "".join(f"  - {{ match: /{name}, use: [known, {name}], respond: {{ body: ok }} }}\n" for name in ("tenant", "not-tenant", "any", "team", "some-team", "no-team", "deep", "same"))


JUDGED = OWN.replace("routes:", f"""  header: {{ authorize: {{ claims: {{ all: {{ tenant: "{{header.X-Tenant}}" }} }} }} }}
  role: {{ authorize: {{ roles: {{ any: ["team-{{claims.tenant}}", other], none: ["a{{claims.number}}", "{{{{x}}}}-{{id}}"] }} }} }}
services: {{ svc: URL }}
routes:
  - {{ match: "/role/{{id}}", use: [known, role], respond: {{ body: ok }} }}
  - {{ match: /header, use: [known, header], forward: {{ service: svc }} }}""", 1)


@pytest.fixture(scope="module")
def judged():
    with Echo() as upstream, Gateway(JUDGED.replace("URL", upstream.url), env={"LIKE_A_TEMPLATE": "{query.tenant}"}) as running:
        yield running


@pytest.mark.parametrize("target", [
    "/tenant?tenant=mine&Tenant=evil", "/tenant?tenant=mine&tenant[]=evil", "/tenant?x=1;tenant=evil&tenant=mine", "/tenant?tenant=mine;tenant=evil",
    "/tenant?tenant=mine&+tenant=evil", "/tenant?tenant=mine&tenant%00=evil", "/tenant?tenant=mine&[tenant]=evil", "/tenant?tenant=mine&tenant",
    "/tenant?Tenant=mine", "/tenant?tenant[]=mine", "/tenant?x;tenant=mine",
    "/not-tenant?tenant=other&Tenant=mine", "/not-tenant?Tenant=mine", "/any?tenant=42&Tenant=43"])
def test_a_pair_that_a_service_may_read_in_another_spelling_refuses(judged, target):
    answer = ask(judged, target, "alice")
    assert (answer.status, answer.code) == (403, "authorize.refused")
    assert "query.tenant is there " in answer.json()["detail"]


@pytest.mark.parametrize("second", ["X-Tenant", "X_Tenant", "x.tenant"])
def test_a_header_that_stands_twice_in_any_spelling_refuses(judged, second):
    for headers in ([("X-Tenant", "mine"), (second, "evil")], [(second, "evil"), ("X-Tenant", "mine")]):
        answer = get(judged.port, "/header", [("X-API-Key", "alice"), *headers])
        assert answer.status == 403 and "header.X-Tenant is there twice." in answer.json()["detail"]
    if second != "X-Tenant":
        answer = get(judged.port, "/header", [("X-API-Key", "alice"), (second, "mine")])
        assert answer.status == 403 and "header.X-Tenant is there in another spelling." in answer.json()["detail"]


def test_a_header_that_is_judged_reaches_the_service(judged):
    sent = [("X-API-Key", "alice"), ("X-Tenant", "mine")]
    assert ("X-Tenant", "mine") in map(tuple, get(judged.port, "/header", sent).json()["headers"])
    # Named in Connection it would not.
    assert get(judged.port, "/header", [*sent, ("Connection", "X-Tenant")]).status == 403
    with Client(judged.port) as client:
        trailers = b"1\r\na\r\n0\r\nX-Tenant: evil\r\nX_Tenant: evil\r\nX-Sum: 1\r\n\r\n"
        client.send(head("POST", "/header", [*sent, ("Transfer-Encoding", "chunked")]) + trailers)
        assert [n for n, _ in client.read_response("POST").json()["trailers"]] == ["X-Sum"]


def test_a_scope_that_depends_on_the_request_is_no_empty_challenge(judged):
    answer = ask(judged, "/team?team=b", "alice")
    assert answer.status == 403 and answer.get("WWW-Authenticate") is None
    assert answer.json()["detail"] == "The scope team-{query.team} is missing."


def test_what_is_made_of_the_token_is_shown_as_the_file_writes_it(judged):
    answer = ask(judged, "/role/7", "alice", "authorize-3")
    assert answer.json()["detail"] == "One of the roles other, team-{claims.tenant} is needed."
    line = judged.access_line(lambda e: e["request_id"] == "authorize-3")
    assert "mine" not in str(line) + answer.body.decode()


@pytest.fixture(scope="module")
def own():
    with Gateway(OWN, env={"LIKE_A_TEMPLATE": "{query.tenant}"}) as running:
        yield running


@pytest.mark.parametrize("target,key,headers,status", [
    ("/users/alice", "alice", [], 200), ("/users/bob", "alice", [], 403), ("/users/7", "seven", [], 200), ("/users/%61lice", "alice", [], 200), ("/users/Alice", "alice", [], 403),
    ("/tenant?tenant=mine", "alice", [], 200), ("/tenant?tenant=other", "alice", [], 403), ("/tenant?tenant=", "alice", [], 403), ("/tenant", "alice", [], 403),
    ("/tenant?tenant=mine&tenant=other", "alice", [], 403), ("/tenant?tenant=mine&tenan%74=mine", "alice", [], 403),
    # The text of the template is no value: neither here nor in a claim.
    ("/tenant", "seven", [], 403), ("/tenant?tenant=%7Bquery.tenant%7D", "alice", [], 403),
    ("/not-tenant?tenant=other", "alice", [], 200), ("/not-tenant?tenant=mine", "alice", [], 403), ("/not-tenant?tenant=%20mine", "alice", [], 200),
    ("/not-tenant", "alice", [], 403), ("/not-tenant?tenant=", "alice", [], 403), ("/not-tenant?tenant=a&tenant=b", "alice", [], 403),
    ("/any?tenant=42", "alice", [], 200), ("/any?tenant=42.0", "alice", [], 403), ("/any?tenant=true", "alice", [], 200), ("/any?tenant=", "alice", [], 403),
    ("/any", "alice", [("X-Tenant", "mine")], 200), ("/any", "alice", [("X-Tenant", "mine"), ("x-tenant", "mine")], 403), ("/any", "alice", [], 403),
    ("/team?team=a", "alice", [], 200), ("/team?team=b", "alice", [], 403), ("/team?team=", "alice", [], 403), ("/team", "alice", [], 403), ("/team?team=a%20x", "alice", [], 403),
    ("/some-team?team=a", "alice", [], 200), ("/some-team", "alice", [], 403), ("/some-team", "alice", [("X-Y", "z")], 403),
    ("/no-team?team=b", "alice", [], 200), ("/no-team?team=a", "alice", [], 403), ("/no-team", "alice", [], 403),
    ("/deep", "alice", [], 200), ("/deep", "seven", [], 403), ("/same", "alice", [], 200)])
def test_t76_values_may_be_the_requests(own, target, key, headers, status):
    answer = get(own.port, target, [("X-API-Key", key), *headers])
    assert answer.status == status, answer.body
    if status == 403:
        assert answer.code == "authorize.refused"


@pytest.mark.parametrize("rules,said", [
    ("{ claims: { all: { sub: '{nobody}' } } }", "unknown-value"), ("{ claims: { all: { sub: '{id' } } }", "bad-template"), ("{ roles: { all: ['{other}'] } }", "unknown-value"),
    ("{ scopes: { from: '..', all: [a] } }", "bad-claim")])
def test_t6_a_template_that_names_nothing_is_an_error(rules, said):
    ran = check(f"policies:\n  known: {{ api_key: {{ keys: [{{ name: a, sha256: {sha('a')} }}] }} }}\n  rules: {{ authorize: {rules} }}\n"
                "routes: [{ match: '/users/{id}', use: [known, rules], respond: {} }]\n")
    assert ran.code == 1 and ran.out.count("error:") == 1, ran.text
