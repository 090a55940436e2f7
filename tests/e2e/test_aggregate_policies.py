"""Aggregates behind policies: what the calls hand on of an identity, and policies that change the answer."""
import gzip
import json

from support.client import Client, fetch, get
from support.gateway import Gateway
from support.pages import Page, Pages
from support.tokens import SECRET, claims, hs

POLICIES = """
policies:
  signed-in: {{ jwt: {{ algorithms: [HS256], secret: "{secret}", claims_to_headers: {{ X-User-ID: sub }} }} }}
"""


def bearer(**more):
    return [("Authorization", "Bearer " + hs(claims("u-1", **more)))]


def test_a_header_of_a_call_that_names_a_claim_is_managed_on_every_route():
    text = f"services: {{{{ users: {{users}} }}}}{POLICIES}" + """
routes:
  - name: page
    match: /page
    use: [signed-in]
    aggregate:
      calls: {{ a: {{ service: users, path: /a, headers: {{ X-Tenant: "{{claims.tenant}}", Authorization: "{{header.authorization}}" }} }} }}
      body: $a
  - {{ match: "/open/**", forward: {{ service: users, path: "/{{**}}" }} }}
"""
    with Pages({"/a": 1, "/b": 2}) as users, Gateway(text.format(users=users.url, secret=SECRET)) as gateway:
        token = bearer(tenant="acme")
        assert get(gateway.port, "/page", token + [("X-Tenant", "evil")]).status == 200
        assert users.request("/a").get("x-tenant") == "acme" and users.request("/a").get("x-user-id") == "u-1"
        assert get(gateway.port, "/open/b", [("X-Tenant", "evil"), ("x_tenant", "evil"), ("Authorization", "Basic eA==")]).status == 200
        sent = users.request("/b")
        assert sent.get("x-tenant") is None and sent.get("x_tenant") is None and sent.get("authorization") == "Basic eA=="
        for bad in ("a\nb", ["x"], {"y": 1}):
            answer = get(gateway.port, "/page", bearer(tenant=bad))
            assert answer.status == 403 and answer.json()["code"].endswith("claim_refused"), answer.json()
        assert len(users.asked("/a")) == 1


def test_a_header_of_a_call_stands_in_the_place_of_one_that_a_policy_has_set():
    text = f"services: {{{{ users: {{users}} }}}}{POLICIES}" + """
routes:
  - match: /page
    use: [signed-in]
    aggregate:
      calls:
        a: {{ service: users, path: /a, headers: {{ X-User-ID: "dashboard-{{claims.sub}}" }} }}
        b: {{ service: users, path: /b }}
      body: [$a, $b]
"""
    with Pages({"/a": 1, "/b": 2}) as users, Gateway(text.format(users=users.url, secret=SECRET)) as gateway:
        assert get(gateway.port, "/page", bearer()).json() == [1, 2]
        ids = {r.target: [v for n, v in r.headers if n.lower() == "x-user-id"] for r in users.requests}
        assert ids == {"/a": ["dashboard-u-1"], "/b": ["u-1"]}


def test_an_optional_call_whose_claim_is_missing_is_not_made():
    text = f"services: {{{{ users: {{users}} }}}}{POLICIES}" + """
routes:
  - match: /page
    use: [signed-in]
    aggregate:
      calls: {{ a: {{ service: users, path: "/a/{{claims.shop}}", optional: true, default: none }}, b: {{ service: users, path: /b, query: {{ shop: "{{claims.shop}}" }} }} }}
      body: [$a, $b]
"""
    with Pages({"/b": 2}) as users, Gateway(text.format(users=users.url, secret=SECRET)) as gateway:
        assert get(gateway.port, "/page", bearer()).json() == ["none", 2]
        assert users.asked() == ["/b"]


def test_a_transform_changes_the_made_answer_and_its_tag_is_of_what_leaves():
    text = """
services: {{ users: {users} }}
policies:
  shaped: {{ transform: {{ response: {{ headers: {{ set: {{ X-Shaped: "yes" }} }}, body: {{ n: $.name, v: 2 }} }} }} }}
routes:
  - match: /page
    use: [shaped]
    aggregate: {{ calls: {{ a: {{ service: users, path: /a }} }}, body: {{ name: $a.name }} }}
"""
    with Pages({"/a": {"name": "Ada"}}) as users, Gateway(text.format(users=users.url)) as gateway:
        first = get(gateway.port, "/page")
        assert first.json() == {"n": "Ada", "v": 2} and first.get("x-shaped") == "yes"
        again = get(gateway.port, "/page", [("If-None-Match", first.get("etag"))])
        assert again.status == 304 and again.body == b""
        users.pages["/a"] = {"name": "Eva"}
        assert get(gateway.port, "/page", [("If-None-Match", first.get("etag"))]).json() == {"n": "Eva", "v": 2}


def test_the_errors_of_calls_take_the_routes_shape_and_pass_cors():
    text = """
services: {{ users: {users} }}
policies: {{ pages: {{ cors: {{ origins: ["https://app.test"] }} }} }}
routes:
  - match: {{ path: /page, methods: [GET] }}
    use: [pages]
    aggregate: {{ calls: {{ a: {{ service: users, path: /none }} }}, body: $a }}
    errors: {{ error: "{{error.title}}", why: "{{error.detail}}" }}
"""
    with Pages({}) as users, Gateway(text.format(users=users.url)) as gateway:
        answer = get(gateway.port, "/page", [("Origin", "https://app.test")])
        assert answer.status == 502 and answer.json() == {"error": "Bad gateway", "why": 'The call "a" was answered 404 by its service.'}
        assert answer.get("access-control-allow-origin") == "https://app.test"
        preflight = fetch(gateway.port, "OPTIONS", "/page", [("Origin", "https://app.test"), ("Access-Control-Request-Method", "GET")])
        assert preflight.status == 204 and len(users.requests) == 1


def test_a_body_in_chunks_or_coded_is_named_like_any_other():
    text = """
services: {{ users: {users} }}
routes:
  - match: /page
    aggregate: {{ calls: {{ a: {{ service: users, method: POST, path: /a, body: {{ got: $.x }} }}, b: {{ service: users, path: "/b/{{$.x}}" }} }}, body: [$a, $b] }}
"""
    with Pages({"/a": 1, "/b/7": 2}) as users, Gateway(text.format(users=users.url)) as gateway:
        with Client(gateway.port) as client:
            client.send_head("POST", "/page", [("Transfer-Encoding", "chunked"), ("Expect", "100-continue")])
            assert client.wire.head("100")[0] == b"HTTP/1.1 100 Continue"
            client.send(b'4\r\n{"x"\r\n3\r\n:7}\r\n0\r\n\r\n')
            assert client.read_response("POST").json() == [1, 2]
            assert client.request("POST", "/page", [("Content-Encoding", "gzip")], gzip.compress(b'{"x": 7}', mtime=0)).json() == [1, 2]
            assert json.loads(users.requests[-1].body or b"{}") in ({"got": 7}, {})
            assert client.request("POST", "/page", [("Content-Encoding", "zstd")], b"x").status == 415


def test_what_the_clients_body_lacks_is_the_clients_fault():
    text = """
services: {{ users: {users} }}
routes:
  - match: /page
    aggregate: {{ calls: {{ a: {{ service: users, {call} }} }}, body: $a }}
"""
    calls = ['method: POST, path: /a, body: { x: { get: $.x, required: true } }', 'path: "/a/{$.x}"', 'path: /a, query: { x: $.list }',
             'path: "/a/{$item.x}", for_each: "$.items[*]"', 'path: /a, method: POST, for_each: "$.items[*]", body: { x: { get: $item.x, required: true } }']
    for call in calls:
        with Pages({}) as users, Gateway(text.format(users=users.url, call=call)) as gateway:
            answer = fetch(gateway.port, "POST", "/page", (), b'{"list": [[1]], "items": [{}]}')
            assert answer.status == 400 and not users.requests, (call, answer.json())


def test_nothing_is_called_where_a_policy_refuses():
    text = """
services: {{ users: {users} }}
policies: {{ few: {{ rate_limit: {{ limit: 1, window: 60s }} }} }}
routes:
  - {{ match: /page, use: [few], aggregate: {{ calls: {{ a: {{ service: users, path: /a }} }}, body: $a }} }}
"""
    with Pages({"/a": Page(1)}) as users, Gateway("workers: 1\n" + text.format(users=users.url)) as gateway:
        assert [get(gateway.port, "/page").status for _ in range(3)] == [200, 429, 429]
        assert len(users.requests) == 1
