"""The client's connection: how long it lives, what it may send at once, what happens when it leaves."""
import signal
import socket
import threading
import time
from contextlib import ExitStack

import pytest

from support.client import Client, chunk, get, head
from support.gateway import Gateway
from support.upstream import Echo, Scripted, answering, eventually

ROUTES = """
services: {{ svc: {url} }}
routes:
  - {{ match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}" }} }}
  - {{ match: /ping, respond: {{ body: pong }} }}
"""


def config(upstream, more=""):
    return ROUTES.format(url=upstream.url) + more


@pytest.fixture(scope="module")
def echo():
    with Echo() as upstream, Gateway(config(upstream)) as gateway:
        yield gateway


def test_an_http_1_0_client_gets_its_answer_and_the_close(echo):
    with Client(echo.port) as client:
        client.send(b"GET /svc/old HTTP/1.0\r\nHost: a\r\n\r\n")
        answer = client.read_response()
        assert answer.json()["target"] == "/old" and answer.get("connection") == "close"
        client.expect_close()


def test_an_http_1_0_client_needs_no_host(echo):
    with Client(echo.port) as client:
        client.send(b"GET /svc/old HTTP/1.0\r\n\r\n")
        assert client.read_response().status == 200


def test_an_http_1_0_client_that_asks_for_it_keeps_its_connection(echo):
    with Client(echo.port) as client:
        for _ in range(3):
            client.send(b"GET /svc/old HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
            assert client.read_response().get("connection") == "keep-alive"


def test_an_http_1_0_client_is_never_sent_chunks():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"abc") + chunk(b"def") + b"0\r\n\r\n")

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway, Client(gateway.port) as client:
        client.send(b"GET /svc/old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = client.read_response()
    assert answer.body == b"abcdef" and not answer.chunked and answer.get("connection") == "close"


def test_an_http_1_0_client_is_never_sent_an_interim_answer():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        connection.answer(b"done")

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway, Client(gateway.port) as client:
        client.send(b"GET /svc/old HTTP/1.0\r\n\r\n")
        answer = client.read_response()
    assert answer.body == b"done" and answer.interim == []


def test_connection_close_is_obeyed(echo):
    with Client(echo.port) as client:
        assert client.get("/svc/x", [("Connection", "close")]).get("connection") == "close"
        client.expect_close()


def test_a_connection_serves_many_requests(echo):
    with Client(echo.port) as client:
        for n in range(200):
            answer = client.get(f"/svc/{n}")
            assert answer.json()["target"] == f"/{n}" and answer.get("connection") is None


def test_a_refused_request_does_not_cost_the_connection(echo):
    with Client(echo.port) as client:
        assert client.get("/nobody/x").status == 404
        assert client.get("/svc/x").status == 200


def test_100_requests_in_one_write_are_answered_in_order(echo):
    with Client(echo.port) as client:
        client.send(b"".join(head("GET", f"/svc/{n}") for n in range(100)))
        assert [client.read_response().json()["target"] for _ in range(100)] == [f"/{n}" for n in range(100)]


def test_pipelined_requests_with_bodies_of_both_kinds_are_kept_apart(echo):
    sent = b""
    for n in range(40):
        if n % 3 == 0:
            sent += head("POST", f"/svc/{n}", [("Content-Length", n)]) + b"x" * n
        elif n % 3 == 1:
            sent += head("POST", f"/svc/{n}", [("Transfer-Encoding", "chunked")]) + chunk(b"y" * n) + b"0\r\n\r\n"
        else:
            sent += head("GET", f"/svc/{n}")
    with Client(echo.port) as client:
        client.send(sent)
        for n in range(40):
            seen = client.read_response().json()
            assert (seen["target"], seen["length"]) == (f"/{n}", 0 if n % 3 == 2 else n)


def test_pipelined_requests_for_the_gateway_itself_and_for_services_keep_their_order(echo):
    with Client(echo.port) as client:
        client.send(b"".join(head("GET", "/ping" if n % 2 else f"/svc/{n}") for n in range(30)))
        for n in range(30):
            answer = client.read_response()
            assert answer.body == b"pong" if n % 2 else answer.json()["target"] == f"/{n}"


def test_a_bad_request_in_a_pipeline_is_the_last_that_is_answered(echo):
    with Client(echo.port) as client:
        client.send(head("GET", "/svc/1") + b"BAD\x01 / HTTP/1.1\r\n\r\n" + head("GET", "/svc/3"))
        assert client.read_response().json()["target"] == "/1"
        answer = client.read_response()
        assert answer.status == 400 and answer.get("connection") == "close"
        client.expect_close()


def test_a_head_may_arrive_byte_by_byte(echo):
    with Client(echo.port) as client:
        for byte in head("GET", "/svc/slow", [("X-A", "b")]):
            client.send(bytes([byte]))
        assert client.read_response().json()["target"] == "/slow"


def test_empty_lines_before_a_request_are_overlooked(echo):
    """RFC 9112 section 2.2: some clients send a line too many after a POST."""
    with Client(echo.port) as client:
        client.send(b"\r\n" + head("GET", "/svc/x"))
        assert client.read_response().status == 200


def test_a_client_that_closes_its_sending_side_still_gets_its_answer(echo):
    with Client(echo.port) as client:
        client.send_head("GET", "/svc/half")
        client.half_close()
        assert client.read_response().json()["target"] == "/half"
        client.expect_close()


def test_a_client_that_closes_its_sending_side_gets_every_pipelined_answer(echo):
    with Client(echo.port) as client:
        client.send(b"".join(head("GET", f"/svc/{n}") for n in range(10)))
        client.half_close()
        assert [client.read_response().json()["target"] for _ in range(10)] == [f"/{n}" for n in range(10)]
        client.expect_close()


def cancelled_upstream(send, leave, more=""):
    """Sends a request that the service never answers, lets the client leave, and waits for the service to notice."""
    began, over = threading.Event(), threading.Event()

    def script(connection):
        connection.read_request(read_body=False)
        began.set()
        connection.wait_for_close()
        over.set()

    with Scripted(script) as upstream, Gateway(config(upstream, more)) as gateway:
        client = Client(gateway.port)
        client.send(send)
        assert began.wait(5)
        started = time.monotonic()
        leave(client)
        assert over.wait(5), "the request upstream was not cancelled"
        took = time.monotonic() - started
        eventually(lambda: gateway.metric("portico_connections_open") <= 1, "the end of the client's connection")
        line = gateway.access_line(lambda e: e["path"] == "/svc/x")
        assert line["status"] == 0 or line["status"] >= 400, line
        assert line["code"] == "http.client_gone", line
    return took


def test_a_client_that_resets_cancels_the_request_upstream():
    assert cancelled_upstream(head("GET", "/svc/x"), Client.reset) < 1


def test_a_client_that_closes_cancels_the_request_upstream():
    """A close looks like a half-close, so the request is given the configured while."""
    took = cancelled_upstream(head("GET", "/svc/x"), Client.close, "timeouts: { half_close: 300ms }\n")
    assert took < 2


@pytest.mark.parametrize("backend", ["uring", "epoll"])
def test_clients_that_came_all_at_once_are_heard_when_they_leave(backend):
    """More of them than a worker at rest has buffers on offer: some heads find none, and are read otherwise."""
    crowd = 200

    def script(connection):
        connection.read_request()
        connection.wait_for_close()

    more = f"io: {backend}\nworkers: 1\ntimeouts: {{ half_close: 100ms }}\n"
    with Scripted(script, backlog=crowd) as upstream, Gateway(config(upstream, more)) as gateway, ExitStack() as stack:
        gateway.process.send_signal(signal.SIGSTOP)
        try:
            clients = [stack.enter_context(Client(gateway.port)) for _ in range(crowd)]
            for client in clients:
                client.send_head("GET", "/svc/x")
        finally:
            gateway.process.send_signal(signal.SIGCONT)
        upstream.wait(lambda: len(upstream.requests) == crowd, "all requests")
        for number, client in enumerate(clients):
            client.reset() if number % 2 else client.close()
        upstream.wait(lambda: all(c.done.is_set() for c in upstream.connections), "the end of every request upstream", 5)


def test_a_client_that_leaves_in_the_middle_of_its_upload_cancels_the_request_upstream():
    assert cancelled_upstream(head("POST", "/svc/x", [("Content-Length", 1000)]) + b"half", Client.close) < 2


def test_a_client_that_leaves_in_the_middle_of_a_chunked_upload_never_completes_the_request():
    raw = {}

    def script(connection):
        connection.read_request(read_body=False)
        connection.wait_for_close()
        raw["all"] = connection.raw

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway:
        with Client(gateway.port) as client:
            client.send(head("POST", "/svc/x", [("Transfer-Encoding", "chunked")]) + chunk(b"abc"))
            upstream.wait(lambda: upstream.requests, "the request")
        upstream.wait_idle()
    assert not raw["all"].endswith(b"0\r\n\r\n")


def test_a_client_that_leaves_in_the_middle_of_a_download_stops_the_service():
    stopped = threading.Event()

    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while True:
                connection.send(b"x" * 65536)
        except ConnectionError:
            stopped.set()

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway:
        with Client(gateway.port) as client:
            client.send_head("GET", "/svc/x")
            client.wire.head("the answer")
        assert stopped.wait(5)


def test_the_rest_of_a_client_is_served_while_one_of_them_waits():
    release = threading.Event()

    def script(connection):
        while True:
            request = connection.read_request()
            if request.target == "/slow":
                release.wait(5)
            connection.answer(request.target.encode())

    with Scripted(script) as upstream, Gateway(config(upstream, "workers: 1\n")) as gateway:
        with Client(gateway.port) as slow:
            slow.send_head("GET", "/svc/slow")
            upstream.wait(lambda: upstream.requests, "the slow request")
            for n in range(20):
                assert get(gateway.port, f"/svc/{n}").body == f"/{n}".encode()
            release.set()
            assert slow.read_response().body == b"/slow"


def test_a_connection_that_asks_nothing_is_closed_after_idle_client():
    with Scripted(answering()) as upstream, Gateway(config(upstream, "timeouts: { idle_client: 200ms }\n")) as gateway:
        with Client(gateway.port) as client:
            started = time.monotonic()
            client.expect_close()
            assert 0.1 < time.monotonic() - started < 3


def test_a_connection_that_rests_after_an_answer_is_closed_after_idle_client():
    with Scripted(answering()) as upstream, Gateway(config(upstream, "timeouts: { idle_client: 200ms }\n")) as gateway:
        with Client(gateway.port) as client:
            assert client.get("/svc/x").status == 200
            started = time.monotonic()
            client.expect_close()
            assert 0.1 < time.monotonic() - started < 3


def test_a_head_that_takes_too_long_is_408_and_the_close():
    with Scripted(answering()) as upstream, Gateway(config(upstream, "timeouts: { head: 200ms }\n")) as gateway:
        with Client(gateway.port) as client:
            client.send(b"GET /svc/x HTTP/1.1\r\nHost: a\r\nX-Slow: ")
            answer = client.read_response()
            assert answer.status == 408 and answer.code == "http.head_timeout"
            client.expect_close()
    assert upstream.requests == []


def test_beyond_the_limit_of_connections_the_one_that_rested_longest_gives_way():
    with Scripted(answering()) as upstream, Gateway(config(upstream, "workers: 1\nlimits: { connections: 4 }\n")) as gateway:
        clients = [Client(gateway.port) for _ in range(4)]
        for client in clients:
            assert client.get("/svc/x").status == 200
        with Client(gateway.port) as fifth:
            assert fifth.get("/svc/x").status == 200
        clients[0].expect_close()
        for client in clients[1:]:
            assert client.get("/svc/x").status == 200
        for client in clients:
            client.close()


def test_a_listener_may_be_an_ipv6_address():
    with Scripted(answering(b"six")) as upstream:
        listeners = 'listeners: [{ address: "[::1]:0" }]\n'
        with Gateway(listeners + config(upstream)) as gateway, socket.create_connection(("::1", gateway.port), 5) as sock:
            sock.sendall(head("GET", "/svc/x", [("Connection", "close")]))
            received = b""
            while part := sock.recv(65536):
                received += part
    assert received.endswith(b"six")
    assert dict(upstream.requests[0].headers)["X-Forwarded-For"] == "::1"


def test_several_listeners_serve_the_same_routes():
    listeners = "listeners: [{ address: 127.0.0.1:0 }, { address: 127.0.0.2:0 }]\n"
    with Scripted(answering(b"same")) as upstream:
        with Gateway(listeners + config(upstream)) as gateway:
            assert len(gateway.ports) == 2
            assert get(gateway.ports[0], "/svc/x").body == b"same"
            with socket.create_connection(("127.0.0.2", gateway.ports[1]), 5) as sock:
                sock.sendall(head("GET", "/svc/x"))
                assert sock.recv(100).startswith(b"HTTP/1.1 200")
