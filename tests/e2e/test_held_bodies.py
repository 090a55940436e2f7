"""What stalls, leaves, reloads or ends while a body is held for a transform, or while an aggregate's calls run."""
import threading

import pytest

from support.client import Client, get
from support.gateway import SANITIZED, Gateway
from support.pages import Page, Pages
from support.upstream import Echo, Scripted

JSON = ("Content-Type", "application/json")
MIB = 1 << 20


def shaping(url, more=""):
    return f"""
services: {{ svc: {url} }}
timeouts: {{ idle: 300ms, first_byte: 300ms }}
routes:
  - match: /**
    use: [{{ transform: {{ request: {{ body: {{ n: $.n }} }}, response: {{ body: {{ n: $.n }} }} }} }}]
    forward: {{ service: svc }}
{more}
"""


def test_a_client_that_stalls_in_a_held_body_is_told_so_and_the_service_sees_nothing():
    with Echo() as echo, Gateway(shaping(echo.url)) as gateway, Client(gateway.port) as client:
        client.send_head("POST", "/", [JSON, ("Content-Length", 9)])
        client.send(b'{"n"')
        answer = client.read_response()
        assert (answer.status, answer.code) == (408, "http.body_timeout") and not echo.requests


def test_a_client_that_leaves_in_a_held_body_costs_nothing():
    with Echo() as echo, Gateway(shaping(echo.url)) as gateway:
        client = Client(gateway.port)
        client.send_head("POST", "/", [JSON, ("Content-Length", 9)])
        client.send(b'{"n"')
        client.reset()
        assert gateway.access_line(lambda e: e["method"] == "POST")["code"] == "http.client_gone"
        assert not echo.requests


@pytest.mark.parametrize("first", [b"", b'{"n":'], ids=["before its body", "in its body"])
def test_a_service_that_stalls_before_a_held_answer_is_whole_is_504(first):
    done = threading.Event()

    def stalls(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n" + first)
        done.wait(10)
    try:
        with Scripted(stalls) as svc, Gateway(shaping(svc.url)) as gateway, Client(gateway.port) as client:
            answer = client.request("GET", "/")
            assert (answer.status, answer.code) == (504, "upstream.idle_timeout")
            assert client.request("OPTIONS", "*").status == 204  # the client's connection is as good as before
    finally:
        done.set()


def test_a_client_that_leaves_while_its_answer_is_held_closes_the_services_connection():
    closed = threading.Event()

    def half(connection):
        connection.read_request()
        connection.send(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"n"')
        connection.wait_for_close()
        closed.set()
    with Scripted(half) as svc, Gateway(shaping(svc.url).replace("300ms", "30s")) as gateway:
        client = Client(gateway.port)
        client.send_head("GET", "/")
        svc.wait(lambda: svc.requests, "the request")
        client.reset()
        assert closed.wait(5)


def test_a_reload_leaves_a_held_body_to_the_configuration_that_it_began_with():
    with Echo() as echo, Gateway(shaping(echo.url).replace("300ms", "30s")) as gateway, Client(gateway.port) as client:
        client.send_head("POST", "/", [JSON, ("Content-Length", 7), ("Expect", "100-continue")])
        assert client.wire.head("100")[0] == b"HTTP/1.1 100 Continue"  # it has begun
        client.send(b'{"n"')
        gateway.reload(shaping(echo.url).replace("body: { n: $.n }", "body: { m: $.n }").replace("300ms", "30s"))
        client.send(b":1}")
        assert client.read_response().status == 200 and echo.last.body == b'{"n":1}'
        assert client.request("POST", "/", [JSON], b'{"n":2}').status == 200 and echo.last.body == b'{"m":2}'


def dashboard(users, member="u"):
    return f"""
services: {{ users: {users.url} }}
routes:
  - match: /page
    aggregate:
      calls:
        list: {{ service: users, path: /list }}
        each: {{ service: users, path: "/i/{{$item}}", for_each: "$list[*]" }}
      body: {{ {member}: $each }}
"""


def held_pages(gate):
    def slow(_):
        gate.wait(10)
        return {"v": 1}
    return {"/list": [1, 2, 3], "/i/1": slow, "/i/2": slow, "/i/3": slow}


def test_a_reload_leaves_a_running_aggregate_to_the_configuration_that_it_began_with():
    gate = threading.Event()
    with Pages(held_pages(gate)) as users, Gateway(dashboard(users)) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/page")
        users.wait(lambda: len(users.requests) == 4, "the fan-out")
        gateway.reload(dashboard(users, "w"))
        gate.set()
        assert client.read_response().json() == {"u": [{"v": 1}] * 3}
        assert client.request("GET", "/page").json() == {"w": [{"v": 1}] * 3}


def test_a_drain_lets_a_running_aggregate_finish():
    gate = threading.Event()
    with Pages(held_pages(gate)) as users, Gateway(dashboard(users)) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/page")
        users.wait(lambda: len(users.requests) == 4, "the fan-out")
        gateway.terminate()
        gateway.wait_for_line("portico: draining")
        gate.set()
        answer = client.read_response()
        assert answer.json() == {"u": [{"v": 1}] * 3} and answer.get("Connection") == "close"
        assert gateway.wait() == 0


def test_a_fan_out_over_more_connections_than_a_service_may_have_is_503():
    gate = threading.Event()
    with Pages(held_pages(gate)) as users:
        text = dashboard(users).replace(f"users: {users.url}", f"users: {{ endpoints: [{users.url}], max_connections: 2 }}")
        narrow = text[text.index("  - match"):].replace("/page", "/narrow").replace('"$list[*]"', '"$list[*]", concurrency: 2')
        with Gateway("workers: 1\n" + text + narrow) as gateway:
            answer = get(gateway.port, "/page")
            gate.set()
            assert (answer.status, answer.code) == (503, "aggregate.call_unavailable") and '"each"' in answer.json()["detail"]
            # What was broken off holds none of them any more.
            assert get(gateway.port, "/narrow").json() == {"u": [{"v": 1}] * 3}


@pytest.mark.skipif(SANITIZED, reason="memory is measured")
def test_a_list_of_10_mib_is_projected_in_bounded_memory():
    item = '{"id":%d,"price":1.50,"secret":"' + "x" * 100 + '","tags":[{"n":"a"},{"n":"b"}]}'
    count = 10 * MIB // len(item % 10**15)
    body = ("[" + ",".join(item % (10**15 + i) for i in range(count)) + "]").encode()
    text = """
services: { svc: %s }
routes:
  - { match: /t, use: [{ transform: { response: { max_body: 16MiB, body: { for_each: $, item: { id: $item.id, price: $item.price, tags: "$item.tags[*].n" } } } } }], forward: { service: svc } }
  - { match: /e, use: [{ transform: { response: { max_body: 16MiB, edit: { keep: ["$[*].id"] } } } }], forward: { service: svc } }
"""
    with Pages({"/t": Page(body=body), "/e": Page(body=body)}) as svc, Gateway(text % svc.url) as gateway:
        before = gateway.resident()
        for _ in range(3):
            made = get(gateway.port, "/t").json()
            assert len(made) == count and made[-1] == {"id": 10**15 + count - 1, "price": 1.5, "tags": ["a", "b"]}
            assert len(get(gateway.port, "/e").json()) == count
        # The answer as it came, its document and what is made of it, for one of two workers at a time.
        assert gateway.resident() - before < 120 * 1024
