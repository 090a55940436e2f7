"""api_key: who has a key gets in under its name, and the key goes no further."""
import hashlib

import pytest

from support.client import fetch, get
from support.gateway import Gateway, check, explain
from support.upstream import Echo


def sha(key):
    return hashlib.sha256(key.encode()).hexdigest()


CONFIG = """
policies:
  partners:
    api_key:
      keys:
        - {{ name: acme, sha256: {acme}, claims: {{ plan: gold, level: 2, roles: ["a,b", c] }} }}
        - {{ name: beta, sha256: {{ file: {file} }} }}
        - {{ name: gamma, sha256: {gamma}, claims: {{ plan: {{ a: b }} }} }}
      claims_to_headers: {{ X-User-ID: sub, X-Plan: plan, X-Roles: roles }}
  by-query: {{ api_key: {{ from: {{ query: key }}, keys: [{{ name: acme, sha256: {acme} }}] }} }}
  forwarding: {{ api_key: {{ keys: [{{ name: acme, sha256: {acme} }}], forward_key: true }} }}
  watched: {{ mode: shadow, api_key: {{ keys: [{{ name: acme, sha256: {acme} }}], claims_to_headers: {{ X-Seen: sub }} }} }}
services: {{ svc: {url} }}
routes:
  - {{ match: /header, use: [partners], forward: {{ service: svc }} }}
  - {{ match: /query, use: [by-query], forward: {{ service: svc }} }}
  - {{ match: /forwarded, use: [forwarding], forward: {{ service: svc }} }}
  - {{ match: /shadow, use: [watched], forward: {{ service: svc }} }}
  - {{ match: /open, forward: {{ service: svc }} }}
  - {{ match: "/of/{{who}}", use: [partners], forward: {{ service: svc, path: "/{{claims.sub}}" }} }}
"""


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    file = tmp_path_factory.mktemp("keys") / "beta.sha256"
    file.write_text(sha("beta key") + "  -\n")
    with Echo() as upstream:
        config = CONFIG.format(url=upstream.url, acme=sha("acme key"), gamma=sha("gamma key"), file=file)
        with Gateway(config) as gateway:
            yield gateway, upstream


def sent(answer):
    """The headers that the service got."""
    assert answer.status == 200, answer.body
    return {n.lower(): v for n, v in answer.json()["headers"]}


def test_a_key_lets_in_under_its_name_and_goes_no_further(setup):
    headers = sent(get(setup[0].port, "/header", [("X-API-Key", "acme key")]))
    assert headers["x-user-id"] == "acme" and headers["x-plan"] == "gold" and headers["x-roles"] == "a%2Cb,c"
    assert "x-api-key" not in headers


def test_a_hash_may_stand_in_a_file_as_sha256sum_writes_it(setup):
    headers = sent(get(setup[0].port, "/header", [("x-api-key", "beta key")]))
    assert headers["x-user-id"] == "beta" and "x-plan" not in headers


@pytest.mark.parametrize("headers,code", [
    ([], "api_key.missing"), ([("X-API-Key", "wrong")], "api_key.unknown"), ([("X-API-Key", "")], "api_key.unknown"),
    ([("X-API-Key", "acme key"), ("X-API-Key", "acme key")], "api_key.unknown"), ([("X-API-Key", "acme key, acme key")], "api_key.unknown"),
    ([("X-API-Key", sha("acme key"))], "api_key.unknown"), ([("X_API_Key", "wrong"), ("X-API-Key", "acme key")], "api_key.unknown")])
def test_anything_else_is_refused(setup, headers, code):
    gateway, upstream = setup
    before = len(upstream.requests)
    answer = get(gateway.port, "/header", headers)
    assert answer.status == 401 and answer.code == code and answer.json()["title"] == "Invalid API key"
    assert answer.get("WWW-Authenticate") == 'ApiKey header="X-API-Key"'
    assert len(upstream.requests) == before


def test_a_key_under_another_spelling_of_its_header_is_read_and_taken_off_like_any(setup):
    headers = sent(get(setup[0].port, "/header", [("X_API_Key", "acme key")]))
    assert headers["x-user-id"] == "acme" and "acme key" not in headers.values()


def test_a_key_in_the_query_is_taken_out_of_it(setup):
    gateway, _ = setup
    assert get(gateway.port, "/query?a=1&k%65y=acme%20key&b=%2F").json()["target"] == "/query?a=1&b=%2F"
    assert get(gateway.port, "/query?key=acme+key").json()["target"] == "/query"
    assert get(gateway.port, "/query?key=acme+key&key=x").code == "api_key.unknown"
    assert get(gateway.port, "/query", [("X-API-Key", "acme key")]).code == "api_key.missing"
    assert get(gateway.port, "/query").get("WWW-Authenticate") == 'ApiKey query="key"'


def test_forward_key_passes_it_on(setup):
    assert sent(get(setup[0].port, "/forwarded", [("X-API-Key", "acme key")]))["x-api-key"] == "acme key"


@pytest.mark.parametrize("path,key", [("/header", "beta key"), ("/open", None), ("/forwarded", "acme key")])
@pytest.mark.parametrize("spelling", ["X-User-ID", "x_user_id", "X_USER-ID", "X-Plan", "x_plan"])
def test_r4_a_client_never_writes_such_a_header_itself(setup, path, key, spelling):
    headers = sent(get(setup[0].port, path, [(spelling, "admin")] + ([("X-API-Key", key)] if key else [])))
    assert spelling.lower() not in headers or headers[spelling.lower()] == "beta"
    assert "admin" not in headers.values()


def test_r1_connection_cannot_take_the_header_off(setup):
    headers = sent(get(setup[0].port, "/header", [("X-API-Key", "acme key"), ("Connection", "X-User-ID")]))
    assert headers["x-user-id"] == "acme"


def test_r3_nor_can_many_others_hide_one(setup):
    fillers = [(f"X-Filler-{i}", "x") for i in range(110)]
    headers = sent(get(setup[0].port, "/header", [("X-API-Key", "beta key")] + fillers + [("X-Plan", "gold")]))
    assert "x-plan" not in headers


def test_a_claim_that_no_header_can_carry_is_refused(setup):
    answer = get(setup[0].port, "/header", [("X-API-Key", "gamma key")])
    assert answer.status == 403 and answer.code == "route.claim_refused"


def test_the_identity_stands_in_templates_and_in_the_log(setup):
    gateway, _ = setup
    answer = get(gateway.port, "/of/me", [("X-API-Key", "beta key"), ("X-Request-ID", "key-log-1")])
    assert answer.json()["target"] == "/beta"
    line = gateway.access_line(lambda e: e["request_id"] == "key-log-1")
    assert line["subject"] == "beta" and "beta key" not in str(line)


def test_r37_a_bad_key_stands_nowhere(setup):
    gateway, _ = setup
    answer = get(gateway.port, "/query?key=my-wrong-secret", [("X-Request-ID", "key-log-2")])
    line = gateway.access_line(lambda e: e["request_id"] == "key-log-2")
    assert "my-wrong-secret" not in str(line) and "my-wrong-secret" not in answer.body.decode()
    assert line["code"] == "api_key.unknown" and line["refused_by"] == "by-query"


def test_in_shadow_it_refuses_nobody_and_believes_only_a_good_key(setup):
    gateway, _ = setup
    assert "x-seen" not in sent(get(gateway.port, "/shadow", [("X-API-Key", "wrong"), ("X-Seen", "forged")]))
    assert sent(get(gateway.port, "/shadow", [("X-API-Key", "acme key")]))["x-seen"] == "acme"
    line = gateway.access_line(lambda e: e["path"] == "/shadow" and "shadow" in e)
    assert line["shadow"] == "watched:api_key.unknown"


def test_explain_shows_who_it_is():
    config = "policies: { p: { api_key: { keys: [{ name: acme, sha256: %s }], claims_to_headers: { X-User-ID: sub } } } }\n" % sha("k")
    config += "services: { svc: http://127.0.0.1:9 }\nroutes: [{ match: /x, use: [p], forward: { service: svc } }]\n"
    told = explain(config, "GET", "/x", ["X-API-Key: k"]).out
    assert '{"sub":"acme"}, by p' in told and "X-User-ID: acme" in told
    assert "401" in explain(config, "POST", "/x").out


def test_a_key_written_in_place_of_its_hash_is_an_error_that_does_not_show_it():
    told = check("routes: [{ match: /x, use: [{ api_key: { keys: [{ name: a, sha256: { file: /nowhere } }] } }], respond: {} }]\n")
    assert told.code == 1 and "cannot be read" in told.text


def test_a_refused_post_leaves_the_connection_in_step(setup):
    assert fetch(setup[0].port, "POST", "/header", body=b"x" * 50_000).status == 401
