"""Each of the times that a configuration may bound, and the error that names it."""
import json
import socket
import threading
import time
from contextlib import ExitStack

import pytest

from support.client import Client, chunk, get, head
from support.gateway import Gateway
from support.upstream import Echo, Scripted, answering

CONFIG = """
services: {{ svc: {{ endpoints: [{url}]{service} }} }}
routes: [{{ match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}"{route} }} }}]
{file}
"""


def config(upstream, file="", service="", route=""):
    def part(t):
        return t and ", timeouts: { " + t + " }"
    url = upstream if isinstance(upstream, str) else upstream.url
    return CONFIG.format(url=url, service=part(service), route=part(route), file=file and "timeouts: { " + file + " }")


def silent(connection):
    """Reads a request and never answers."""
    connection.read_request()
    connection.wait_for_close()


def expect_timeout(gateway, code, target="/svc/x", at_least=0.15, at_most=3):
    """A 504 that names its time, about when it was due."""
    started = time.monotonic()
    answer = get(gateway.port, target)
    took = time.monotonic() - started
    assert answer.status == 504 and answer.code == code and answer.json()["title"] == "Gateway timeout"
    assert at_least < took < at_most, took
    assert gateway.access_line(lambda e: e["status"] == 504)["code"] == code


@pytest.fixture
def full_listener():
    """A port whose queue is full: further connections are neither accepted nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(listener.getsockname())
            fillers.append(s)
        time.sleep(0.05)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for s in fillers:
            s.close()


def test_connect(full_listener):
    with Gateway(config(full_listener, "connect: 200ms")) as gateway:
        expect_timeout(gateway, "upstream.connect_timeout")


def test_first_byte():
    with Scripted(silent) as upstream, Gateway(config(upstream, "first_byte: 200ms")) as gateway:
        expect_timeout(gateway, "upstream.first_byte_timeout")
    assert len(upstream.requests) == 1


def test_first_byte_runs_from_the_last_byte_of_the_request():
    """A slow upload does not use up the time that the service has for its answer."""
    with Scripted(answering(b"done")) as upstream, Gateway(config(upstream, "first_byte: 200ms")) as gateway, Client(gateway.port) as client:
        client.send(head("POST", "/svc/x", [("Content-Length", 5)]))
        for _ in range(5):
            time.sleep(0.08)
            client.send(b"x")
        assert client.read_response().body == b"done"


def test_idle_between_parts_of_an_answers_head_is_504():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nX-Half: ")
        connection.wait_for_close()

    with Scripted(script) as upstream, Gateway(config(upstream, "idle: 200ms")) as gateway:
        expect_timeout(gateway, "upstream.idle_timeout")


def test_idle_in_an_answers_body_breaks_the_answer():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"hello"))
        connection.wait_for_close()

    with Scripted(script) as upstream, Gateway(config(upstream, "idle: 200ms")) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/svc/x")
        raw = client.read_to_close()
        assert b"hello" in raw and not raw.endswith(b"0\r\n\r\n")
        assert gateway.access_lines()[0]["code"] == "upstream.idle_timeout"


def test_idle_does_not_end_a_slow_answer_that_keeps_coming():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(6):
            time.sleep(0.08)
            connection.send(chunk(b"x"))
        connection.send(b"0\r\n\r\n")

    with Scripted(script) as upstream, Gateway(config(upstream, "idle: 250ms")) as gateway:
        assert get(gateway.port, "/svc/x").body == b"xxxxxx"


def test_an_upload_that_stops_is_408():
    def script(connection):
        connection.read_request(read_body=False)
        connection.wait_for_close()

    with Scripted(script) as upstream, Gateway(config(upstream, "idle: 200ms")) as gateway, Client(gateway.port) as client:
        client.send(head("POST", "/svc/x", [("Content-Length", 100)]) + b"x")
        answer = client.read_response()
        assert answer.status == 408 and answer.code == "http.body_timeout" and answer.get("connection") == "close"
        client.expect_close()


def test_a_service_that_stops_reading_is_504():
    def script(connection):
        connection.read_request(read_body=False)
        threading.Event().wait(2)

    with Scripted(script) as upstream, Gateway(config(upstream, "idle: 300ms")) as gateway, Client(gateway.port) as client:
        client.send(head("POST", "/svc/x", [("Content-Length", 100_000_000)]))
        block = b"x" * 65536

        def push():
            try:
                while True:
                    client.send(block)
            except OSError:
                pass

        sender = threading.Thread(target=push, daemon=True)
        sender.start()
        answer = client.read_response()
        client.reset()
        sender.join(5)
    assert answer.status == 504 and answer.code == "upstream.idle_timeout"


def test_total_before_an_answer_is_504():
    with Scripted(silent) as upstream, Gateway(config(upstream, "total: 200ms")) as gateway:
        expect_timeout(gateway, "upstream.total_timeout")


def test_total_ends_an_answer_that_keeps_coming():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            time.sleep(0.05)
            connection.send(chunk(b"x"))

    with Scripted(script) as upstream, Gateway(config(upstream, "total: 300ms")) as gateway, Client(gateway.port) as client:
        started = time.monotonic()
        client.send_head("GET", "/svc/x")
        raw = client.read_to_close()
        assert 0.2 < time.monotonic() - started < 3
        assert raw.startswith(b"HTTP/1.1 200") and not raw.endswith(b"0\r\n\r\n")
        assert gateway.access_lines()[0]["code"] == "upstream.total_timeout"


def test_total_counts_the_connection_too(full_listener):
    with Gateway(config(full_listener, "connect: 10s, total: 200ms")) as gateway:
        expect_timeout(gateway, "upstream.total_timeout")


# Each item of a body is compared with each.
COSTLY = """
workers: 1
services: {{ long: {{ endpoints: [{long}] }}, short: {{ endpoints: [{short}] }} }}
policies:
  costly: {{ transform: {{ response: {{ body: {{ a: {{ for_each: $.items, as: i, item: {{ n: "$.items[?@.a == $i.b]" }} }} }} }} }} }}
  costly_request: {{ transform: {{ request: {{ body: {{ a: {{ for_each: $.items, as: i, item: {{ n: "$.items[?@.a == $i.b]" }} }} }} }} }} }}
routes:
  - {{ match: '/unbound/{{service}}', use: [costly], forward: {{ service: '{{service}}' }} }}
  - {{ match: '/bound/{{service}}', use: [costly], forward: {{ service: '{{service}}', timeouts: {{ total: 40ms }} }} }}
  - {{ match: '/sent/{{service}}', use: [costly_request], forward: {{ service: '{{service}}' }} }}
"""


JSON = [("Content-Type", "application/json")]


def items(count):
    return json.dumps({"items": [{"a": i, "b": -i - 1} for i in range(count)]}).encode()


@pytest.fixture
def costly():
    with Scripted(answering(items(1600), headers=JSON)) as long, Scripted(answering(items(1), headers=JSON)) as short, \
            Gateway(COSTLY.format(long=long.url, short=short.url)) as gateway:
        gateway.long = long
        yield gateway


def test_total_counts_what_is_made_of_an_answer(costly):
    started = time.monotonic()
    assert get(costly.port, "/unbound/long").status == 200
    assert time.monotonic() - started > 0.06, "it takes longer than the other may"
    expect_timeout(costly, "upstream.total_timeout", "/bound/long", at_least=0.035, at_most=1)
    line = costly.access_line(lambda e: e["status"] == 504)
    assert "refused_by" not in line, "no policy has refused it"
    assert line["detail"].startswith("its turn to compute"), "and the service was in time"


def test_total_counts_the_wait_for_a_turn_to_compute(costly):
    """Of its host as many compute as may: a short one has its turn once one of them has ended."""
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(Client(costly.port)).send_head("GET", "/unbound/long")
        costly.wait_until(lambda: len(costly.long.requests) == 60, "all were asked for")
        time.sleep(0.1)
        expect_timeout(costly, "upstream.total_timeout", "/bound/short", at_least=0.035, at_most=0.5)


def test_a_total_that_is_over_does_not_count_the_computing_of_the_next_request(costly):
    with Client(costly.port) as client:
        assert client.get("/bound/short").status in (200, 504)
        time.sleep(0.05)
        assert client.request("POST", "/sent/short", JSON, items(1600)).status == 200


def test_without_a_total_a_long_stream_goes_on():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(10):
            time.sleep(0.05)
            connection.send(chunk(b"x"))
        connection.send(b"0\r\n\r\n")

    with Scripted(script) as upstream, Gateway(config(upstream, "idle: 200ms, first_byte: 200ms")) as gateway:
        assert get(gateway.port, "/svc/x").body == b"x" * 10


@pytest.mark.parametrize("where", [dict(file="first_byte: 10s", service="first_byte: 200ms"),
                                   dict(file="first_byte: 10s", service="first_byte: 10s", route="first_byte: 200ms"),
                                   dict(file="first_byte: 200ms", service="connect: 10s", route="idle: 10s")])
def test_the_nearest_place_decides(where):
    with Scripted(silent) as upstream, Gateway(config(upstream, **where)) as gateway:
        expect_timeout(gateway, "upstream.first_byte_timeout")


def test_none_is_none():
    def script(connection):
        connection.read_request()
        time.sleep(0.4)
        connection.answer(b"late")

    with Scripted(script) as upstream, Gateway(config(upstream, "first_byte: 200ms", route="first_byte: none")) as gateway:
        assert get(gateway.port, "/svc/x").body == b"late"


def test_after_a_504_the_clients_connection_goes_on_and_the_services_does_not():
    def script(connection):
        request = connection.read_request()
        if request.target == "/slow":
            connection.wait_for_close()
        connection.answer(b"%d" % connection.number)

    with Scripted(script) as upstream, Gateway(config(upstream, "first_byte: 200ms")) as gateway, Client(gateway.port) as client:
        assert client.get("/svc/slow").status == 504
        assert client.get("/svc/fast").body == b"1"
        upstream.wait(lambda: upstream.connections[0].done.is_set(), "the end of the connection that was given up")


def test_a_time_that_ran_out_does_not_touch_the_next_request():
    """A timer armed for one exchange never fires in another on the same connections."""
    with Echo() as upstream, Gateway(config(upstream, "first_byte: 300ms, idle: 300ms, total: 300ms")) as gateway, Client(gateway.port) as client:
        started = time.monotonic()
        while time.monotonic() - started < 1:
            assert client.get("/svc/x").status == 200
            time.sleep(0.07)
