"""`/{service}/**` to `/{**}`: the plainest gateway. What the service sees, and what the client gets back."""
import hashlib

import pytest

from support.client import Client, fetch, get
from support.gateway import Gateway
from support.upstream import Echo, Scripted, answering

CONFIG = """
services:
  users: {users}
  orders: {orders}
  hidden: {{ endpoints: [{orders}], internal: true }}
routes:
  - {{ name: general, match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}" }} }}
"""


@pytest.fixture(scope="module")
def upstreams():
    with Echo("users") as users, Echo("orders") as orders:
        yield users, orders


@pytest.fixture(scope="module")
def gateway(upstreams):
    users, orders = upstreams
    with Gateway(CONFIG.format(users=users.url, orders=orders.url)) as running:
        yield running


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_a_method_reaches_the_service_with_the_rest_of_the_path(gateway, method):
    seen = fetch(gateway.port, method, "/users/42/orders").json()
    assert (seen["upstream"], seen["method"], seen["target"]) == ("users", method, "/42/orders")


def test_head_reaches_the_service_as_head_and_its_answer_has_no_body(gateway, upstreams):
    answer = fetch(gateway.port, "HEAD", "/users/42")
    assert answer.status == 200 and answer.body == b""
    assert upstreams[0].last.method == "HEAD"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_a_body_passes_with_every_method(gateway, method):
    body = b"one body\r\nwith lines \x00\xff"
    seen = fetch(gateway.port, method, "/orders/x", body=body).json()
    assert seen["length"] == len(body) and seen["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_method_that_no_standard_lists_passes_where_no_condition_forbids_it(gateway):
    assert fetch(gateway.port, "FROBNICATE", "/users/a").json()["method"] == "FROBNICATE"


@pytest.mark.parametrize("query", ["?a=1&b=2", "?", "?a=1&a=2&A=3", "?x=%20%2F%3f&y=+", "?/..//;='()*!,@:$", "?q=a?b"])
def test_the_query_passes_as_it_was_written(gateway, query):
    assert get(gateway.port, "/users/search" + query).json()["target"] == "/search" + query


def test_services_are_told_apart_by_name(gateway):
    assert get(gateway.port, "/users/1").json()["upstream"] == "users"
    assert get(gateway.port, "/orders/1").json()["upstream"] == "orders"


def test_an_unknown_service_is_404_service_not_found(gateway):
    answer = get(gateway.port, "/nobody/1")
    problem = answer.json()
    assert answer.status == 404 and answer.get("content-type") == "application/problem+json"
    assert problem["title"] == "Service not found" and problem["status"] == 404
    assert problem["code"] == "route.service_not_found" and problem["type"] and problem["detail"]
    assert problem["request_id"] == answer.get("x-request-id")


def test_an_internal_service_answers_exactly_as_an_absent_one(gateway):
    hidden, absent = get(gateway.port, "/hidden/1").json(), get(gateway.port, "/absent/1").json()
    hidden.pop("request_id"), absent.pop("request_id")
    assert hidden == absent and hidden["status"] == 404


def test_the_name_of_a_service_is_compared_with_case(gateway):
    assert get(gateway.port, "/Users/1").status == 404


def test_a_path_that_no_route_takes_is_404(gateway):
    answer = get(gateway.port, "/")
    assert answer.status == 404 and answer.code == "route.none" and answer.json()["title"] == "Not found"


def test_fields_of_the_request_pass_in_order_with_their_duplicates_and_case(gateway):
    sent = [("X-One", "1"), ("accept", "text/html, */*;q=0.1"), ("X-Two", "a"), ("x-two", "b"), ("X-Empty", ""), ("Cookie", "a=b; c=d"),
            ("Authorization", "Bearer abc.def.ghi"), ("X-Latin", "caf\xe9"), ("User-Agent", "test/1.0 (a; b)")]
    seen = get(gateway.port, "/users/1", sent).json()["headers"]
    names = {n.lower() for n, _ in sent}
    assert [(n, v) for n, v in seen if n.lower() in names] == sent


def test_the_service_sees_its_own_authority_as_host(gateway, upstreams):
    seen = dict(get(gateway.port, "/users/1", host="shop.example.com:8443").json()["headers"])
    assert seen["Host"] == upstreams[0].authority
    assert seen["X-Forwarded-Host"] == "shop.example.com:8443"


def test_status_reason_headers_and_body_of_the_answer_come_back():
    with Scripted(answering(b"\x00\x01 made", "201 Made Here", [("Content-Type", "application/x-thing"), ("Set-Cookie", "a=1"),
                                                                ("Set-Cookie", "b=2"), ("ETag", '"x"'), ("Server", "thing/1")])) as upstream:
        with Gateway(CONFIG.format(users=upstream.url, orders=upstream.url)) as gateway:
            answer = get(gateway.port, "/users/1")
    assert (answer.status, answer.reason, answer.body) == (201, "Made Here", b"\x00\x01 made")
    assert answer.all("set-cookie") == ["a=1", "b=2"]
    assert answer.get("content-type") == "application/x-thing"
    assert answer.get("etag") == '"x"' and answer.get("server") == "thing/1"


@pytest.mark.parametrize("status", ["200 OK", "202 Accepted", "301 Moved", "400 Bad Request", "401 Unauthorized", "404 Not Found", "418 Teapot",
                                    "429 Slow Down", "500 Oops", "503 Later", "599 Odd"])
def test_an_answer_of_the_service_is_passed_on_whatever_its_status(status):
    with Scripted(answering(b"the service's own words", status)) as upstream:
        with Gateway(CONFIG.format(users=upstream.url, orders=upstream.url)) as gateway:
            answer = get(gateway.port, "/users/1")
    assert f"{answer.status} {answer.reason}" == status and answer.body == b"the service's own words"
    assert len(upstream.requests) == 1


def test_every_answer_carries_a_date(gateway):
    assert get(gateway.port, "/users/1").get("date").endswith(" GMT")
    assert get(gateway.port, "/nobody/1").get("date").endswith(" GMT")


def test_absolute_form_is_taken_apart_and_origin_form_sent(gateway, upstreams):
    answer = get(gateway.port, "http://gateway.test/users/7?x=y", host="gateway.test")
    assert answer.json()["target"] == "/7?x=y"


def test_options_asterisk_is_answered_by_the_gateway(gateway, upstreams):
    before = len(upstreams[0].requests) + len(upstreams[1].requests)
    answer = fetch(gateway.port, "OPTIONS", "*")
    assert answer.status in (200, 204) and "GET" in answer.get("allow")
    assert len(upstreams[0].requests) + len(upstreams[1].requests) == before


@pytest.mark.parametrize("method,target", [("CONNECT", "gateway.test:443"), ("TRACE", "/users/1")])
def test_connect_and_trace_are_not_served(gateway, method, target):
    answer = fetch(gateway.port, method, target)
    assert answer.status == 501 and answer.code == "http.not_implemented"


def test_requests_on_one_connection_go_where_each_of_them_says(gateway):
    with Client(gateway.port) as client:
        for n in range(20):
            name = ("users", "orders")[n % 2]
            seen = client.get(f"/{name}/{n}").json()
            assert (seen["upstream"], seen["target"]) == (name, f"/{n}")
