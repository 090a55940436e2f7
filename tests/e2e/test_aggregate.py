"""Aggregates: several calls, one answer. Which calls go when, what they carry, and what is made of them."""
import json
import time

import pytest

from support.client import Client, fetch, get
from support.gateway import Gateway
from support.pages import Page, Pages
from support.tokens import SECRET, claims, hs

USER = {"id": "u-1", "name": "Ada", "avatarUrl": "https://img.example/u-1.png", "email": "ada@example.com", "plan": "gold"}
ORDERS = {"orders": [{"id": 12345678901234567890, "total": 19.90, "status": "sent", "lines": [1, 2]},
                     {"id": 7, "total": 5.00, "status": "open", "lines": []}]}

DASHBOARD = """
services: {{ users: {users}, orders: {orders} }}
policies:
  signed-in: {{ jwt: {{ algorithms: [HS256], secret: "{secret}", claims_to_headers: {{ X-User-ID: sub, X-User-Email: email }} }} }}
routes:
  - name: mobile-dashboard
    match: {{ path: /mobile/dashboard, methods: [GET] }}
    use: [signed-in]
    aggregate:
      calls:
        user: {{ service: users, path: "/users/{{claims.sub}}" }}
        orders: {{ service: orders, path: "/users/{{claims.sub}}/recent?limit=5" }}
      body:
        user: {{ name: $user.name, avatar: $user.avatarUrl }}
        recentOrders:
          for_each: $orders.orders[*]
          as: order
          item: {{ id: $order.id, total: $order.total, status: $order.status }}
"""


def bearer(sub="u-1"):
    return [("Authorization", "Bearer " + hs(claims(sub, email="ada@example.com")))]


def config(calls, body, more="", services="users: {users}, orders: {orders}", **urls):
    """A file with one aggregate at /page."""
    return f"""
services: {{ {services.format(**urls)} }}
routes:
  - name: page
    match: /page
    aggregate:
      calls: {calls}
      body: {body}
      {more}
"""


@pytest.fixture(scope="module")
def dashboard():
    users = {"/users/u-1": USER}
    orders = {"/users/u-1/recent": Page(body=b'{"orders": [{"id":12345678901234567890,"total":19.90,"status":"sent","lines":[1,2]},'
                                             b'{"id":7,"total":5.00,"status":"open","lines":[]}]}')}
    with Pages(users) as u, Pages(orders) as o, Gateway(DASHBOARD.format(users=u.url, orders=o.url, secret=SECRET)) as gateway:
        yield gateway, u, o


def test_the_mobile_dashboard_is_the_missions_byte_for_byte(dashboard):
    gateway, _, _ = dashboard
    answer = get(gateway.port, "/mobile/dashboard", bearer())
    assert answer.status == 200 and answer.get("content-type") == "application/json"
    assert answer.body == (b'{"user":{"name":"Ada","avatar":"https://img.example/u-1.png"},"recentOrders":['
                           b'{"id":12345678901234567890,"total":19.90,"status":"sent"},{"id":7,"total":5.00,"status":"open"}]}')


def test_without_a_token_nothing_is_called(dashboard):
    gateway, users, orders = dashboard
    before = len(users.requests), len(orders.requests)
    assert get(gateway.port, "/mobile/dashboard").status == 401
    assert (len(users.requests), len(orders.requests)) == before


def test_every_call_carries_identity_request_id_and_trace_and_nothing_of_the_clients_own():
    with Pages({"/users/u-1": USER}) as users, Pages({"/users/u-1/recent": ORDERS}) as orders:
        with Gateway(DASHBOARD.format(users=users.url, orders=orders.url, secret=SECRET)) as gateway:
            trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            sent = bearer() + [("X-Request-ID", "r-42"), ("traceparent", trace), ("tracestate", "a=b"), ("X-User-ID", "root"), ("X_User_Email", "root@x"),
                               ("X-Forwarded-For", "6.6.6.6"), ("Cookie", "secret=1"), ("X-Other", "1"), ("If-None-Match", '"x"'), ("Accept", "text/html")]
            assert get(gateway.port, "/mobile/dashboard", sent).status == 200
            for request, upstream in ((users.requests[0], users), (orders.requests[0], orders)):
                fields = {n.lower(): v for n, v in request.headers}
                assert fields == {"host": upstream.authority, "accept": "application/json", "x-user-id": "u-1", "x-user-email": "ada@example.com",
                                  "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http", "x-forwarded-host": "gateway.test", "via": "1.1 portico",
                                  "x-request-id": "r-42", "traceparent": trace, "tracestate": "a=b"}
                assert len(request.headers) == len(fields)


def test_a_claim_that_would_leave_its_segment_is_403_and_nothing_is_sent(dashboard):
    gateway, users, _ = dashboard
    before = len(users.requests)
    for sub in ("..", "../admin", "a/b"):
        assert get(gateway.port, "/mobile/dashboard", bearer(sub)).status == 403
    assert len(users.requests) == before


def test_two_calls_of_100_ms_take_100_ms():
    with Pages({"/a": Page({"v": 1}, delay=0.1)}) as users, Pages({"/b": Page({"v": 2}, delay=0.1)}) as orders:
        calls = "{ a: { service: users, path: /a }, b: { service: orders, path: /b } }"
        with Gateway(config(calls, "{ a: $a.v, b: $b.v }", users=users.url, orders=orders.url)) as gateway:
            get(gateway.port, "/page")
            begun = time.monotonic()
            answer = get(gateway.port, "/page")
            took = time.monotonic() - begun
            assert answer.json() == {"a": 1, "b": 2} and 0.1 <= took < 0.17, took


def test_a_dependent_call_waits_for_just_what_it_names():
    pages = {"/user": Page({"id": "a b/c", "shop": 7}, delay=0.05), "/slow": Page({"v": 1}, delay=0.3), "/shops/7": Page({"name": "Corner"}),
             "/wish/a%20b%2Fc": Page({"v": 2})}
    calls = """
        user: { service: users, path: /user }
        slow: { service: users, path: /slow }
        shop: { service: users, path: "/shops/{$user.shop}", headers: { X-Shop: "shop {$user.shop}" }, query: { of: "{$user.id}", none: "{$user.none}" } }"""
    with Pages(pages) as users:
        with Gateway(config(calls, "{ shop: $shop.name, slow: $slow.v }", users=users.url, services="users: {users}")) as gateway:
            begun = time.monotonic()
            assert get(gateway.port, "/page").json() == {"shop": "Corner", "slow": 1}
            assert time.monotonic() - begun < 0.4
            order = [r.target for r in users.requests]
            assert sorted(order[:2]) == ["/slow", "/user"] and order[2] == "/shops/7?of=a%20b%2Fc"
            assert users.request("/shops/7").get("x-shop") == "shop 7"


def test_fan_out_over_50_products_with_8_in_flight():
    def product(request):
        return Page({"id": int(request.target.rpartition("/")[2]), "name": "P" + request.target.rpartition("/")[2]}, delay=0.02)
    pages = {"/order": {"items": [{"productId": n} for n in range(50)] + [{"productId": n} for n in (3, 4, 3)]}}
    pages.update({f"/products/{n}": product for n in range(50)})
    calls = """
        order: { service: users, path: /order }
        products: { service: users, path: "/products/{$id}", for_each: "$order.items[*].productId", as: id, concurrency: 8 }"""
    with Pages(pages) as users:
        with Gateway(config(calls, '{ names: "$products[*].name" }', users=users.url, services="users: {users}")) as gateway:
            answer = get(gateway.port, "/page")
            assert answer.json()["names"] == [f"P{n}" for n in list(range(50)) + [3, 4, 3]]
            assert users.most == 8
            assert len(users.requests) == 51  # one for each distinct value
            line = gateway.access_lines()[0]
            assert line["calls"]["products"]["values"] == 53


def test_identical_gets_are_made_once():
    calls = """
        a: { service: users, path: "/same?x=1" }
        b: { service: users, path: /same, query: { x: 1 } }
        c: { service: users, path: "/same?x=2" }
        d: { service: users, path: "/same?x=1", headers: { X-A: b } }
        e: { service: users, path: "/same?x=1", method: POST }
        later: { service: users, path: "/same?x={$a.n}" }"""
    with Pages({"/same": Page({"n": 1}, delay=0.05)}) as users:
        with Gateway(config(calls, "[$a.n, $b.n, $c.n, $d.n, $e.n, $later.n]", users=users.url, services="users: {users}")) as gateway:
            assert get(gateway.port, "/page").json() == [1] * 6
            assert sorted((r.method, r.target) for r in users.requests) == [
                ("GET", "/same?x=1"), ("GET", "/same?x=1"), ("GET", "/same?x=2"), ("POST", "/same?x=1")]


@pytest.mark.parametrize("distinct", [1, 7, 8, 9, 10, 40])
def test_identical_gets_are_made_once_however_many_there_are(distinct):
    """Few are compared with each other, many are found by a hash: what has been asked is known on both sides of that."""
    calls = """
        list: { service: users, path: /list }
        one: { service: users, path: "/item/{$id}", for_each: "$list[*]", as: id, concurrency: 3 }
        post: { service: users, path: "/item/{$id}", method: POST, for_each: "$list[*]", as: id, concurrency: 2 }
        other: { service: users, path: "/item/{$id}", for_each: "$list[*]", as: id, concurrency: 2 }"""
    ids = list(range(distinct))
    pages = {f"/item/{n}": Page({"n": n}, delay=0.002) for n in ids}
    with Pages({"/list": ids + ids[::-1], **pages}) as users:
        with Gateway(config(calls, '{ one: "$one[*].n", other: "$other[*].n" }', users=users.url, services="users: {users}")) as gateway:
            assert get(gateway.port, "/page").json() == {"one": ids + ids[::-1], "other": ids + ids[::-1]}
            assert sorted(r.target for r in users.requests if r.method == "GET") == sorted(["/list"] + [f"/item/{n}" for n in ids])
            assert len([r for r in users.requests if r.method == "POST"]) == distinct  # a value that comes twice is one question


def test_when_decides_whether_a_call_is_made():
    calls = """
        user: { service: users, path: /user }
        perks: { service: users, path: /perks, when: "$user.plan == 'gold'", default: none }
        more: { service: users, path: /more, when: "$user.plan == 'free'", default: { offer: "{$user.name}" } }
        gone: { service: users, path: /gone, when: "$user.none" }"""
    with Pages({"/user": USER, "/perks": {"v": 1}}) as users:
        with Gateway(config(calls, "{ perks: $perks, more: $more, gone: $gone }", users=users.url, services="users: {users}")) as gateway:
            assert get(gateway.port, "/page").json() == {"perks": {"v": 1}, "more": {"offer": "Ada"}}
            assert users.asked() == ["/user", "/perks"]
            assert gateway.access_lines()[0]["calls"]["more"]["reason"] == "skipped"


def test_the_clients_body_is_read_once_and_named_by_the_calls():
    calls = """
        a: { service: users, method: POST, path: "/a/{$.id}", body: { all: $, id: $.id, who: "{$.name}" } }
        b: { service: users, method: POST, path: /b, body: "id={$.id}", headers: { Content-Type: application/x-www-form-urlencoded } }"""
    with Pages({"/a/7": {"v": 1}, "/b": {"v": 2}}) as users:
        with Gateway(config(calls, "[$a.v, $b.v]", users=users.url, services="users: {users}")) as gateway:
            sent = b'{"id": 7, "name": "Ada", "n": 1.0}'
            assert fetch(gateway.port, "POST", "/page", [("Content-Type", "application/json")], sent).json() == [1, 2]
            a, b = users.request("/a/7"), users.request("/b")
            assert a.body == b'{"all":{"id": 7, "name": "Ada", "n": 1.0},"id":7,"who":"Ada"}' or json.loads(a.body) == {"all": json.loads(sent), "id": 7, "who": "Ada"}
            assert a.get("content-type") == "application/json" and b.get("content-type") == "application/x-www-form-urlencoded" and b.body == b"id=7"
            for wrong in (b"{", b"<a/>", b'{"a":1}x'):
                answer = fetch(gateway.port, "POST", "/page", (), wrong)
                assert answer.status == 400 and answer.json()["code"] == "body.not_json"
            assert fetch(gateway.port, "POST", "/page", (), b"{}").status == 400  # no $.id for the path
            assert fetch(gateway.port, "POST", "/page", (), b"[" + b"1," * 600_000 + b"1]").status == 413


def test_status_and_headers_by_rule():
    calls = """
        user: { service: users, path: /user }
        orders: { service: users, path: /orders, optional: true }"""
    more = """status: [{ when: "!$orders", status: 207 }, 201]
      headers: { X-Name: "{$user.name}", X-Status: "{calls.user.status}/{calls.orders.status}", X-Rev: "{calls.user.header.x-rev}", X-None: "{calls.user.header.none}", Cache-Control: no-store }"""
    pages = {"/user": Page(USER, headers=[("X-Rev", "7")]), "/orders": ORDERS}
    with Pages(pages) as users:
        with Gateway(config(calls, "{ name: $user.name }", more, users=users.url, services="users: {users}")) as gateway:
            answer = get(gateway.port, "/page")
            assert answer.status == 201 and answer.get("x-name") == "Ada" and answer.get("x-status") == "200/200" and answer.get("x-rev") == "7"
            assert answer.get("x-none") is None and answer.get("cache-control") == "no-store"
            pages["/orders"] = Page({}, status=500)
            answer = get(gateway.port, "/page")
            assert answer.status == 207 and answer.get("x-status") == "200/500"


def test_t22_a_header_that_is_nothing_but_a_calls_has_a_line_for_each_of_its_lines():
    cookies = ["id=1; Path=/; Expires=Wed, 09 Jun 2027 10:18:14 GMT", "lang=en"]
    calls = """
        login: { service: users, path: /login }
        user: { service: users, path: /user, headers: { X-Seen: "{calls.login.header.x-seen}", X-One: "<{calls.login.header.x-seen}>" } }"""
    more = 'headers: { Set-Cookie: "{calls.login.header.set-cookie}", X-Seen: "{calls.login.header.x-seen}", X-None: "{calls.login.header.none}" }'
    seen = [("X-Seen", "a"), ("X-Seen", "b, c")]
    pages = {"/login": Page({}, headers=[("Set-Cookie", c) for c in cookies] + seen), "/user": USER}
    with Pages(pages) as users, Gateway(config(calls, "{ name: $user.name }", more, users=users.url, services="users: {users}")) as gateway:
        answer = get(gateway.port, "/page")
        assert answer.status == 200 and answer.all("set-cookie") == cookies
        assert answer.all("x-seen") == ["a", "b, c"] and answer.all("x-none") == []
        asked = users.request("/user")
        assert asked.all("x-seen") == ["a", "b, c"] and asked.all("x-one") == ["<a, b, c>"]


def test_several_cookie_fields_are_one_value_of_cookies():
    calls = 'user: { service: users, path: /user, headers: { Cookie: "{header.cookie}", X-Cookie: "<{header.cookie}>" } }'
    with Pages({"/user": USER}) as users, Gateway(config("{ " + calls + " }", "{ name: $user.name }", users=users.url, services="users: {users}")) as gateway:
        assert get(gateway.port, "/page", [("Cookie", "a=1"), ("Cookie", "b=2")]).status == 200
        assert users.request("/user").all("cookie") == ["a=1; b=2"] and users.request("/user").get("x-cookie") == "<a=1; b=2>"


def test_an_answer_carries_an_etag_and_304_says_that_it_has_not_changed(dashboard):
    gateway, users, _ = dashboard
    first = get(gateway.port, "/mobile/dashboard", bearer())
    tag = first.get("etag")
    assert tag.startswith('"') and first.get("cache-control") == "private, no-cache"
    with Client(gateway.port) as client:
        for condition in (tag, "W/" + tag, f'"other", {tag}', "*"):
            again = client.get("/mobile/dashboard", bearer() + [("If-None-Match", condition)])
            assert again.status == 304 and again.body == b"" and again.get("etag") == tag and again.get("content-type") is None
            assert again.get("cache-control") == "private, no-cache"
        assert client.get("/mobile/dashboard", bearer() + [("If-None-Match", '"other"')]).status == 200
        users.pages["/users/u-1"] = dict(USER, name="Eva")
        changed = client.get("/mobile/dashboard", bearer() + [("If-None-Match", tag)])
        assert changed.status == 200 and changed.get("etag") != tag
        users.pages["/users/u-1"] = USER


def test_head_is_get_without_the_body(dashboard):
    gateway, _, _ = dashboard
    tag = get(gateway.port, "/mobile/dashboard", bearer()).get("etag")
    answer = fetch(gateway.port, "HEAD", "/mobile/dashboard", bearer())
    assert answer.status == 200 and answer.body == b"" and answer.get("etag") == tag
    assert fetch(gateway.port, "HEAD", "/mobile/dashboard", bearer() + [("If-None-Match", tag)]).status == 304


def test_server_timing_is_there_when_asked_for():
    calls = "{ a: { service: users, path: /a }, b: { service: users, path: /b } }"
    with Pages({"/a": Page(1, delay=0.05), "/b": 2}) as users:
        with Gateway(config(calls, "[$a, $b]", "server_timing: true", users=users.url, services="users: {users}")) as gateway:
            timing = dict(part.split(";dur=") for part in get(gateway.port, "/page").get("server-timing").split(", "))
            assert 50 <= float(timing["a"]) < 120 and float(timing["b"]) < 50
        with Gateway(config(calls, "[$a, $b]", users=users.url, services="users: {users}")) as gateway:
            assert get(gateway.port, "/page").get("server-timing") is None


def test_calls_are_shared_by_anchors_and_a_client_is_told_by_its_header():
    text = """
services: {{ users: {users} }}
x-calls: &calls
  user: {{ service: users, path: /user }}
  orders: {{ service: users, path: /orders }}
routes:
  - {{ name: mobile, match: {{ path: /dashboard, headers: {{ X-Client: mobile }} }}, aggregate: {{ calls: *calls, body: {{ name: $user.name, n: "$orders.orders[*].id" }} }} }}
  - name: web
    match: /dashboard
    aggregate:
      calls: {{ <<: *calls, tips: {{ service: users, path: "/tips?for={{$user.plan}}" }} }}
      body: {{ user: $user, orders: $orders.orders, tips: $tips }}
"""
    with Pages({"/user": USER, "/orders": ORDERS, "/tips": ["a"]}) as users, Gateway(text.format(users=users.url)) as gateway:
        assert get(gateway.port, "/dashboard", [("X-Client", "mobile")]).json() == {"name": "Ada", "n": [12345678901234567890, 7]}
        assert get(gateway.port, "/dashboard").json() == {"user": USER, "orders": ORDERS["orders"], "tips": ["a"]}
        assert users.asked("/tips") == ["/tips?for=gold"]


def test_a_service_with_a_fixed_answer_is_asked_without_a_connection():
    services = "stub: {{ respond: {{ body: {{ name: stub, path: '{{request.path}}' }} }} }}, down: {{ respond: {{ status: 503, body: later }} }}"
    calls = "{ a: { service: stub, path: /x }, b: { service: down, path: /x, optional: true, default: [] } }"
    with Gateway(config(calls, "{ a: $a, b: $b }", services=services)) as gateway:
        assert get(gateway.port, "/page").json() == {"a": {"name": "stub", "path": "/page"}, "b": []}


def test_a_thousand_values_of_a_fixed_answer_are_answered_at_once():
    services = "stub: { respond: { body: 1 } }, list: { respond: { body: [" + ",".join(map(str, range(1000))) + "] } }"
    calls = '{ list: { service: list, path: / }, each: { service: stub, path: "/{$item}", for_each: "$list[*]", max_items: 1000, concurrency: 256 } }'
    with Gateway(config(calls, "$each", services=services.replace("{", "{{").replace("}", "}}"))) as gateway:
        assert get(gateway.port, "/page").json() == [1] * 1000


@pytest.mark.parametrize("depth,status", [(64, 200), (65, 502)])
def test_a24_a_document_as_deep_as_it_may_be_is_one_in_a_list_too(depth, status):
    deep = b"[" * depth + b"]" * depth
    with Pages({"/deep": Page(body=deep)}) as users, Gateway(f"""
services: {{ users: {users.url}, stub: {{ respond: {{ body: [1] }} }} }}
routes:
  - {{ match: /call, aggregate: {{ calls: {{ a: {{ service: users, path: /deep }} }}, body: "$a[0]" }} }}
  - {{ match: /list, aggregate: {{ calls: {{ a: {{ service: users, path: /deep, for_each: "$n[*]" }}, n: {{ service: stub, path: / }} }}, body: "$a[0]" }} }}
  - {{ match: /values, aggregate: {{ calls: {{ b: {{ service: users, path: /deep }}, a: {{ service: stub, path: /, for_each: $b }} }}, body: $a }} }}
""") as gateway:
        for path in ("/call", "/list", "/values"):
            assert get(gateway.port, path).status == status, path


def test_a_chain_of_calls_as_long_as_it_may_be():
    calls = "\n" + "\n".join(f'        c{n}: {{ service: users, path: "/v/{{$c{n - 1}}}" }}' if n else "        c0: { service: users, path: /v/0 }" for n in range(64))
    with Pages({"/v/1": 1, "/v/0": 1}) as users, Gateway(config(calls, "$c63", users=users.url, services="users: {users}")) as gateway:
        assert get(gateway.port, "/page").json() == 1
    stub = config(calls.replace("users", "stub"), "$c63", services="stub: {{ respond: {{ body: 1 }} }}")
    with Gateway(stub) as gateway:
        assert get(gateway.port, "/page").json() == 1


def test_a_query_of_many_values_asks_a_batch_endpoint():
    calls = """
        order: { service: users, path: /order }
        products: { service: users, path: "/products?full=1", query: { id: "$order.items[*].id", shop: $order.shop, none: $order.none } }
        posted: { service: users, path: /batch, method: POST, body: { ids: "$order.items[*].id" } }"""
    with Pages({"/order": {"items": [{"id": "a b"}, {"id": 2}], "shop": "x&y"}, "/products": [1, 2], "/batch": [3]}) as users:
        with Gateway(config(calls, "[$products, $posted]", users=users.url, services="users: {users}")) as gateway:
            assert get(gateway.port, "/page?evil=1").json() == [[1, 2], [3]]
            assert users.asked("/products") == ["/products?full=1&id=a%20b&id=2&shop=x%26y"]
            assert json.loads(users.request("/batch").body) == {"ids": ["a b", 2]}


def test_connections_are_kept_and_counted():
    calls = "{ a: { service: users, path: /a } }"
    with Pages({"/a": 1}) as users, Gateway("workers: 1\n" + config(calls, "$a", users=users.url, services="users: {users}")) as gateway:
        for _ in range(5):
            assert get(gateway.port, "/page").json() == 1
        assert len(users.connections) == 1
        gateway.expect_metric(1, "portico_upstream_connects_total", service="users")
        gateway.expect_metric(4, "portico_upstream_reuses_total", service="users")
        gateway.expect_metric(5, "portico_aggregate_call_seconds_count", route="page", call="a")
