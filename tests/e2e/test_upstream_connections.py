"""Connections to services: kept, used again, replaced where the service closed one just as it was used again."""
import threading
import time
from contextlib import ExitStack

import pytest

from support.client import Client, fetch, get
from support.gateway import Gateway
from support.upstream import Echo, Scripted, answering, eventually, unused_port

CONFIG = """
workers: 1
services: {{ svc: {{ endpoints: [{urls}]{options} }} }}
routes: [{{ match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}" }} }}]
"""


def config(*upstreams, options=""):
    return CONFIG.format(urls=", ".join(u if isinstance(u, str) else u.url for u in upstreams), options=options and ", " + options)


def stale(first_requests=1):
    """A service that closes its first connection when a second request arrives there, unanswered."""
    def script(connection):
        if connection.number == 0:
            for _ in range(first_requests):
                connection.read_request()
                connection.answer(b"first")
            connection.read_request()
            return
        while True:
            connection.read_request()
            connection.answer(b"again")
    return script


def test_one_connection_serves_requests_of_many_clients():
    with Echo() as upstream, Gateway(config(upstream)) as gateway:
        for n in range(30):
            assert get(gateway.port, f"/svc/{n}").json()["connection"] == 0
        assert len(upstream.connections) == 1
        gateway.expect_metric(1, "portico_upstream_connects_total", service="svc")
        gateway.expect_metric(29, "portico_upstream_reuses_total", service="svc")


def test_requests_at_the_same_time_have_connections_of_their_own():
    barrier = threading.Barrier(5, timeout=5)

    def script(connection):
        connection.read_request()
        barrier.wait()
        connection.answer(b"together")

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway:
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(get(gateway.port, "/svc/x").body)) for _ in range(5)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert answers == [b"together"] * 5 and len(upstream.connections) == 5


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PUT"])
def test_a_method_that_may_be_repeated_is_sent_again_where_a_kept_connection_had_died(method):
    with Scripted(stale()) as upstream, Gateway(config(upstream)) as gateway:
        assert get(gateway.port, "/svc/1").body == b"first"
        with Client(gateway.port) as client:
            client.send_head(method, "/svc/2")
            if method == "HEAD":
                start, _ = client.wire.head("the answer")
                assert start == b"HTTP/1.1 200 OK"
            else:
                assert client.read_response().body == b"again"
        line = gateway.access_line(lambda e: e["path"] == "/svc/2")
        assert line["status"] == 200 and line["attempts"] == 2 and line["retry"]
        gateway.expect_metric(1, "portico_upstream_stale_reuse_total", service="svc")
    assert [r.target for r in upstream.requests] == ["/1", "/2", "/2"]


@pytest.mark.parametrize("body", [None, b"", b"an order"])
def test_post_is_never_sent_twice(body):
    with Scripted(stale()) as upstream, Gateway(config(upstream)) as gateway:
        assert get(gateway.port, "/svc/1").body == b"first"
        answer = fetch(gateway.port, "POST", "/svc/2", body=body)
        assert answer.status == 502 and answer.code == "upstream.closed"
        line = gateway.access_line(lambda e: e["path"] == "/svc/2")
        assert line["attempts"] == 1 and "retry" not in line
        gateway.expect_metric(0, "portico_upstream_stale_reuse_total", service="svc")
    assert [r.target for r in upstream.requests] == ["/1", "/2"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_kept_connection_that_the_service_has_closed_is_not_used(method):
    """The close came long before the next request: whatever the method, a fresh connection takes it."""
    def script(connection):
        connection.read_request()
        connection.answer(b"%d" % connection.number)

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway:
        assert get(gateway.port, "/svc/1").body == b"0"
        upstream.wait_idle()
        time.sleep(0.05)
        answer = fetch(gateway.port, method, "/svc/2", body=b"x" if method == "POST" else None)
        assert (answer.status, answer.body) == (200, b"1")
        assert gateway.access_line(lambda e: e["path"] == "/svc/2")["attempts"] == 1


def test_a_fresh_connection_that_dies_is_not_tried_again():
    with Scripted(lambda connection: connection.read_request()) as upstream, Gateway(config(upstream)) as gateway:
        answer = get(gateway.port, "/svc/1")
        assert answer.status == 502 and answer.code == "upstream.closed"
    assert len(upstream.requests) == 1


def test_once_a_byte_of_an_answer_came_nothing_is_sent_again():
    def script(connection):
        connection.read_request()
        connection.answer(b"first")
        connection.read_request()
        connection.send(b"HTTP/1.1 2")

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway:
        assert get(gateway.port, "/svc/1").status == 200
        assert get(gateway.port, "/svc/2").status == 502
    assert len(upstream.requests) == 2


def test_connection_close_of_the_service_is_obeyed():
    def script(connection):
        connection.read_request()
        connection.answer(b"last words", headers=[("Connection", "close")])
        assert connection.wait_for_close() == b""

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway:
        for _ in range(3):
            answer = get(gateway.port, "/svc/x")
            assert answer.body == b"last words" and answer.get("connection") is None
    assert len(upstream.connections) == 3


def test_a_service_that_speaks_http_1_0_is_understood_and_its_connection_not_kept():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the close")

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway:
        with Client(gateway.port) as client:
            for _ in range(2):
                assert client.get("/svc/x").body == b"until the close"
    assert len(upstream.connections) == 2


def test_a_keep_alive_hint_of_the_service_shortens_the_rest():
    def script(connection):
        while True:
            connection.read_request()
            connection.answer(b"%d" % connection.number, headers=[("Keep-Alive", "timeout=1")])

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway:
        assert get(gateway.port, "/svc/x").body == b"0"
        assert get(gateway.port, "/svc/x").body == b"1"


def test_idle_connection_bounds_the_rest():
    with Echo() as upstream, Gateway(config(upstream, options="idle_connection: 200ms")) as gateway:
        assert get(gateway.port, "/svc/x").json()["connection"] == 0
        time.sleep(0.4)
        assert get(gateway.port, "/svc/x").json()["connection"] == 1


def test_max_idle_zero_keeps_no_connection():
    with Echo() as upstream, Gateway(config(upstream, options="max_idle: 0")) as gateway:
        assert [get(gateway.port, "/svc/x").json()["connection"] for _ in range(3)] == [0, 1, 2]


def test_beyond_max_connections_it_is_503():
    release = threading.Event()

    def script(connection):
        connection.read_request()
        release.wait(5)
        connection.answer(b"held")

    with Scripted(script) as upstream, Gateway(config(upstream, options="max_connections: 1")) as gateway:
        with Client(gateway.port) as first:
            first.send_head("GET", "/svc/held")
            upstream.wait(lambda: upstream.requests, "the first request")
            answer = get(gateway.port, "/svc/more")
            assert answer.status == 503 and answer.code == "upstream.overloaded"
            release.set()
            assert first.read_response().body == b"held"


def test_requests_are_spread_over_the_endpoints():
    with Echo("a") as a, Echo("b") as b, Echo("c") as c, Gateway(config(a, b, c)) as gateway:
        seen = [get(gateway.port, "/svc/x").json()["upstream"] for _ in range(30)]
    assert {name: seen.count(name) for name in "abc"} == {"a": 10, "b": 10, "c": 10}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_endpoint_that_refuses_is_passed_over_whatever_the_method(method):
    """Nothing was sent, so nothing can be done twice."""
    holder, port = unused_port()
    with holder, Echo("alive") as alive, Gateway(config(f"http://127.0.0.1:{port}", alive)) as gateway:
        for _ in range(6):
            answer = fetch(gateway.port, method, "/svc/x", body=b"x" if method == "POST" else None)
            assert answer.status == 200 and answer.json()["upstream"] == "alive"


def test_an_endpoint_that_comes_back_is_used_again():
    holder, port = unused_port()
    with holder, Echo("alive") as alive, Gateway(config(f"http://127.0.0.1:{port}", alive)) as gateway:
        assert {get(gateway.port, "/svc/x").json()["upstream"] for _ in range(4)} == {"alive"}
        holder.close()
        with Echo("back", port=port):
            eventually(lambda: get(gateway.port, "/svc/x").json()["upstream"] == "back", "the use of the endpoint that came back", every=0.05)


def test_t94_endpoints_that_all_refused_are_all_used_again_soon():
    """However many requests found out at once: their failures are one."""
    with ExitStack() as stack:
        held = [unused_port() for _ in range(3)]
        ports = [port for _, port in held]
        seen, over = set(), threading.Event()

        def ask():
            while not over.is_set():
                answer = get(gateway.port, "/svc/x")
                if answer.status == 200:
                    seen.add(answer.json()["upstream"])
                time.sleep(0.01)

        gateway = stack.enter_context(Gateway(config(*(f"http://127.0.0.1:{port}" for port in ports))))
        clients = [threading.Thread(target=ask) for _ in range(8)]
        stack.callback(lambda: [client.join() for client in clients])
        stack.callback(over.set)
        for client in clients:
            client.start()
        time.sleep(2)
        assert not seen
        for (holder, port), name in zip(held, "abc"):
            holder.close()
            stack.enter_context(Echo(name, port=port))
        eventually(lambda: seen == set("abc"), "the use of all three", timeout=4)
        over.set()


def test_the_connections_upstream_are_counted():
    with Scripted(answering()) as upstream, Gateway(config(upstream)) as gateway:
        assert get(gateway.port, "/svc/x").status == 200
        gateway.expect_metric(1, "portico_upstream_connections_open", service="svc")


def test_the_end_of_the_gateway_closes_its_connections_upstream():
    closed = threading.Event()

    def script(connection):
        connection.read_request()
        connection.answer(b"ok")
        if connection.wait_for_close() == b"":
            closed.set()

    with Scripted(script) as upstream:
        with Gateway(config(upstream)) as gateway:
            assert get(gateway.port, "/svc/x").status == 200
        assert closed.wait(5)
