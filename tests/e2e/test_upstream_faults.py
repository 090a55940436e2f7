"""Services that refuse, stop, or answer with what is no HTTP: the client gets one clear answer and nothing of the mess."""
import time

import pytest

from support.client import Client, get
from support.gateway import Gateway
from support.upstream import Scripted, answering, sending, unused_port

CONFIG = """
workers: 1
services: {{ svc: {url} }}
routes: [{{ match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}" }} }}]
"""


def config(upstream):
    return CONFIG.format(url=upstream if isinstance(upstream, str) else upstream.url)


def problem_of(raw, target="/svc/x"):
    """The gateway's answer where the service sent these bytes and closed."""
    with Scripted(sending(raw)) as upstream, Gateway(config(upstream)) as gateway:
        answer = get(gateway.port, target)
        line = gateway.access_lines()[0]
    assert answer.get("content-type") == "application/problem+json", raw
    assert answer.json()["status"] == answer.status and line["code"] == answer.code and line["status"] == answer.status
    assert len(upstream.requests) == 1
    return answer


def test_a_refused_connection_is_502():
    holder, port = unused_port()
    with holder, Gateway(config(f"http://127.0.0.1:{port}")) as gateway:
        answer = get(gateway.port, "/svc/x")
        assert answer.status == 502 and answer.code == "upstream.refused" and answer.json()["title"] == "Bad gateway"
        assert str(port) not in answer.body.decode(), "the endpoint's address is nobody's business"
        assert gateway.access_lines()[0]["endpoint"] == f"127.0.0.1:{port}"


def test_the_clients_connection_outlives_a_502():
    holder, port = unused_port()
    with holder, Gateway(config(f"http://127.0.0.1:{port}")) as gateway, Client(gateway.port) as client:
        assert client.get("/svc/x").status == 502
        assert client.get("/nobody/x").status == 404


@pytest.mark.parametrize("raw", [b"", b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"])
def test_a_close_before_the_answers_head_is_whole_is_502(raw):
    answer = problem_of(raw)
    assert answer.status == 502 and answer.code == "upstream.closed"


@pytest.mark.parametrize("raw", [
    b"nonsense\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"220 smtp.example.com ESMTP\r\n",
    b"HTTP/2 200\r\n\r\n",
    b"HTTP/1.1 20 OK\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 abc OK\r\n\r\n",
    b"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nBad Name: x\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nNa me: x\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\rY: b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
])
def test_an_answer_that_is_not_well_formed_is_502(raw):
    answer = problem_of(raw)
    assert answer.status == 502 and answer.code in ("upstream.protocol", "upstream.closed")
    assert b"nonsense" not in answer.body and b"SSH" not in answer.body


def test_a_head_without_end_is_502():
    answer = problem_of(b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"f" * 2_000_000)
    assert answer.status == 502 and answer.code == "upstream.head_too_large"


def test_a_head_of_endless_fields_is_502():
    answer = problem_of(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000)
    assert answer.status == 502


def raw_answer(script, method="GET"):
    """Everything that the client gets for one request, up to the close."""
    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway, Client(gateway.port) as client:
        client.send_head(method, "/svc/x", [("Connection", "close")])
        raw = client.read_to_close()
        line = gateway.access_lines()[0]
    return raw, line


def test_an_answer_that_ends_too_early_is_not_taken_for_whole():
    raw, line = raw_answer(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"))
    if raw:
        assert raw.startswith(b"HTTP/1.1 200 OK") and b"Content-Length: 100\r\n" in raw
        assert raw.partition(b"\r\n\r\n")[2] in (b"only this", b"")
    assert line["code"] == "upstream.closed"


def test_a_chunked_answer_that_ends_too_early_is_not_given_an_end():
    raw, line = raw_answer(sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
    assert not raw.endswith(b"0\r\n\r\n") and line["code"] == "upstream.closed"


def test_a_bad_chunk_in_the_middle_is_not_given_an_end():
    raw, line = raw_answer(sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\nbad\r\n0\r\n\r\n"))
    assert not raw.endswith(b"0\r\n\r\n") and line["code"] == "upstream.protocol"


def test_too_much_body_is_cut_at_what_was_announced_and_costs_the_connection():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and much more than that")
        connection.wait_for_close()

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway, Client(gateway.port) as client:
        for _ in range(3):
            assert client.get("/svc/x").body == b"hello"
    assert len(upstream.connections) == 3


def test_a_second_answer_that_nobody_asked_for_is_discarded():
    """Response splitting: the bytes behind the first answer never become the answer to another request."""
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"
                        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        connection.wait_for_close()

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway:
        with Client(gateway.port) as client:
            for _ in range(3):
                assert client.get("/svc/x").body == b"first"
        assert get(gateway.port, "/svc/y").body == b"first"
    assert len(upstream.connections) == 4


def test_bytes_that_come_while_a_connection_rests_are_never_taken_for_an_answer():
    def script(connection):
        while True:
            connection.read_request()
            connection.answer(b"%d" % connection.number)
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway:
        for n in range(30):
            assert get(gateway.port, "/svc/x").body == b"%d" % n
            time.sleep(0.01)
    assert len(upstream.connections) == 30


def test_a_body_behind_204_or_304_or_head_is_never_taken_for_an_answer():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        connection.wait_for_close()

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway, Client(gateway.port) as client:
        for _ in range(3):
            assert client.get("/svc/x").status == 204
    assert len(upstream.connections) == 3


def test_204_with_a_length_is_passed_on_without_it_or_refused():
    with Scripted(sending(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello")) as upstream, Gateway(config(upstream)) as gateway:
        with Client(gateway.port) as client:
            answer = client.get("/svc/x")
            assert answer.status in (204, 502)
            assert client.get("/nobody/x").status == 404


def test_a_reset_by_the_service_is_502():
    def script(connection):
        connection.read_request()
        connection.reset()

    with Scripted(script) as upstream, Gateway(config(upstream)) as gateway:
        answer = get(gateway.port, "/svc/x")
        assert answer.status == 502 and answer.code == "upstream.closed"


def test_a_reset_in_the_middle_of_an_answer_breaks_the_clients_connection():
    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhello")
        connection.reset()

    raw, line = raw_answer(script)
    assert raw == b"" or (b"Content-Length: 1000\r\n" in raw and len(raw) < 1000)
    assert line["code"] == "upstream.closed"


def test_a_faulty_service_does_not_disturb_another():
    text = CONFIG.replace("svc: {url}", "svc: {url}, fine: {fine}")
    with Scripted(sending(b"garbage\r\n\r\n")) as bad, Scripted(answering(b"fine")) as fine:
        with Gateway(text.format(url=bad.url, fine=fine.url)) as gateway, Client(gateway.port) as client:
            for _ in range(5):
                assert client.get("/svc/x").status == 502
                assert client.get("/fine/x").body == b"fine"


def test_errors_are_counted_by_their_code():
    with Scripted(sending(b"garbage\r\n\r\n")) as upstream, Gateway(config(upstream)) as gateway:
        for _ in range(3):
            get(gateway.port, "/svc/x")
        gateway.expect_metric(3, "portico_errors_total", code="upstream.protocol")


@pytest.mark.parametrize("limits,head,fits,key", [
    ("", b"X-A: " + b"x" * 70_000 + b"\r\n", False, "65536 bytes; limits: { head }"),
    ("limits: { head: 128KiB }", b"X-A: " + b"x" * 70_000 + b"\r\n", True, ""),
    ("limits: { head: 512KiB }", b"".join(b"X-%d: " % i + b"x" * 9_000 + b"\r\n" for i in range(40)), True, ""),
    ("limits: { head: 1KiB }", b"X-A: " + b"x" * 1_100 + b"\r\n", False, "1024 bytes; limits: { head }"),
    ("", b"".join(b"X-%d: a\r\n" % i for i in range(130)), False, "128 fields; limits: { headers }"),
    ("limits: { headers: 200 }", b"".join(b"X-%d: a\r\n" % i for i in range(130)), True, ""),
    ("limits: { headers: 2 }", b"X-1: a\r\nX-2: a\r\n", False, "2 fields; limits: { headers }"),
], ids=["longer", "long", "very-long", "short", "more", "many", "few"])
def test_t26_a_response_may_have_as_large_a_head_as_its_service_says(limits, head, fits, key):
    routes = """
routes:
  - { match: /x, forward: { service: s } }
  - { match: /call, aggregate: { calls: { one: { service: s, path: /x } }, body: { ok: "{calls.one.status}" } } }
"""
    answer_bytes = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" + head + b"\r\n{}"
    with Scripted(sending(answer_bytes)) as upstream:
        config = "services: { s: { endpoints: [" + upstream.url + "], " + limits + " } }" + routes
        with Gateway(config) as gateway:
            for path in ("/x", "/call"):
                answer = get(gateway.port, path, [("X-Request-ID", "head" + path[1:])])
                assert answer.status == (200 if fits else 502)
                if not fits:
                    line = gateway.access_line(lambda e, p=path: e["request_id"] == "head" + p[1:])
                    assert key in line["detail"], line
