"""What a worker holds of strangers' data is counted and bounded: who would go beyond it is refused, and the others are served."""
import gzip
import json
import re
import select
import socket
import time
from contextlib import ExitStack

import pytest

from support.client import Client
from support.gateway import SANITIZED, Gateway
from support.upstream import Scripted, eventually

MIB = 1 << 20
CONFIG = """
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
workers: 1
limits: { memory: 4MiB, body: 64MiB }
services: { s: { respond: { body: ok } } }
routes:
  - { match: /ok, respond: { body: ok } }
  - { match: /held, use: [{ transform: { request: { max_body: 8MiB, body: { a: $.a } } } }], forward: { service: s } }
"""


def held(gateway, what):
    return gateway.metric("portico_memory_held_bytes", what=what)


def begin(client, body, whole, fields=""):
    client.sock.sendall(f"POST /held HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{fields}Content-Length: {whole}\r\n\r\n".encode() + body)


def test_bodies_beyond_the_bound_are_refused_and_the_others_stay():
    with Gateway(CONFIG) as gateway, ExitStack() as stack:
        clients = [stack.enter_context(Client(gateway.port)) for _ in range(8)]
        part = b'{"a":"' + b"x" * (MIB * 9 // 10)
        for client in clients:
            begin(client, part, MIB)
        # Four of them fit. They come beside each other: what is refused meanwhile may be more than the other four.
        eventually(lambda: held(gateway, "request_bodies") == len(part) * sum(not readable(c) for c in clients), "bodies that are held or refused")
        refused = [client for client in clients if readable(client)]
        assert 4 <= len(refused) <= 6
        for client in refused:
            answer = client.read_response()
            assert (answer.status, answer.code) == (503, "gateway.memory")
        assert held(gateway, "request_bodies") <= 4 * MIB
        assert Client(gateway.port).get("/ok").status == 200
        for client in clients:
            client.close()
        eventually(lambda: held(gateway, "request_bodies") == 0, "nothing that is held")


def test_who_asks_before_he_sends_a_body_that_cannot_be_held_is_told_so():
    with Gateway(CONFIG) as gateway, Client(gateway.port) as client, Client(gateway.port) as other:
        begin(client, b"", 5 * MIB, "Expect: 100-continue\r\n")
        answer = client.read_response()
        assert (answer.status, answer.code) == (413, "http.body_too_large"), "trying again would not help"
        begin(other, b"", 10, "Expect: 100-continue\r\n")
        other.sock.settimeout(5)
        assert other.sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        other.sock.sendall(b'{"a":1}   ')
        assert other.read_response().status == 200


def test_a_document_counts_by_what_it_takes():
    """Two bytes of text become a value of sixteen."""
    with Gateway(CONFIG) as gateway, Client(gateway.port) as client:
        body = b'{"a":[' + b"1," * 250000 + b"1]}"
        begin(client, body, len(body))
        answer = client.read_response()
        assert (answer.status, answer.code) == (503, "gateway.memory")
        small = b'{"a":[' + b"1," * 50000 + b"1]}"
        begin(client, small, len(small))
        assert client.read_response().status == 200
        for what in ("request_bodies", "documents", "codings", "made"):
            eventually(lambda what=what: held(gateway, what) == 0, f"no {what} that are held")


def test_a15_the_window_of_a_coding_counts():
    """A few bytes of brotli say that 16 MiB follow, and do not come."""
    brotli = pytest.importorskip("brotli")
    body = brotli.compress(b"{" + b" " * 100000, lgwin=24)
    with Gateway(CONFIG) as gateway, ExitStack() as stack:
        clients = [stack.enter_context(Client(gateway.port)) for _ in range(40)]
        for client in clients:
            begin(client, body[:-1], len(body), "Content-Encoding: br\r\n")
        time.sleep(0.5)
        assert sum(held(gateway, what) for what in ("request_bodies", "codings")) <= 4 * MIB
        for client in clients:
            client.close()
        eventually(lambda: held(gateway, "codings") == 0, "no windows that are held")


def test_a_reload_changes_the_bound():
    with Gateway(CONFIG) as gateway, Client(gateway.port) as client:
        body = json.dumps({"a": "x" * (5 * MIB)}).encode()
        begin(client, body, len(body))
        assert client.read_response().code == "http.body_too_large"
        gateway.reload(CONFIG.replace("memory: 4MiB", "memory: 64MiB"))
        with Client(gateway.port) as again:
            begin(again, body, len(body))
            assert again.read_response().status == 200


def test_what_swells_counts_while_it_swells():
    with Gateway(CONFIG) as gateway, Client(gateway.port) as client:
        text = json.dumps({"a": [f"{i * 7919 % 100003:x}" for i in range(700000)]}).encode()
        body = gzip.compress(text, 9)
        begin(client, body, len(body), "Content-Encoding: gzip\r\n")
        answer = client.read_response()
        assert (answer.status, answer.code) == (503, "gateway.memory"), len(text)


def test_what_is_made_of_a_small_body_counts_for_its_client():
    """Less than 2 KiB are not counted, and become 350 KB: one host may have three quarters of 4 MiB held, and another finds some left."""
    body = json.dumps({"a": "x" * 900, "n": [0] * 400}, separators=(",", ":")).encode()
    assert len(body) < 2048
    with socket.create_server(("127.0.0.1", 0)) as silent:
        config = CONFIG.replace("s: { respond: { body: ok } }", f"s: http://127.0.0.1:{silent.getsockname()[1]}")
        config += "  - { match: /grown, use: [{ transform: { request: { body: { x: { for_each: $.n, as: i, item: $.a } } } } }], forward: { service: s } }\n"
        with Gateway(config) as gateway, ExitStack() as stack:
            def ask(source):
                client = stack.enter_context(Client(gateway.port, source=source))
                client.sock.sendall(b"POST /grown HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                return client
            greedy = [ask("127.0.0.1") for _ in range(20)]
            eventually(lambda: sum(readable(c) for c in greedy) >= 12, "those beyond the host's share are refused")
            assert {c.read_response().code for c in greedy if readable(c)} == {"gateway.memory"}
            assert held(gateway, "request_bodies") <= 3 * MIB
            before = held(gateway, "request_bodies")
            other = ask("127.0.9.1")
            eventually(lambda: held(gateway, "request_bodies") > before, "another host's body is held")
            assert not readable(other)


def peak(gateway):
    """MiB that it has had in its memory at most."""
    with open(f"/proc/{gateway.process.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmHWM:\s*(\d+)", f.read())[1]) / 1024


@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps memory of its own")
@pytest.mark.parametrize("field, path", [("body: { x: { for_each: $.n, as: i, item: $.a } }", "/made"), ("edit: { map: { '$.n[*]': $.a } }", "/edited")])
def test_what_is_being_made_counts_while_it_grows(field, path):
    """67 KB become 57 MB each, for sixty clients at once."""
    config = CONFIG.replace("memory: 4MiB", "memory: 16MiB") + f"  - {{ match: {path}, use: [{{ transform: {{ request: {{ max_body: 64MiB, {field} }} }} }}], forward: {{ service: s }} }}\n"
    body = json.dumps({"a": "x" * 65536, "n": [0] * 900}).encode()
    with Gateway(config) as gateway, ExitStack() as stack:
        clients = [stack.enter_context(Client(gateway.port)) for _ in range(60)]
        for client in clients:
            client.sock.settimeout(30)
            client.sock.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        assert {client.read_response().status for client in clients} <= {503, 400}
        assert peak(gateway) < 120
        for what in ("request_bodies", "documents", "made"):
            eventually(lambda what=what: held(gateway, what) == 0, f"no {what} that are held")


@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps memory of its own")
def test_what_swells_is_counted_piece_by_piece():
    text = json.dumps({"a": ["connection accepted"] * 600000}).encode()
    config = CONFIG.replace("memory: 4MiB", "memory: 16MiB").replace("max_body: 8MiB", "max_body: 64MiB")
    body = gzip.compress(text, 1)
    with Gateway(config) as gateway, ExitStack() as stack:
        clients = [stack.enter_context(Client(gateway.port)) for _ in range(60)]
        for client in clients:
            client.sock.settimeout(30)
            begin(client, body, len(body), "Content-Encoding: gzip\r\n")
        assert all(client.read_response().code in ("gateway.memory", "body.encoding") for client in clients)
        assert peak(gateway) < 120


def test_a_line_that_does_not_end_counts():
    def endless(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n{\"id\":1}\n{\"a\":\"" + b"x" * 900000)
        time.sleep(3)
    with Scripted(endless) as upstream:
        config = CONFIG.replace("services: {", f"services: {{ lines: {upstream.url}, ") + "  - { match: /lines, use: [{ transform: { response: { lines: { edit: { set: { $.b: 1 } } } } } }], forward: { service: lines } }\n"
        with Gateway(config) as gateway, ExitStack() as stack:
            for _ in range(10):
                client = stack.enter_context(Client(gateway.port))
                client.send_head("GET", "/lines")
            eventually(lambda: 2 * MIB < held(gateway, "response_bodies") <= 4 * MIB, "lines that are held")


@pytest.mark.parametrize("answer", [b'"' + b"x" * (1 << 20) + b'"', b"[" + b"1," * (1 << 18) + b"1]"], ids=["text", "values"])
def test_a17_a_list_of_answers_is_refused_before_it_is_made(answer):
    """3 KB that name one answer a thousand times: together they would take a gigabyte."""
    def one(connection):
        while True:
            connection.read_request()
            connection.answer(answer, headers=[("Content-Type", "application/json")])
    with Scripted(one) as upstream, Gateway(f"""
workers: 1
services: {{ s: {upstream.url} }}
routes:
  - match: {{ path: /list, methods: [POST] }}
    aggregate: {{ calls: {{ each: {{ service: s, path: "/{{$id}}", for_each: "$.ids[*]", as: id, max_items: 1000 }} }}, body: $each }}
""") as gateway:
        before = gateway.resident()
        with Client(gateway.port, timeout=30) as client:
            refused = client.request("POST", "/list", [("Content-Type", "application/json")], json.dumps({"ids": [1] * 1000}).encode())
        assert refused.status == 502 and refused.code == "aggregate.call_failed"
        assert "more than may be held" in refused.json()["detail"], refused.json()
        assert SANITIZED or peak(gateway) - before / 1024 < 100


def readable(client):
    return bool(select.select([client.sock], [], [], 0)[0])
