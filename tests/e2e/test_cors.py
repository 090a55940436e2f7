"""cors: preflights are answered first, every answer is marked, and nobody passes a guard by looking like a preflight."""
import pytest

from support.client import Client, fetch, get
from support.gateway import Gateway, check, explain
from support.upstream import Echo, Scripted, answering, unused_port

APP = "https://app.example.com"
CONFIG = """
policies:
  web: {{ cors: {{ origins: [{app}, "https://*.example.org"], credentials: true, expose: [X-Total], max_age: 10m }} }}
  any: {{ cors: {{ origins: "*", headers: "*", methods: "*" }} }}
  closed: {{ ip_access: {{ allow: [192.0.2.1] }} }}
services: {{ svc: {url}, own: {own}, dead: "http://127.0.0.1:{dead}", silent: {{ endpoints: ["{silent}"], timeouts: {{ first_byte: 50ms }} }} }}
routes:
  - {{ match: /open, use: [web], forward: {{ service: svc }} }}
  - {{ match: /any, use: [any], forward: {{ service: svc }} }}
  - {{ match: /guarded, use: [web, closed], forward: {{ service: svc }} }}
  - {{ match: /dead, use: [web], forward: {{ service: dead }} }}
  - {{ match: /silent, use: [web], forward: {{ service: silent }} }}
  - {{ match: /own, use: [web], forward: {{ service: own }} }}
  - {{ match: "/named/{{service}}", use: [web], forward: {{ service: "{{service}}" }} }}
  - {{ match: /small, use: [web], limits: {{ body: 10B }}, forward: {{ service: svc }} }}
  - {{ match: {{ path: /split, methods: GET }}, use: [web], forward: {{ service: svc, path: /got }} }}
  - {{ match: {{ path: /split, methods: POST, headers: {{ X-Kind: a }} }}, use: [web, closed], forward: {{ service: svc, path: /posted }} }}
  - {{ match: {{ path: /split, methods: DELETE }}, use: [closed], forward: {{ service: svc }} }}
  - {{ match: {{ path: /mixed, methods: [GET, OPTIONS] }}, use: [web], forward: {{ service: svc }} }}
  - {{ match: {{ path: /mixed, methods: DELETE }}, forward: {{ service: svc }} }}
"""


def never(connection):
    connection.read_request()
    connection.read_request()


@pytest.fixture(scope="module")
def setup():
    holder, dead = unused_port()
    own = answering(headers=[("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Methods", "DELETE"), ("Vary", "Accept, Origin")])
    with holder, Echo() as upstream, Scripted(own) as speaking, Scripted(never) as silent:
        config = CONFIG.format(app=APP, url=upstream.url, own=speaking.url, dead=dead, silent=silent.url)
        with Gateway(config) as gateway:
            yield gateway, upstream


def ask(gateway, path, method="POST", origin=APP, headers=None, more=()):
    """A preflight."""
    fields = [("Origin", origin), ("Access-Control-Request-Method", method), *more]
    if headers is not None:
        fields.append(("Access-Control-Request-Headers", headers))
    return fetch(gateway.port, "OPTIONS", path, fields)


def cors_of(answer):
    return {n.lower()[len("access-control-"):]: answer.get(n) for n, _ in answer.headers if n.lower().startswith("access-control-")}


def marked(answer, origin=APP):
    """The answer can be read by the page."""
    assert cors_of(answer) == {"allow-origin": origin, "allow-credentials": "true", "expose-headers": "X-Total"}
    assert "origin" in answer.get("Vary").lower()
    return True


def test_r31_a_preflight_without_a_credential_is_answered_on_a_guarded_route(setup):
    gateway, upstream = setup
    before = len(upstream.requests)
    answer = ask(gateway, "/guarded", headers="authorization")
    assert answer.status == 204 and answer.body == b"" and answer.get("Content-Length") is None
    assert cors_of(answer) == {"allow-origin": APP, "allow-credentials": "true", "allow-methods": "POST", "allow-headers": "Authorization, Content-Type",
                               "max-age": "600"}
    assert answer.get("Vary") == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    assert len(upstream.requests) == before


def test_r31_a_guards_refusal_can_be_read_by_the_page(setup):
    gateway, _ = setup
    answer = get(gateway.port, "/guarded", [("Origin", APP)])
    assert answer.status == 403 and answer.code == "policy.forbidden" and marked(answer)


@pytest.mark.parametrize("path,status", [("/open", 200), ("/named/nobody", 404), ("/dead", 502), ("/silent", 504)])
def test_errors_of_the_gateway_are_marked_too(setup, path, status):
    gateway, _ = setup
    answer = get(gateway.port, path, [("Origin", APP)])
    assert answer.status == status and marked(answer)


def test_a_refusal_that_comes_before_the_policies_is_marked(setup):
    gateway, _ = setup
    answer = fetch(gateway.port, "POST", "/small", [("Origin", APP)], body=b"x" * 11)
    assert answer.status == 413 and marked(answer)
    answer = get(gateway.port, "/named/a%2Fb", [("Origin", APP)])
    assert answer.status == 400 and marked(answer)


def test_a_body_that_turns_out_too_long_is_refused_with_the_mark(setup):
    gateway, _ = setup
    with Client(gateway.port) as client:
        client.send_head("POST", "/small", [("Origin", APP), ("Transfer-Encoding", "chunked")])
        client.send(b"14\r\n" + b"x" * 20 + b"\r\n0\r\n\r\n")
        answer = client.read_response()
    assert answer.status == 413 and marked(answer)


def test_looking_like_a_preflight_is_no_way_past_a_guard(setup):
    gateway, upstream = setup
    before = len(upstream.requests)
    with Client(gateway.port) as client:
        for method in ("GET", "POST", "OPTIONS", "X-ANY"):
            answer = client.request("OPTIONS", "/guarded", [("Origin", APP), ("Access-Control-Request-Method", method), ("X-Run", "rm")], body=b"payload")
            assert answer.status == 204
    assert len(upstream.requests) == before


@pytest.mark.parametrize("origin", ["https://evil.net", "http://app.example.com", "https://app.example.com:8443", "null", "https://example.org"])
def test_a_preflight_of_a_stranger_is_refused_and_told_nothing(setup, origin):
    gateway, _ = setup
    answer = ask(gateway, "/open", origin=origin)
    assert answer.status == 403 and answer.code == "cors.refused" and not cors_of(answer)
    assert "Origin" in answer.get("Vary")


def test_two_origins_are_none(setup):
    gateway, _ = setup
    assert ask(gateway, "/open", more=[("Origin", APP)]).status == 403
    assert not cors_of(get(gateway.port, "/open", [("Origin", APP), ("Origin", APP)]))


def test_a_family_of_origins_is_admitted_by_its_name(setup):
    gateway, _ = setup
    assert marked(get(gateway.port, "/open", [("Origin", "https://a.b.example.org")]), "https://a.b.example.org")


def test_a_strangers_request_passes_without_the_mark(setup):
    gateway, _ = setup
    answer = get(gateway.port, "/open", [("Origin", "https://evil.net")])
    assert answer.status == 200 and not cors_of(answer) and answer.get("Vary") == "Origin"
    assert get(gateway.port, "/open").get("Vary") == "Origin"


def test_for_every_origin_the_answer_is_one(setup):
    gateway, _ = setup
    answer = get(gateway.port, "/any", [("Origin", "https://any.net")])
    assert cors_of(answer) == {"allow-origin": "*"} and answer.get("Vary") is None
    answer = ask(gateway, "/any", method="PATCH", headers="x-a, x-b", origin="https://any.net")
    assert cors_of(answer) == {"allow-origin": "*", "allow-methods": "PATCH", "allow-headers": "x-a, x-b"}


def test_the_gateway_speaks_in_the_services_place(setup):
    gateway, _ = setup
    answer = get(gateway.port, "/own", [("Origin", APP)])
    assert marked(answer) and answer.get("Vary") == "Accept, Origin"
    assert not cors_of(get(gateway.port, "/own", [("Origin", "https://evil.net")]))


def test_a_preflight_is_judged_by_the_route_of_the_method_that_it_asks_about(setup):
    gateway, upstream = setup
    answer = ask(gateway, "/split", method="GET")
    assert answer.status == 204 and answer.get("Access-Control-Allow-Methods") == "GET, HEAD"
    # The header that the route wants is not there yet: its condition does not count.
    answer = ask(gateway, "/split", method="POST", headers="x-kind")
    assert answer.status == 204 and answer.get("Access-Control-Allow-Methods") == "POST"
    # That route has no cors: a plain OPTIONS, for which there is no route.
    before = len(upstream.requests)
    answer = ask(gateway, "/split", method="DELETE")
    assert answer.status == 405 and not cors_of(answer)
    assert len(upstream.requests) == before


def test_cors_of_another_route_allows_nothing_on_this_one(setup):
    gateway, _ = setup
    answer = ask(gateway, "/mixed", method="DELETE")
    assert "allow-methods" not in cors_of(answer)


@pytest.mark.parametrize("path,status", [("/nowhere", 404), ("/split", 405)])
def test_where_no_route_matched_there_is_no_mark(setup, path, status):
    gateway, _ = setup
    answer = fetch(gateway.port, "PUT", path, [("Origin", APP)])
    assert answer.status == status and not cors_of(answer)


def test_preflights_are_counted_and_logged(setup):
    gateway, _ = setup
    before = gateway.metric("portico_policy_decisions_total", policy="any", decision="passed")
    ask(gateway, "/any", more=[("X-Request-ID", "pre-1")])
    gateway.expect_metric(before + 1, "portico_policy_decisions_total", policy="any", decision="passed")
    assert gateway.access_line(lambda e: e["request_id"] == "pre-1")["status"] == 204
    ask(gateway, "/open", origin="https://evil.net", more=[("X-Request-ID", "pre-2")])
    line = gateway.access_line(lambda e: e["request_id"] == "pre-2")
    assert line["code"] == "cors.refused" and line["status"] == 403


ONE = "services: {{ s: http://127.0.0.1:9 }}\nroutes: [{{ match: /x, use: [{use}], forward: {{ service: s }} }}]\n"


@pytest.mark.parametrize("settings,said", [
    ('{ origins: "*", credentials: true }', "every site on the web could act"),
    ("{ origins: [app.example.com] }", "did you mean https://app.example.com?"),
    ("{ origins: [https://app.example.com/] }", "did you mean https://app.example.com?"),
    ('{ origins: ["https://*.com"] }', "would take everybody's domains"),
    ("{ origins: [] }", "the list is empty"),
    ("{ headers: X-A }", 'needs the key "origins"'),
    ("{ origins: https://a.test, methods: [get] }", "did you mean GET?"),
    ('{ origins: https://a.test, methods: [GET, "*"] }', "stands alone"),
    ('{ origins: https://a.test, headers: ["a b"] }', "expected a header's name"),
    ("{ origins: https://a.test, max_age: 1500ms }", "whole seconds"),
    ("{ origins: https://a.test, max_age: 60 }", "60s or 60m"),
    ('{ origins: https://a.test, credentials: true, expose: "*" }', "list the headers"),
    ("{ origin: https://a.test }", 'did you mean "origins"?'),
])
def test_what_is_wrong_is_said_with_the_correction(settings, said):
    ran = check(ONE.format(use="{ cors: " + settings + " }"))
    assert ran.code == 1 and said in ran.text, ran.text


@pytest.mark.parametrize("origins", ["[https://a.test, null]", '"null"', "https://a.test"])
def test_null_may_be_written_as_it_is(origins):
    assert check(ONE.format(use=f"{{ cors: {{ origins: {origins} }} }}")).code == 0


def test_cors_stands_first_and_has_no_shadow():
    assert "stands first" in check(ONE.format(use="{ ip_access: { allow: 10.0.0.1 } }, { cors: { origins: https://a.test } }")).text
    assert "shadow" in check(ONE.format(use="{ cors: { origins: https://a.test }, mode: shadow }")).text


def test_null_with_credentials_is_warned_of():
    ran = check(ONE.format(use='{ cors: { origins: ["null"], credentials: true } }'))
    assert ran.code == 0 and "any site can make a page of the origin null" in ran.text


def test_explain_shows_the_preflights_answer():
    said = explain(ONE.format(use="{ cors: { origins: https://a.test } }"), "OPTIONS", "/x",
                   ["Origin: https://a.test", "Access-Control-Request-Method: POST"]).text
    assert "answers 204" in said
