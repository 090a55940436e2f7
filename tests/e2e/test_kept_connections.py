"""A connection to a service carries another exchange only after both messages of the last one were whole, with nothing behind
them; and no wait on one lasts for ever."""
import contextlib
import os
import re
import signal
import socket
import threading
import time

from support.client import Client, fetch, head
from support.gateway import Gateway
from support.upstream import Scripted
from support.wire import Closed

# Longer than what the kernel takes for a service that reads nothing.
LONG_HEAD = [(f"X-Pad-{n}", "p" * 8000) for n in range(120)]
LONG_HEADS = "limits: { head: 1MiB, fields: 1000 }\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def configuration(upstream, more=""):
    return f"workers: 1\nservices: {{ svc: {upstream.url} }}\nroutes: [{{ match: /**, forward: {{ service: svc }} }}]\n{more}"


def small_windows(upstream):
    """Connections of this upstream take in some kilobytes before somebody reads them."""
    upstream.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    upstream.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)


@contextlib.contextmanager
def stopped(gateway):
    """What happens meanwhile reaches the gateway all at once."""
    os.kill(gateway.process.pid, signal.SIGSTOP)
    tasks = f"/proc/{gateway.process.pid}/task"
    while any(open(f"{tasks}/{t}/stat", encoding="ascii").read().rpartition(")")[2].split()[0] not in "Tt" for t in os.listdir(tasks)):
        time.sleep(0.001)
    try:
        yield
        time.sleep(0.02)
    finally:
        os.kill(gateway.process.pid, signal.SIGCONT)


def request_lines(connection):
    return re.findall(rb"^(?:GET|PUT|POST) \S+", connection.raw, re.M)


def test_a01_a_request_that_waits_for_100_is_repeated_and_its_second_attempt_stalls():
    """The first attempt's body waits behind a gate; the attempt is given up, and the gate must not know of it any more."""
    def script(connection):
        if connection.number == 0:
            connection.read_request()
            connection.answer()
            connection.read_request(read_body=False)
            return  # closed without an answer: the request is repeated
        threading.Event().wait(2.5)  # reads nothing

    with Scripted(script) as upstream:
        small_windows(upstream)
        with Gateway(configuration(upstream, LONG_HEADS + "timeouts: { idle: 300ms, first_byte: 2s }"), exit_code=None) as gateway, Client(gateway.port) as client:
            assert client.get("/warm").status == 200
            client.send_head("PUT", "/x", [("Expect", "100-continue"), ("Content-Length", 5), *LONG_HEAD])
            answer = client.read_response()
            assert (answer.status, answer.code) == (504, "upstream.idle_timeout")
            assert fetch(gateway.port, "GET", "/after", [("Connection", "close")]).status in (502, 504)
            assert gateway.process.poll() is None


def test_a02_a_connection_with_half_a_request_on_it_is_not_used_again():
    def script(connection):
        if connection.number > 0:
            connection.read_request()
            connection.answer(b"second")
            return
        connection.send(OK)  # before it has read anything, on a connection that is kept
        time.sleep(0.5)      # the write has run out of its time by then
        connection.sock.settimeout(1)
        with contextlib.suppress(OSError):
            while connection.sock.recv(65536):
                pass

    with Scripted(script) as upstream:
        small_windows(upstream)
        with Gateway(configuration(upstream, LONG_HEADS + "timeouts: { idle: 300ms, first_byte: 300ms }")) as gateway:
            with Client(gateway.port) as client:
                client.send_head("GET", "/first", LONG_HEAD)
                assert client.read_response().status == 200
            assert fetch(gateway.port, "GET", "/second").body == b"second"


def test_a02_an_early_answer_to_half_a_body_costs_the_connection():
    def script(connection):
        connection.read_request(read_body=False)
        connection.answer(b"%d" % connection.number)
        with contextlib.suppress(Closed):
            connection.wait_for_close()

    with Scripted(script) as upstream, Gateway(configuration(upstream)) as gateway:
        with Client(gateway.port) as client:
            client.send(head("POST", "/first", [("Content-Length", 100)]) + b"x" * 50)
            assert client.read_response().body == b"0"
        assert fetch(gateway.port, "GET", "/second").body == b"1"


def test_a03_what_a_body_owes_is_sent_although_the_answer_came_first():
    """With a raised limits.head a body lies in the buffer of its head while it is sent on."""
    size = 190_000
    seen = []

    def script(connection):
        connection.sock.recv(300, socket.MSG_PEEK)
        if connection.number == 0:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
            time.sleep(0.2)
            seen.append(connection.read_request().length)
            connection.send(b"67890")
        with contextlib.suppress(Closed):
            seen.append(connection.read_request().target)
            connection.answer()

    with Scripted(script) as upstream, Scripted(lambda c: c.answer(c.read_request() and b"warm")) as other:
        small_windows(upstream)
        routes = f"routes: [{{ match: /warm, forward: {{ service: other }} }}, {{ match: /**, forward: {{ service: svc }} }}]\n"
        services = f"services: {{ svc: {upstream.url}, other: {other.url} }}\n"
        with Gateway("workers: 1\n" + services + routes + LONG_HEADS) as gateway:
            with Client(gateway.port) as client:
                assert client.request("POST", "/warm", body=b"w" * 20_000_000).body == b"warm"  # the receive window grows
                data = head("POST", "/up", [("Content-Length", size), *LONG_HEAD[:3]]) + b"b" * size
                with stopped(gateway):
                    client.sock.setblocking(False)
                    sent = client.sock.send(data)
                client.sock.settimeout(10)
                client.send(data[sent:])
                assert client.read_response().body == b"1234567890"
            assert fetch(gateway.port, "GET", "/victim").body == b"ok"
    assert seen == [size, "/victim"]


def test_a08_a_head_that_cannot_be_written_has_its_time():
    def script(connection):
        threading.Event().wait(2)

    with Scripted(script) as upstream:
        small_windows(upstream)
        with Gateway(configuration(upstream, LONG_HEADS + "timeouts: { idle: 300ms, first_byte: 300ms }")) as gateway, Client(gateway.port, timeout=1.5) as client:
            client.send_head("GET", "/x", LONG_HEAD)
            answer = client.read_response()
            assert (answer.status, answer.code) == (504, "upstream.idle_timeout")


def poisoned(size):
    """A service whose first connection sends a second response behind the first one."""
    def script(connection):
        for _ in range(2):
            try:
                request = connection.read_request()
            except Closed:
                return
            if request.target == "/long":
                body = b"a" * size
                with contextlib.suppress(OSError):
                    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + body + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON")
            else:
                connection.answer(b"mine")
    return script


def test_a86_bytes_behind_a_response_never_answer_another_request():
    for size in (100, 40_000, 300_000):
        with Scripted(poisoned(size)) as upstream, Gateway(configuration(upstream)) as gateway:
            for _ in range(5):
                with Client(gateway.port) as client:
                    client.send(head("GET", "/long") + head("GET", "/victim"))
                    assert len(client.read_response().body) == size
                    assert client.read_response().body == b"mine"


def test_a86_bytes_that_come_with_the_next_request_never_answer_it():
    """Both lie in what the kernel tells of at once; the request is come to first."""
    go, sent = threading.Event(), threading.Event()

    def script(connection):
        connection.read_request()
        connection.answer(b"mine")
        if connection.number == 0:
            go.wait(5)
            connection.answer(b"POISON")
            sent.set()
        with contextlib.suppress(Closed, OSError):
            connection.read_request()
            connection.answer(b"mine")

    for method in ("GET", "POST"):
        go.clear()
        sent.clear()
        with Scripted(script) as upstream, Gateway(configuration(upstream)) as gateway, Client(gateway.port) as client:
            assert fetch(gateway.port, "GET", "/first").body == b"mine"
            with stopped(gateway):
                client.send(head(method, "/victim", [("Content-Length", 0)] if method == "POST" else []))
                time.sleep(0.02)
                go.set()
                assert sent.wait(5)
            assert client.read_response().body == b"mine"


def test_a96_a_408_of_a_service_that_closes_an_idle_connection_answers_nobody():
    """It crosses the next request on the wire (RFC 9110 §15.5.9): that one is repeated where it may be."""
    def script(connection):
        connection.read_request()
        connection.answer()
        if connection.number == 0:
            connection.read_request()  # as if it had not: the 408 was on its way already
            connection.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with Scripted(script) as upstream, Gateway(configuration(upstream)) as gateway:
        assert fetch(gateway.port, "GET", "/first").status == 200
        assert fetch(gateway.port, "GET", "/second").status == 200
        gateway.expect_metric(1, "portico_upstream_stale_reuse_total")


def test_a93_one_byte_too_many_behind_a_long_head_and_its_body():
    body = bytes(65 + n % 26 for n in range(20_000))

    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 33_000 + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body + b"!")
        with contextlib.suppress(Closed):
            connection.wait_for_close()

    with Scripted(script) as upstream, Gateway(configuration(upstream, LONG_HEADS + "timeouts: { idle: 2s }")) as gateway:
        assert fetch(gateway.port, "GET", "/x").body == body
