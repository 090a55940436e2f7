"""A connection to a service is used again only where the request before was written whole and its body ended: nothing of one request is
read as part of the next, whoever answers early, stalls or raises the limits."""
import socket
import threading
import time

import pytest

from support.client import Client, chunk, get
from support.gateway import Gateway
from support.upstream import Scripted
from support.wire import Incomplete

LARGE_HEADS = "limits: { head: 1MiB, body: none }\n"
LONG = "h" * 900_000


def config(service, more=""):
    return f"{more}workers: 1\nservices: {{ svc: {service.url} }}\nroutes: [{{ match: '/**', forward: {{ service: svc }} }}]\n"


def test_a2_a_connection_with_half_a_head_on_it_gets_no_other_request():
    """The service answers when the head has begun, and reads the rest of it much later."""
    asked_again = threading.Event()
    read = {}

    def early(connection):
        begun = connection.sock.recv(100)
        if not begun.startswith(b"GET /long"):
            connection.answer(b"whole")
            read[connection.number] = begun
            return
        connection.answer(b"early")
        asked_again.wait(20)
        while part := connection.sock.recv(1 << 16):
            begun += part
        read[connection.number] = begun

    with Scripted(early) as service:
        # Small segments and little room: what the kernel takes of the head is less than a tenth.
        service.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        service.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with Gateway(config(service, LARGE_HEADS + "timeouts: { idle: 500ms }\n")) as gateway, Client(gateway.port) as first, Client(gateway.port) as second:
            first.send_head("GET", "/long", [("X-Long", LONG)])
            answer = first.read_response()
            assert (answer.status, answer.body) == (200, b"early")
            answer = second.get("/second")
            assert (answer.status, answer.body) == (200, b"whole")
            asked_again.set()
            service.wait(lambda: all(c.done.is_set() for c in service.connections), "the end of both connections")
        assert len(read[0]) < len(LONG), "the head was written whole: this shows nothing"
        assert b"/second" not in read[0] and read[1].startswith(b"GET /second")


@pytest.mark.parametrize("more", ["", LARGE_HEADS], ids=["default limits", "raised limits"])
@pytest.mark.parametrize("size", [1000, 100_000, 600_000])
def test_a3_a_service_that_answers_early_reads_each_body_to_its_end_and_then_the_next_request(more, size):
    def early(connection):
        while True:
            request = connection.read_request(read_body=False)
            connection.answer(b"early")
            time.sleep(0.01)
            try:
                connection.read_body(request)
            except Incomplete:
                return  # the response was whole before the body: its connection is closed, and carries nothing further
            assert request.body == b"b" * int(request.get("content-length") or 0), "a body holds another request's bytes"

    with Scripted(early) as service, Gateway(config(service, more)) as gateway:
        for n in range(8):
            with Client(gateway.port) as client:
                # Head and body in one: much of it lies in the gateway's buffer when the response comes.
                client.send(f"POST /{n} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {size}\r\n\r\n".encode() + b"b" * size)
                assert client.read_response().body == b"early"
            assert get(gateway.port, f"/after/{n}").body == b"early"
        for connection in service.connections:
            targets = [request.target for request in connection.requests]
            assert all(target.startswith("/") and len(target) < 12 for target in targets), targets


@pytest.mark.parametrize("more", ["", LARGE_HEADS], ids=["default limits", "raised limits"])
@pytest.mark.parametrize("size", [10, 70_000, 500_000])
def test_a4_what_follows_a_chunked_body_keeps_its_order(more, size):
    """Behind it stands a body in which something looks like a request."""
    inner = (b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n" * (size // 40 + 1))[:max(size, 43)]

    def whole(connection):
        while True:
            request = connection.read_request()
            connection.answer(str(len(request.body)).encode())

    with Scripted(whole) as service, Gateway(config(service, more)) as gateway, Client(gateway.port) as client:
        for _ in range(3):
            head = b" HTTP/1.1\r\nHost: a.test\r\n"
            everything = (b"POST /one" + head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"c" * size) + chunk(b"") +
                          b"POST /two" + head + b"Content-Length: %d\r\n\r\n" % len(inner) + inner + b"GET /three" + head + b"\r\n")
            sender = threading.Thread(target=client.send, args=(everything,))
            sender.start()
            assert [client.read_response().body for _ in range(3)] == [str(size).encode(), str(len(inner)).encode(), b"0"]
            sender.join()
        assert [request.target for request in service.requests] == ["/one", "/two", "/three"] * 3
