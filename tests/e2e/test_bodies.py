"""Bodies pass byte for byte both ways, with a length or in chunks, small and large."""
import hashlib
import threading
import time

import pytest

from support.client import Client, chunk, fetch, head
from support.gateway import SANITIZED, Gateway
from support.upstream import Echo, Scripted

MIB = 1 << 20
CONFIG = """
services: {{ svc: {url} }}
routes: [{{ match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}" }} }}]
"""
SIZES = [0, 1, 100, 4095, 4096, 4097, 16383, 16384, 65536, 65537, MIB, 5 * MIB + 3]


def pattern(size):
    """Bytes of which no two MiB are equal, so that a swapped or repeated part shows."""
    block = bytes((i * 7 + (i >> 8) * 13) & 255 for i in range(65536))
    made = bytearray()
    number = 0
    while len(made) < size:
        made += number.to_bytes(8, "big") + block
        number += 1
    return bytes(made[:size])


def digest(data):
    return hashlib.sha256(data).hexdigest()


def serve_bodies(connection):
    """GET /SIZE/length, /SIZE/chunked or /SIZE/close answers with pattern(SIZE), framed as asked."""
    while True:
        request = connection.read_request()
        size, framing = request.target.strip("/").split("/")
        body = pattern(int(size))
        if framing == "length":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
            connection.send(body)
        elif framing == "chunked":
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(body), 50_000):
                connection.send(chunk(body[at:at + 50_000]))
            connection.send(b"0\r\n\r\n")
        else:
            connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            connection.send(body)
            return


@pytest.fixture(scope="module")
def echo():
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        yield gateway, upstream


@pytest.fixture(scope="module")
def bodies():
    with Scripted(serve_bodies) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        yield gateway


@pytest.mark.parametrize("size", SIZES)
def test_a_request_body_with_a_length_arrives_whole(echo, size):
    gateway, _ = echo
    body = pattern(size)
    seen = fetch(gateway.port, "POST", "/svc/in", body=body).json()
    assert (seen["length"], seen["sha256"]) == (size, digest(body))
    assert ["Content-Length", str(size)] in seen["headers"]


@pytest.mark.parametrize("size", SIZES)
def test_a_chunked_request_body_arrives_whole_and_chunked(echo, size):
    gateway, _ = echo
    body = pattern(size)
    with Client(gateway.port) as client:
        client.send_head("POST", "/svc/in", [("Transfer-Encoding", "chunked")])
        for at in range(0, size, 60_001):
            client.send(chunk(body[at:at + 60_001]))
        client.send(b"0\r\n\r\n")
        seen = client.read_response().json()
    assert (seen["length"], seen["sha256"], seen["chunked"]) == (size, digest(body), True)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("size", SIZES)
def test_a_body_of_the_answer_comes_back_whole(bodies, size, framing):
    answer = fetch(bodies.port, "GET", f"/svc/{size}/{framing}")
    assert (answer.length, answer.sha256) == (size, digest(pattern(size)))
    assert answer.chunked == (framing != "length")


def test_64_mib_with_a_length_arrive_whole_at_the_service(echo):
    gateway, _ = echo
    body = pattern(64 * MIB)
    seen = fetch(gateway.port, "PUT", "/svc/in", body=body).json()
    assert (seen["length"], seen["sha256"]) == (len(body), digest(body))


def test_64_mib_in_chunks_arrive_whole_at_the_service(echo):
    gateway, _ = echo
    body = pattern(64 * MIB)
    with Client(gateway.port) as client:
        client.send_head("PUT", "/svc/in", [("Transfer-Encoding", "chunked")])
        for at in range(0, len(body), MIB):
            client.send(chunk(body[at:at + MIB]))
        client.send(b"0\r\n\r\n")
        seen = client.read_response().json()
    assert (seen["length"], seen["sha256"]) == (len(body), digest(body))


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_64_mib_come_back_whole(bodies, framing):
    answer = fetch(bodies.port, "GET", f"/svc/{64 * MIB}/{framing}")
    assert (answer.length, answer.sha256) == (64 * MIB, digest(pattern(64 * MIB)))


def test_bodies_both_ways_at_once_pass_without_waiting_for_each_other():
    """A service that answers while it still reads gets and gives every byte."""
    body = pattern(8 * MIB)

    def mirror(connection):
        request = connection.read_request(read_body=False)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % request.announced)
        connection.wire.take(request.announced, connection.send)
        connection.wait_for_close()

    with Scripted(mirror) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway, Client(gateway.port) as client:
        writer = threading.Thread(target=client.send, args=(head("POST", "/svc/m", [("Content-Length", len(body))]) + body,))
        writer.start()
        answer = client.read_response()
        writer.join()
    assert (answer.length, answer.sha256) == (len(body), digest(body))


@pytest.mark.parametrize("sizes", [[1] * 300, [1, 2, 3, 5, 8, 13, 21], [65536, 1, 65535, 2]])
def test_chunks_of_any_size_make_the_same_body(echo, sizes):
    gateway, _ = echo
    body = pattern(sum(sizes))
    parts, at = [], 0
    for size in sizes:
        parts.append(chunk(body[at:at + size]))
        at += size
    with Client(gateway.port) as client:
        client.send(head("POST", "/svc/in", [("Transfer-Encoding", "chunked")]) + b"".join(parts) + b"0\r\n\r\n")
        assert client.read_response().json()["sha256"] == digest(body)


def test_a_chunked_body_may_arrive_byte_by_byte(echo):
    gateway, _ = echo
    text = head("POST", "/svc/in", [("Transfer-Encoding", "chunked")]) + b"5;name=\"v;\\\"\"\r\nhello\r\n00006\r\n world\r\n0\r\n\r\n"
    with Client(gateway.port) as client:
        for byte in text:
            client.send(bytes([byte]))
        seen = client.read_response().json()
    assert seen["sha256"] == digest(b"hello world")


def test_chunk_extensions_are_not_passed_on(echo):
    gateway, upstream = echo
    with Client(gateway.port) as client:
        client.send(head("POST", "/svc/in", [("Transfer-Encoding", "chunked")]) + b"3;secret=1\r\nabc\r\n0;last\r\n\r\n")
        assert client.read_response().json()["length"] == 3
    assert not any(b"secret=1" in c.raw for c in upstream.connections)


def test_trailers_of_a_request_reach_the_service(echo):
    gateway, _ = echo
    with Client(gateway.port) as client:
        client.send(head("POST", "/svc/in", [("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")]) +
                    b"3\r\nabc\r\n0\r\nX-Sum: 900150983cd24fb0\r\nX-More: y\r\n\r\n")
        seen = client.read_response().json()
    assert seen["trailers"] == [["X-Sum", "900150983cd24fb0"], ["X-More", "y"]]


@pytest.mark.parametrize("name", ["Authorization", "X-Forwarded-For", "X-Request-ID", "Cookie", "X_Forwarded_Host", "Content-Type",
                                  "Content_Length", "Transfer_Encoding", "If-Match", "Range", "traceparent", "X-HTTP-Method-Override"])
def test_a_trailer_that_would_route_or_authenticate_is_dropped(echo, name):
    gateway, _ = echo
    with Client(gateway.port) as client:
        client.send(head("POST", "/svc/in", [("Transfer-Encoding", "chunked")]) +
                    b"3\r\nabc\r\n0\r\n" + name.encode() + b": evil\r\nX-Fine: y\r\n\r\n")
        answer = client.read_response()
    if answer.status == 200:
        assert answer.json()["trailers"] == [["X-Fine", "y"]]
    else:
        assert answer.status == 400


def test_trailers_of_an_answer_reach_the_client():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n")

    with Scripted(script) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        answer = fetch(gateway.port, "GET", "/svc/x")
    assert answer.body == b"abc" and answer.trailers == [("X-Sum", "1"), ("X-More", "2")]


def test_a_trailer_of_an_answer_that_would_frame_or_set_a_cookie_is_dropped():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nContent_Length: 5\r\nSet-Cookie: a=b\r\nX-Fine: y\r\n\r\n")

    with Scripted(script) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        answer = fetch(gateway.port, "GET", "/svc/x")
    assert answer.body == b"abc" and answer.trailers == [("X-Fine", "y")]


def test_a_request_without_a_body_reaches_the_service_without_a_length(echo):
    gateway, _ = echo
    names = [n.lower() for n, _ in fetch(gateway.port, "GET", "/svc/x").json()["headers"]]
    assert "content-length" not in names and "transfer-encoding" not in names


def test_a_post_with_length_zero_keeps_its_length(echo):
    gateway, _ = echo
    assert ["Content-Length", "0"] in fetch(gateway.port, "POST", "/svc/x", body=b"").json()["headers"]


def test_parts_of_a_streamed_answer_arrive_as_they_are_sent():
    """The gateway holds nothing back: each part is read before the next is written."""
    go = threading.Semaphore(0)

    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for n in range(5):
            assert go.acquire(timeout=5)
            connection.send(chunk(b"data: %d\n\n" % n))
        connection.send(b"0\r\n\r\n")

    with Scripted(script) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/svc/events")
        start, headers = client.wire.head("the answer")
        assert start == b"HTTP/1.1 200 OK" and ("Transfer-Encoding", "chunked") in headers
        for n in range(5):
            go.release()
            text = b"data: %d\n\n" % n
            assert int(client.wire.line("size"), 16) == len(text)
            got = bytearray()
            client.wire.take(len(text), got.extend)
            assert got == text and client.wire.line("end") == b""
        assert client.wire.line("last chunk") == b"0" and client.wire.fields("trailers") == []


def test_parts_of_a_streamed_request_arrive_as_they_are_sent():
    """An upload that rests in the middle has delivered what it sent."""
    seen = threading.Semaphore(0)

    def script(connection):
        request = connection.read_request(read_body=False)
        assert request.framing == "chunked"
        for n in range(5):
            assert int(connection.wire.line("size"), 16) == 4
            part = bytearray()
            connection.wire.take(4, part.extend)
            assert part == b"pt%02d" % n and connection.wire.line("end") == b""
            seen.release()
        assert connection.wire.line("last") == b"0" and connection.wire.fields("trailers") == []
        connection.answer(b"all")

    with Scripted(script) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway, Client(gateway.port) as client:
        client.send_head("POST", "/svc/up", [("Transfer-Encoding", "chunked")])
        for n in range(5):
            client.send(chunk(b"pt%02d" % n))
            assert seen.acquire(timeout=5)
        client.send(b"0\r\n\r\n")
        assert client.read_response().body == b"all"


def test_a_client_that_does_not_read_stops_the_service_from_sending():
    """Back-pressure: the gateway buffers a bounded amount, whatever the length of the answer."""
    sent = [0]
    stopped = threading.Event()

    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MIB))
        block = pattern(MIB)
        connection.sock.settimeout(1)
        for n in range(64):
            try:
                connection.sock.sendall(block)
            except TimeoutError:
                break
            sent[0] += len(block)
        stopped.set()

    with Scripted(script) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        with Client(gateway.port, receive_buffer=65536) as client:
            client.send_head("GET", "/svc/large")
            assert stopped.wait(10)
            assert sent[0] < 32 * MIB, "the gateway took the whole answer although nobody read it"


# What a body may add to the gateway's memory: a pipe's worth of buffers in each direction, and no part of the body kept.
FLAT = 4 * 1024


@pytest.mark.skipif(SANITIZED, reason="the memory is the sanitizer's")
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_memory_stays_flat_while_64_mib_go_up(echo, framing):
    gateway, _ = echo
    block = pattern(MIB)
    fetch(gateway.port, "POST", "/svc/in", body=block)
    before, most = gateway.resident(), 0
    with Client(gateway.port, timeout=60) as client:
        client.send_head("POST", "/svc/in", [("Content-Length", 64 * MIB)] if framing == "length" else [("Transfer-Encoding", "chunked")])
        for _ in range(64):
            client.send(block if framing == "length" else chunk(block))
            most = max(most, gateway.resident())
        if framing == "chunked":
            client.send(b"0\r\n\r\n")
        assert client.read_response().json()["length"] == 64 * MIB
    assert most - before < FLAT, f"{most - before} KiB more"


@pytest.mark.skipif(SANITIZED, reason="the memory is the sanitizer's")
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_memory_stays_flat_while_64_mib_come_down_to_a_slow_reader(framing):
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\n" + {"length": b"Content-Length: %d" % (64 * MIB), "chunked": b"Transfer-Encoding: chunked",
                                                  "close": b"Connection: close"}[framing] + b"\r\n\r\n")
        block = pattern(MIB)
        for _ in range(64):
            connection.send(chunk(block) if framing == "chunked" else block)
        if framing == "chunked":
            connection.send(b"0\r\n\r\n")

    with Scripted(script) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        before, most = gateway.resident(), 0
        with Client(gateway.port, timeout=30, receive_buffer=65536) as client:
            client.send_head("GET", "/svc/out")
            client.wire.head("the answer")
            taken = len(client.wire.buffer)
            while taken < 64 * MIB and (part := client.sock.recv(MIB)):
                taken += len(part)
                most = max(most, gateway.resident())
                if taken < 4 * MIB:
                    time.sleep(0.005)
        assert taken >= 64 * MIB
        assert most - before < FLAT, f"{most - before} KiB more"


@pytest.mark.long
def test_a_gibibyte_goes_up_in_bounded_memory():
    block = pattern(MIB)
    expected = hashlib.sha256()
    for _ in range(1024):
        expected.update(block)

    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url) + "limits: { body: none }\n") as gateway, Client(gateway.port, timeout=120) as client:
        before = gateway.resident()
        client.send_head("POST", "/svc/in", [("Content-Length", 1024 * MIB)])
        for _ in range(1024):
            client.send(block)
        assert gateway.resident() - before < 16 * 1024
        assert client.read_response().json()["sha256"] == expected.hexdigest()
