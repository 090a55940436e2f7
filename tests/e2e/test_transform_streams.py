"""`transform` before what streams: events pass as they come, lines are changed one by one, long bodies keep memory flat."""
import threading
import time
import zlib

import pytest

from support.client import Client, chunk, fetch
from support.gateway import SANITIZED, Gateway, check
from support.upstream import Scripted, eventually

MIB = 1 << 20
WITHIN = 1.0 if SANITIZED else 0.05
EVENTS = ("Content-Type", "text/event-stream")
LINES = ("Content-Type", "application/x-ndjson")


def config(url, response):
    return f"""
services: {{ svc: {url} }}
routes:
  - match: /**
    use: [{{ transform: {{ response: {response} }} }}]
    forward: {{ service: svc }}
"""


class Stream:
    """A service whose answer's parts are sent by the test, one by one."""

    def __init__(self, *fields):
        self.fields, self.part, self.taken = fields, None, threading.Semaphore(0)
        self.connection = None
        self.ready = threading.Event()
        self.over = threading.Event()

    def __call__(self, connection):
        connection.read_request()
        lines = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"] + [f"{n}: {v}" for n, v in self.fields]
        connection.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.connection = connection
        self.ready.set()
        self.over.wait(20)

    def send(self, data):
        self.ready.wait(10)
        self.connection.send(chunk(data))

    def end(self):
        self.connection.send(b"0\r\n\r\n")
        self.over.set()


def read_head(client):
    """The head of an answer alone."""
    status = client.wire.line("the status line")
    return status, dict((n.lower(), v) for n, v in client.wire.fields("the head"))


def read_chunk(client):
    """One chunk, and how long it took."""
    begun = time.monotonic()
    size = int(client.wire.line("a chunk's size"), 16)
    while len(client.wire.buffer) < size + 2:
        assert client.wire.fill()
    data = bytes(client.wire.buffer[:size])
    del client.wire.buffer[:size + 2]
    return data, time.monotonic() - begun


@pytest.mark.parametrize("response", ['{ edit: { remove: "$..cost" } }', "{ body: { id: $.id } }", "{ lines: { body: { id: $.id } } }", "{ body: { constant: 1 } }",
                                      "[{ when: { body: $.error }, body: { no: 1 } }, { headers: { set: { X-Head: changed } } }]",
                                      "{ headers: { set: { X-Id: '{$.id}' } } }", "[{ when: { body: $.a }, status: 201, events: pass }, { body: { id: $.id } }]"])
def test_t87_events_that_a_case_would_change_are_refused_before_the_first_byte(response):
    stream = Stream(("Content-Type", "Text/Event-Stream; charset=utf-8"))
    with Scripted(stream) as upstream, Gateway(config(upstream.url, response)) as gateway:
        answer = fetch(gateway.port, "GET", "/events")
        assert answer.status == 502 and answer.code == "response.not_json" and answer.get("content-type") == "application/problem+json"
        assert "event stream" in gateway.access_line(lambda line: line["path"] == "/events")["detail"]
        stream.over.set()


def test_events_that_no_case_is_for_pass():
    stream = Stream(EVENTS)
    with Scripted(stream) as upstream, Gateway(config(upstream.url, "{ when: { status: 404 }, body: { id: $.id } }")) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/events")
        assert read_head(client)[0] == b"HTTP/1.1 200 OK"
        stream.send(b"data: 1\n\n")
        assert read_chunk(client)[0] == b"data: 1\n\n"
        stream.end()


def test_events_pass_where_nothing_of_a_body_is_asked_for_is_idle():
    ran = check(config("http://127.0.0.1:1", "{ headers: { set: { X-A: a } }, events: pass }"))
    assert ran.code == 1 and "[idle-setting]" in ran.out, ran.text


@pytest.mark.parametrize("response", ["{ body: { id: $.id }, events: pass }", "{ body: { id: $.id }, events: pass, headers: { set: { X-Head: changed } } }",
                                      "{ headers: { set: { X-Head: changed } } }",
                                      "[{ when: { body: $.error }, body: { no: 1 }, events: pass }, { headers: { set: { X-Head: changed } } }]"])
def test_events_pass_untouched_each_as_it_comes(response):
    stream = Stream(EVENTS)
    with Scripted(stream) as upstream, Gateway(config(upstream.url, response)) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/events")
        status, fields = read_head(client)
        assert status == b"HTTP/1.1 200 OK" and fields["content-type"] == "text/event-stream"
        assert fields.get("x-head") == ("changed" if "X-Head" in response else None)
        for i in range(5):
            time.sleep(0.05)
            stream.send(b"data: %d\n\n" % i)
            data, took = read_chunk(client)
            assert data == b"data: %d\n\n" % i and took < WITHIN
        stream.end()
        assert client.wire.line("the end") == b"0"


def test_lines_are_changed_one_by_one_as_they_come():
    stream = Stream(LINES, ("ETag", '"a"'))
    with Scripted(stream) as upstream, Gateway(config(upstream.url, "{ lines: { body: { n: $.id } } }")) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/lines")
        status, fields = read_head(client)
        assert status == b"HTTP/1.1 200 OK" and fields["content-type"] == "application/x-ndjson" and "etag" not in fields
        for i in range(5):
            time.sleep(0.02)
            stream.send(b'{"id": %d}\r\n{"id":' % i)
            stream.send(b' "half"}')
            data, took = read_chunk(client)
            assert data == b'{"n":%d}\n' % i and took < WITHIN
            stream.send(b"\n\n")
            data, took = read_chunk(client)
            assert data == b'{"n":"half"}\n' and took < WITHIN
        stream.send(b'{"id": 12345678901234567890}')
        stream.end()
        assert read_chunk(client)[0] == b'{"n":12345678901234567890}\n'
        assert client.wire.line("the end") == b"0"


def test_coded_lines_can_be_read_as_they_come():
    stream = Stream(LINES, ("Content-Encoding", "gzip"))
    with Scripted(stream) as upstream, Gateway(config(upstream.url, "{ lines: { body: { n: $.id } } }")) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/lines", [("Accept-Encoding", "gzip")])
        _, fields = read_head(client)
        assert fields["content-encoding"] == "gzip" and fields["vary"] == "Accept-Encoding"
        coder, reader = zlib.compressobj(wbits=31), zlib.decompressobj(wbits=31)
        for i in range(5):
            stream.send(coder.compress(b'{"id": %d}\n' % i) + coder.flush(zlib.Z_SYNC_FLUSH))
            data, took = read_chunk(client)
            assert reader.decompress(data) == b'{"n":%d}\n' % i and took < WITHIN
        stream.send(coder.flush())
        stream.end()
        rest, _ = read_chunk(client)
        assert reader.decompress(rest) == b"" and reader.eof


def test_a_first_line_that_is_not_json_is_an_error_and_a_later_one_breaks_the_answer_off():
    def script(connection):
        while True:
            first = connection.read_request().target == "/first"
            connection.answer(b"<html>\n" if first else b'{"id":1}\n', headers=[LINES], length=True)

    def later(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b'{"id":1}\n'))
        later.go.wait(10)
        connection.send(chunk(b"<html>\n") + b"0\r\n\r\n")
    later.go = threading.Event()
    with Scripted(script) as upstream, Gateway(config(upstream.url, "{ lines: { body: { n: $.id } } }")) as gateway:
        assert fetch(gateway.port, "GET", "/first").code == "response.not_json"
        assert fetch(gateway.port, "GET", "/good").body == b'{"n":1}\n'
    with Scripted(later) as upstream, Gateway(config(upstream.url, "{ lines: { body: { n: $.id } } }")) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/")
        read_head(client)
        assert read_chunk(client)[0] == b'{"n":1}\n'
        later.go.set()
        with pytest.raises((ConnectionError, AssertionError)):
            read_chunk(client)
        eventually(lambda: any(b'"response.not_json"' in line and b"line 2" in line for line in gateway.stdout), "the log's line")


def test_a_line_over_the_bound_is_refused():
    def script(connection):
        while True:
            connection.read_request()
            connection.answer(b'{"id":"' + b"x" * 5000 + b'"}\n', headers=[LINES])
    with Scripted(script) as upstream, Gateway(config(upstream.url, "{ lines: { body: { n: $.id } }, max_body: 4KiB }")) as gateway:
        assert fetch(gateway.port, "GET", "/").code == "response.too_large"


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) << 10 for line in f if line.startswith("VmRSS"))


LINE = b'{"id":1,"pad":"%s"}\n' % (b"x" * 1004)


def sized(connection):
    """GET /N answers with N MiB of lines; anything else is read and counted."""
    while True:
        request = connection.read_request()
        if request.method == "GET":
            count = int(request.target[1:]) * MIB // len(LINE)
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (count * len(LINE)))
            for _ in range(count // 256):
                connection.send(LINE * 256)
            connection.send(LINE * (count % 256))
        else:
            connection.answer(b'{"id":%d}' % request.length, headers=[("Content-Type", "application/json")])


@pytest.mark.skipif(SANITIZED, reason="memory is measured")
@pytest.mark.parametrize("mib", [64, pytest.param(1024, marks=pytest.mark.long)])
def test_a_long_upload_beside_a_transform_of_the_answer_keeps_memory_flat(mib):
    with Scripted(sized) as upstream, Gateway(config(upstream.url, "{ body: { n: $.id } }").replace("forward:", "limits: { body: none }\n    forward:")) as gateway:
        fetch(gateway.port, "PUT", "/", body=b"x" * MIB)
        before = resident(gateway.process.pid)
        with Client(gateway.port, timeout=60) as client:
            client.send_head("PUT", "/", [("Content-Length", mib * MIB)])
            for _ in range(mib):
                client.send(b"x" * MIB)
            assert client.read_response().body == b'{"n":%d}' % (mib * MIB)
        assert resident(gateway.process.pid) - before < MIB


@pytest.mark.skipif(SANITIZED, reason="memory is measured")
def test_many_lines_keep_memory_flat():
    with Scripted(sized) as upstream, Gateway(config(upstream.url, "{ lines: { body: { n: $.id } } }")) as gateway:
        fetch(gateway.port, "GET", "/1")
        before = resident(gateway.process.pid)
        answer = fetch(gateway.port, "GET", "/64")
        assert answer.body == b'{"n":1}\n' * (64 * MIB // len(LINE))
        assert resident(gateway.process.pid) - before < MIB
