"""Answers before the answer, answers without a body, and answers before the request is whole."""
import time

import pytest

from support.client import Client, chunk, fetch, head
from support.gateway import Gateway
from support.upstream import Scripted

CONFIG = """
services: {{ svc: {url} }}
routes: [{{ match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}" }} }}]
"""


class Setup:
    """A gateway in front of one scripted upstream, and a client connected to it."""

    def __init__(self, script, more=""):
        self.upstream = Scripted(script)
        self.gateway = Gateway(CONFIG.format(url=self.upstream.url) + more)

    def __enter__(self):
        self.upstream.__enter__()
        self.gateway.__enter__()
        self.client = Client(self.gateway.port)
        return self

    def __exit__(self, *how):
        self.client.close()
        self.gateway.__exit__(*how)
        self.upstream.__exit__(*how)


def test_expect_100_is_passed_on_and_the_body_follows_the_services_100():
    def script(connection):
        request = connection.read_request(read_body=False)
        assert request.get("expect") == "100-continue"
        assert connection.wire.buffer == b"", "the body came before the 100"
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.read_body(request)
        connection.answer(request.body)

    with Setup(script) as s:
        s.client.send_head("POST", "/svc/x", [("Content-Length", 5), ("Expect", "100-continue")])
        start, fields = s.client.wire.head("the interim answer")
        assert start.startswith(b"HTTP/1.1 100 ") and fields == []
        s.client.send(b"hello")
        assert s.client.read_response().body == b"hello"


def test_expect_100_works_with_a_chunked_body():
    def script(connection):
        request = connection.read_request(read_body=False)
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.read_body(request)
        connection.answer(request.body)

    with Setup(script) as s:
        s.client.send_head("POST", "/svc/x", [("Transfer-Encoding", "chunked"), ("Expect", "100-continue")])
        assert s.client.wire.head("the interim answer")[0].startswith(b"HTTP/1.1 100 ")
        s.client.send(chunk(b"hello") + b"0\r\n\r\n")
        assert s.client.read_response().body == b"hello"


def test_a_final_answer_without_100_reaches_the_client_at_once_and_the_body_is_not_asked_for():
    def script(connection):
        connection.read_request(read_body=False)
        connection.answer(b"no", "403 Forbidden")
        assert connection.wait_for_close() == b"", "the service got a body that it refused"

    with Setup(script) as s:
        s.client.send_head("POST", "/svc/x", [("Content-Length", 5), ("Expect", "100-continue")])
        answer = s.client.read_response()
        assert (answer.status, answer.body, answer.interim) == (403, b"no", [])
        assert answer.get("connection") == "close", "the unsent body would be taken for the next request"


def test_a_client_that_does_not_wait_for_its_100_is_served():
    def script(connection):
        request = connection.read_request(read_body=False)
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.read_body(request)
        connection.answer(request.body)

    with Setup(script) as s:
        s.client.send(head("POST", "/svc/x", [("Content-Length", 5), ("Expect", "100-continue")]) + b"hello")
        assert s.client.read_response().body == b"hello"


def test_a_service_that_ignores_expect_does_not_keep_the_client_waiting_for_long():
    def script(connection):
        connection.answer(connection.read_request().body)

    with Setup(script) as s:
        started = time.monotonic()
        s.client.send_head("POST", "/svc/x", [("Content-Length", 5), ("Expect", "100-continue")])
        assert s.client.wire.head("the interim answer")[0].startswith(b"HTTP/1.1 100 ")
        assert time.monotonic() - started < 3
        s.client.send(b"hello")
        assert s.client.read_response().body == b"hello"


def test_expect_without_a_body_is_not_waited_for():
    def script(connection):
        connection.read_request()
        connection.answer(b"fine")

    with Setup(script) as s:
        answer = s.client.get("/svc/x", [("Expect", "100-continue")])
        assert answer.status == 200 and answer.interim == []


def test_expect_of_an_http_1_0_client_is_ignored():
    def script(connection):
        connection.answer(connection.read_request().body)

    with Setup(script) as s:
        s.client.send(b"POST /svc/x HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello")
        answer = s.client.read_response()
        assert answer.body == b"hello" and answer.interim == []


def test_a_gateway_that_refuses_does_not_ask_for_the_body():
    with Setup(lambda connection: connection.read_request()) as s:
        s.client.send_head("POST", "/nobody/x", [("Content-Length", 5), ("Expect", "100-continue")])
        answer = s.client.read_response()
        assert answer.status == 404 and answer.interim == [] and answer.get("connection") == "close"


def test_103_is_passed_on_with_its_fields_before_the_answer():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nLink: </b.js>\r\n\r\n")
        connection.answer(b"page")

    with Setup(script) as s:
        answer = s.client.get("/svc/x")
    assert [i.status for i in answer.interim] == [103]
    assert answer.interim[0].all("link") == ["</a.css>; rel=preload", "</b.js>"]
    assert answer.status == 200 and answer.body == b"page" and answer.all("link") == []


def test_103_with_a_length_is_passed_on_without_it():
    """RFC 9110 §8.6: a reader that believed it would take the answer for a body."""
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 38\r\nLink: </a>\r\n\r\n")
        connection.answer(b"final")

    with Scripted(script) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway, Client(gateway.port) as client:
        answer = client.get("/svc/x")  # the reader refuses an interim answer with a length
    assert answer.body == b"final" and answer.interim[0].get("link") == "</a>"


def test_a_100_that_nobody_asked_for_is_not_passed_on():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.answer(b"page")

    with Setup(script) as s:
        answer = s.client.get("/svc/x")
    assert answer.status == 200 and answer.interim == []


def test_interim_answers_without_end_are_502():
    def script(connection):
        connection.read_request()
        for _ in range(1000):
            connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        connection.wait_for_close()

    with Setup(script) as s:
        answer = s.client.get("/svc/x")
    assert answer.status == 502 and answer.code == "upstream.protocol" and len(answer.interim) < 100


def test_a_101_that_nobody_asked_for_is_502():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
        connection.wait_for_close()

    with Setup(script) as s:
        assert s.client.get("/svc/x").status == 502


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_that_never_has_a_body_leaves_the_connection_in_step(status):
    def script(connection):
        while True:
            connection.read_request()
            connection.answer(b"", status, [("ETag", '"a"')], length=False)

    with Setup(script) as s:
        for _ in range(3):
            answer = s.client.get("/svc/x")
            assert f"{answer.status} {answer.reason}" == status and answer.get("etag") == '"a"' and answer.body == b""
            assert answer.get("transfer-encoding") is None
        assert len(s.upstream.connections) == 1


def test_304_keeps_the_length_that_it_states():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nETag: \"a\"\r\n\r\n")
        connection.wait_for_close()

    with Setup(script) as s:
        answer = s.client.get("/svc/x")
        assert answer.status == 304 and answer.body == b"" and answer.get("content-length") in ("1234", None)


@pytest.mark.parametrize("fields,expected", [(b"Content-Length: 1234\r\n", "1234"), (b"Transfer-Encoding: chunked\r\n", None), (b"", None)])
def test_head_answers_state_a_length_and_have_no_body(fields, expected):
    def script(connection):
        while True:
            request = connection.read_request()
            assert request.method == "HEAD"
            connection.send(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n")

    with Setup(script) as s:
        for _ in range(3):
            answer = s.client.request("HEAD", "/svc/x")
            assert answer.status == 200 and answer.get("content-length") == expected
        assert len(s.upstream.connections) == 1


def test_head_for_the_gateways_own_errors_has_no_body():
    with Setup(lambda connection: connection.read_request()) as s:
        for _ in range(2):
            answer = s.client.request("HEAD", "/nobody/x")
            assert answer.status == 404 and answer.body == b""


def test_an_early_answer_reaches_a_client_that_still_sends():
    """The service refuses a large upload after its head; the client sees that answer, not a broken pipe."""
    def script(connection):
        connection.read_request(read_body=False)
        connection.answer(b"too much for me", "413 Content Too Large", [("Connection", "close")])
        connection.wait_for_close()

    with Setup(script) as s:
        s.client.send(head("POST", "/svc/x", [("Content-Length", 50_000_000)]) + b"x" * 100_000)
        answer = s.client.read_response()
        assert (answer.status, answer.body) == (413, b"too much for me")
        assert answer.get("connection") == "close"


def test_an_early_answer_of_a_service_that_closes_at_once_reaches_the_client():
    def script(connection):
        connection.read_request(read_body=False)
        connection.answer(b"no", "401 Unauthorized", [("Connection", "close")])
        connection.half_close()
        connection.wait_for_close()

    with Setup(script) as s:
        s.client.send(head("POST", "/svc/x", [("Content-Length", 5_000_000)]) + b"x" * 10_000)
        answer = s.client.read_response()
        assert (answer.status, answer.body) == (401, b"no")


def test_after_an_early_answer_the_connection_upstream_is_not_used_again():
    def script(connection):
        request = connection.read_request(read_body=False)
        if connection.number == 0:
            connection.answer(b"early")
            rest = connection.wait_for_close()
            assert b"GET /next" not in rest
        else:
            connection.read_body(request)
            connection.answer(b"next")

    with Setup(script) as s:
        s.client.send(head("POST", "/svc/first", [("Content-Length", 1000)]) + b"x" * 10)
        assert s.client.read_response().body == b"early"
        with Client(s.gateway.port) as other:
            assert other.get("/svc/next").body == b"next"


def test_an_early_answer_is_followed_by_the_close_and_not_by_a_smuggled_request():
    def script(connection):
        connection.read_request(read_body=False)
        connection.answer(b"early")
        connection.wait_for_close()

    with Setup(script) as s:
        s.client.send(head("POST", "/svc/first", [("Content-Length", 1000)]) + b"x" * 10)
        assert s.client.read_response().body == b"early"
        s.client.send(head("GET", "/svc/smuggled"))
        s.client.read_to_close()
    assert [r.target for r in s.upstream.requests] == ["/first"]


def test_an_answer_may_begin_before_the_request_ends_and_both_end_well():
    def script(connection):
        request = connection.read_request(read_body=False)
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"begun "))
        connection.read_body(request)
        connection.send(chunk(request.body) + b"0\r\n\r\n")
        connection.wait_for_close()

    with Setup(script) as s:
        s.client.send_head("POST", "/svc/x", [("Content-Length", 5)])
        start, _ = s.client.wire.head("the answer")
        assert start == b"HTTP/1.1 200 OK"
        s.client.send(b"hello")
        got = bytearray()
        while size := int(s.client.wire.line("a chunk's size"), 16):
            s.client.wire.take(size, got.extend)
            assert s.client.wire.line("end") == b""
        assert got == b"begun hello"


def test_fetch_of_an_empty_body_says_so():
    def script(connection):
        connection.read_request()
        connection.answer(b"")

    with Setup(script) as s:
        answer = fetch(s.gateway.port, "GET", "/svc/x")
        assert answer.get("content-length") == "0" and answer.body == b""
