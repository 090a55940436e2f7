"""How a response, and a connection, ends: whole in order, broken by a reset; and each direction has its own time."""
import os
import signal
import socket
import threading
import time

import pytest

from support.client import Client, chunk, head
from support.gateway import Gateway
from support.upstream import Scripted, answering
from support.wire import Closed


def configuration(upstream, more=""):
    return f"workers: 1\nservices: {{ svc: {upstream.url} }}\nroutes: [{{ match: /**, forward: {{ service: svc }} }}]\n{more}"


def read_to_end(sock, timeout=5):
    """Everything that comes, and how it ends: "end", "reset" or "silence"."""
    sock.settimeout(timeout)
    came = b""
    try:
        while data := sock.recv(65536):
            came += data
        return came, "end"
    except ConnectionError:
        return came, "reset"
    except TimeoutError:
        return came, "silence"


def body_of(response):
    return response.partition(b"\r\n\r\n")[2]


def test_a04_what_follows_a_chunked_body_keeps_its_order():
    """With a raised limits.head all of it may lie in one buffer; nothing inside of a body is read as a request."""
    def script(connection):
        for _ in range(4):
            connection.answer(connection.read_request().target.encode())

    with Scripted(script) as upstream, Gateway(configuration(upstream, "limits: { head: 1MiB, fields: 1000 }")) as gateway, Client(gateway.port) as client:
        assert client.request("POST", "/warm", body=b"w" * 20_000_000).body == b"/warm"  # the receive window grows
        # Each part that is read takes some 128 KiB: the second request begins in one and ends in the next.
        first = head("POST", "/one", [("Transfer-Encoding", "chunked")] + [(f"X-Pad-{n}", "p" * 8000) for n in range(12)]) + chunk(b"hello") + b"0\r\n\r\n"
        second = head("POST", "/two", [("Content-Length", 200_000)])
        hidden = head("GET", "/smuggled")
        # Where the first part ends: what the buffer of a part holds beside the room for a chunk's frame.
        at = 128 * 1024 - 24 - 8 - len(chunk(b"hello") + b"0\r\n\r\n") - len(second)
        body = (b"f" * at + hidden).ljust(200_000, b"f")
        data = first + second + body + head("GET", "/three")
        os.kill(gateway.process.pid, signal.SIGSTOP)
        client.sock.setblocking(False)
        sent = client.sock.send(data)
        time.sleep(0.02)
        os.kill(gateway.process.pid, signal.SIGCONT)
        client.sock.settimeout(10)
        client.send(data[sent:])
        assert [client.read_response().body for _ in range(3)] == [b"/one", b"/two", b"/three"]


def test_a_head_of_any_length_leaves_room_for_the_end_of_an_empty_chunked_body():
    """Heads are written into blocks of 16 KiB: one that just fits must not cut what follows it."""
    def script(connection):
        with pytest.raises(Closed):
            while True:
                pad = int(connection.read_request().get("x-pad"))
                connection.send(b"HTTP/1.1 200 OK\r\nX-Pad: " + b"p" * pad + b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    with Scripted(script) as upstream, Gateway(configuration(upstream)) as gateway, Client(gateway.port, timeout=2) as client:
        assert client.get("/", [("X-Pad", 1)]).body == b""
        rest = len(client.wire.raw) - 1
        for length in range(16 * 1024 - 12, 16 * 1024 + 12):
            assert client.get("/", [("X-Pad", length - rest)]).body == b""


def test_a06_a_steady_upload_outlives_the_idle_time_of_the_response_before_it():
    def script(connection):
        request = connection.read_request(read_body=False)
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n")
        connection.read_body(request)
        connection.send(b"%x\r\n%d\r\n0\r\n\r\n" % (len(b"%d" % len(request.body)), len(request.body)))

    with Scripted(script) as upstream, Gateway(configuration(upstream, "timeouts: { idle: 300ms }")) as gateway, Client(gateway.port) as client:
        client.send_head("POST", "/up", [("Transfer-Encoding", "chunked")])
        for _ in range(12):
            client.send(chunk(b"x" * 10))
            time.sleep(0.1)
        client.send(b"0\r\n\r\n")
        assert client.read_response().body == b"begin120"


def test_a06_a_steady_response_outlives_an_upload_that_pauses():
    """idle runs from the last byte either way."""
    def script(connection):
        request = connection.read_request(read_body=False)
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(8):
            connection.send(chunk(b"tick"))
            time.sleep(0.1)
        connection.read_body(request)
        connection.send(b"0\r\n\r\n")

    with Scripted(script) as upstream, Gateway(configuration(upstream, "timeouts: { idle: 300ms }")) as gateway, Client(gateway.port) as client:
        client.send(head("POST", "/up", [("Content-Length", 10)]) + b"12345")
        threading.Timer(0.75, client.send, [b"67890"]).start()
        assert client.read_response().body == b"tick" * 8


def test_a06_one_that_is_silent_either_way_ends_after_idle():
    def script(connection):
        connection.read_request(read_body=False)
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n")
        threading.Event().wait(1)

    with Scripted(script) as upstream, Gateway(configuration(upstream, "timeouts: { idle: 300ms }")) as gateway, Client(gateway.port) as client:
        client.send(head("POST", "/up", [("Content-Length", 10)]) + b"12345")
        came, how = read_to_end(client.sock, 2)
        assert how == "reset" and b"begin" in came


def test_a87_uploads_one_behind_the_other_on_one_connection_arrive():
    def script(connection):
        with pytest.raises(Closed):
            while True:
                connection.answer(b"%d" % connection.read_request().length)

    with Scripted(script) as upstream, Gateway(configuration(upstream, "timeouts: { idle: 3s }")) as gateway, Client(gateway.port) as client:
        client.send(head("PUT", "/warm", [("Content-Length", 6_000_000)]) + b"w" * 6_000_000)  # the receive window grows
        assert client.read_response().body == b"6000000"
        for _ in range(3):
            first = head("PUT", "/one", [("Content-Length", 200_000)]) + b"x" * 200_000
            client.send(first[:-1000])
            time.sleep(0.05)
            os.kill(gateway.process.pid, signal.SIGSTOP)
            rest = threading.Thread(target=client.send, args=[first[-1000:] + head("PUT", "/two", [("Content-Length", 160_000)]) + b"x" * 160_000])
            rest.start()
            time.sleep(0.1)
            os.kill(gateway.process.pid, signal.SIGCONT)
            assert client.read_response().body == b"200000"
            assert client.read_response().body == b"160000"
            rest.join()


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_request_that_breaks_while_its_response_waits_for_the_client_breaks_that_too(framing):
    """The service waits for the rest of the request; that of its response would never come."""
    body = b"y" * 8_000_000
    fields = {"length": b"Content-Length: 9000000\r\n", "chunked": b"Transfer-Encoding: chunked\r\n", "close": b""}[framing]

    def script(connection):
        connection.read_request(read_body=False)
        connection.send(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n" + (chunk(body) if framing == "chunked" else body))
        connection.wait_for_close()

    with Scripted(script) as upstream, Gateway(configuration(upstream, "timeouts: { idle: none }")) as gateway, Client(gateway.port, receive_buffer=16384) as client:
        client.send(head("POST", "/x", [("Transfer-Encoding", "chunked")]) + chunk(b"hello"))
        time.sleep(0.1)  # the response fills the client's buffers
        client.send(b"no chunk\r\n")
        time.sleep(0.1)
        assert read_to_end(client.sock)[1] == "reset"
        assert gateway.access_lines()[0]["code"] == "http.bad_chunk"


@pytest.mark.parametrize("upload", [True, False])
def test_an_urgent_byte_in_a_long_body_holds_nobody_up(upload):
    """The kernel moves nothing past it, and says all the while that there is something to move."""
    size = 400_000

    def script(connection):
        request = connection.read_request()
        if upload:
            connection.answer(b"%d" % request.length)
            return
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * 1000)
        time.sleep(0.05)
        connection.send(b"x" * 100_000)
        connection.sock.send(b"U", socket.MSG_OOB)
        connection.send(b"x" * (size - 101_000))

    with Scripted(script) as upstream, Gateway(configuration(upstream, "timeouts: { idle: 2s }")) as gateway, Client(gateway.port) as client, Client(gateway.port) as other:
        if upload:
            client.send(head("PUT", "/x", [("Content-Length", size)]) + b"x" * 1000)
            time.sleep(0.05)
            client.send(b"x" * 100_000)
            client.sock.send(b"U", socket.MSG_OOB)
            time.sleep(0.1)
            other.send(b"GET / HTTP/1.1\r\n\r\n")  # the worker answers others meanwhile
            assert other.read_response().status == 400
            client.send(b"x" * (size - 101_000))
            assert client.read_response().body == b"%d" % size
        else:
            client.send_head("GET", "/x")
            assert client.read_response().length == size


@pytest.mark.parametrize("how", ["close", "drain", "http10"])
@pytest.mark.parametrize("more", [b"\r\n", head("GET", "/two")])
def test_a88_what_a_client_sends_late_costs_it_nothing_of_the_last_response(how, more):
    size = 300_000
    go = threading.Event()

    def script(connection):
        connection.read_request()
        go.wait(5)
        connection.answer(b"y" * size)
        with pytest.raises(Closed):
            connection.read_request()

    with Scripted(script) as upstream, Gateway(configuration(upstream)) as gateway, Client(gateway.port, receive_buffer=16384) as client:
        client.send_head("GET", "/one", [("Connection", "close")] if how == "close" else [], version="HTTP/1.0" if how == "http10" else "HTTP/1.1")
        if how == "drain":
            gateway.expect_metric(1, "portico_upstream_connections_open")
            gateway.terminate()
            time.sleep(0.05)
        go.set()
        time.sleep(0.2)  # the response lies in the kernel's buffers by now
        client.send(more)
        time.sleep(0.1)
        came, ended = read_to_end(client.sock)
        assert len(body_of(came)) == size and ended == "end"
        if how == "drain":
            gateway.wait()


@pytest.mark.parametrize("how", ["drain", "idle"])
def test_a88_what_a_client_sends_late_costs_it_nothing_where_its_kept_connection_ends(how):
    size = 300_000
    with Scripted(answering(b"y" * size)) as upstream, Gateway(configuration(upstream, "timeouts: { idle_client: 500ms }" if how == "idle" else "")) as gateway, \
            Client(gateway.port, receive_buffer=16384) as client:
        client.send_head("GET", "/one")
        gateway.access_lines(1)  # the response lies in the kernel's buffers by now
        if how == "drain":
            gateway.terminate()
            gateway.wait_for_line("portico: draining")
        time.sleep(1.3)  # a drain ends what is idle after a second
        client.send(b"\r\n")
        time.sleep(0.1)
        came, ended = read_to_end(client.sock)
        assert len(body_of(came)) == size and ended == "end"
        if how == "drain":
            gateway.wait()


def test_a88_who_reads_only_after_a_slow_upload_gets_the_response_that_came_before_its_end():
    """Longer than any pause of his; who stops sending is waited for no longer than that."""
    def script(connection):
        connection.read_request(read_body=False)
        connection.answer(b"early", headers=[("Connection", "close")])

    with Scripted(script) as upstream, Gateway(configuration(upstream)) as gateway, Client(gateway.port) as client, Client(gateway.port) as silent:
        for each in (client, silent):
            each.send(head("POST", "/x", [("Content-Length", 60_000)]) + b"b" * 10_000)
        for _ in range(5):
            time.sleep(0.7)
            client.send(b"b" * 10_000)
        came, end = read_to_end(client.sock)
        assert body_of(came) == b"early" and end == "end"
        gateway.expect_metric(1, "portico_connections_open")  # the one that asks


def test_a91_interim_responses_for_a_client_that_does_not_read_have_their_time():
    def script(connection):
        with pytest.raises((OSError, Closed)):
            while True:
                connection.read_request()
                for _ in range(31):
                    connection.send(b"HTTP/1.1 103 Early Hints\r\nX-A: " + b"x" * 15_900 + b"\r\n\r\n")
                connection.answer()

    with Scripted(script) as upstream, Gateway(configuration(upstream, "timeouts: { idle: 300ms }")) as gateway, Client(gateway.port, receive_buffer=2048) as client:
        client.send(head("GET", "/x") * 40)
        # One line a request; the connection ends although the client neither reads nor leaves.
        assert gateway.access_line(lambda e: e.get("code") == "http.client_gone", timeout=8)
        gateway.expect_metric(0, "portico_upstream_connections_open")


@pytest.mark.parametrize("how", ["half_close", "term", "two_terms"])
@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_a92_a_response_that_is_broken_off_never_looks_whole(how, version):
    over = threading.Event()

    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while not over.is_set():
                connection.send(chunk(b"line\n"))
                time.sleep(0.02)
        except OSError:
            pass

    more = "timeouts: { drain: 300ms, half_close: 200ms }"
    with Scripted(script) as upstream, Gateway(configuration(upstream, more), exit_code=None) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/x", version=version)
        assert client.sock.recv(4096)
        if how == "half_close":
            client.half_close()
        else:
            gateway.terminate()
        if how == "two_terms":
            time.sleep(0.05)
            gateway.terminate()
        assert read_to_end(client.sock)[1] == "reset"
        over.set()


def test_a94_a_request_that_comes_together_with_the_clients_end():
    def script(connection):
        connection.read_request()
        connection.answer()
        connection.read_request()
        with pytest.raises(Closed):
            connection.read_request()

    with Scripted(script) as upstream, Gateway(configuration(upstream, "timeouts: { half_close: 200ms, first_byte: 5s }")) as gateway, Client(gateway.port) as client:
        assert client.get("/x").status == 200
        os.kill(gateway.process.pid, signal.SIGSTOP)
        client.send_head("GET", "/x")
        client.half_close()
        time.sleep(0.02)
        os.kill(gateway.process.pid, signal.SIGCONT)
        assert read_to_end(client.sock, 2)[0] == b""
        assert gateway.access_line(lambda e: e.get("code") == "http.client_gone")["us"]["total"] < 2_000_000


def test_a96_each_request_of_a_client_that_has_half_closed_has_a_while_of_its_own():
    def script(connection):
        for _ in range(4):
            connection.read_request()
            time.sleep(0.15)
            connection.answer()

    with Scripted(script) as upstream, Gateway(configuration(upstream, "timeouts: { half_close: 400ms }")) as gateway, Client(gateway.port) as client:
        client.send(head("GET", "/x") * 4)
        client.half_close()
        assert [client.read_response().status for _ in range(4)] == [200] * 4


def test_a96_an_upload_of_a_client_that_half_closes_behind_it_is_not_cut():
    """Its end lies behind a body that is still read."""
    def script(connection):
        request = connection.read_request(read_body=False)
        time.sleep(1.2)  # longer than half_close: the body waits in the sockets
        connection.read_body(request)
        connection.answer(b"%d" % request.length)

    with Scripted(script) as upstream:
        upstream.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
        with Gateway(configuration(upstream, "timeouts: { half_close: 500ms }")) as gateway, Client(gateway.port) as client:
            size = 8_000_000
            client.send_head("POST", "/x", [("Content-Length", size)])

            def push():
                client.send(b"x" * size)
                client.half_close()
            sender = threading.Thread(target=push)
            sender.start()
            assert client.read_response().body == b"%d" % size
            sender.join(5)
