"""What a worker holds of strangers' data is counted and bounded: who would go beyond it is refused, and the others are served."""
import gzip
import json
import select
import time
from contextlib import ExitStack

import pytest

from support.client import Client
from support.gateway import Gateway
from support.upstream import eventually

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
        for client in clients:
            begin(client, b'{"a":"' + b"x" * (MIB * 9 // 10), MIB)
        # Four of them fit.
        eventually(lambda: held(gateway, "request_bodies") > 3.5 * MIB, "four bodies that are held")
        refused = [client for client in clients if readable(client)]
        assert len(refused) == 4
        for client in refused:
            answer = client.read_response()
            assert (answer.status, answer.code) == (503, "gateway.memory")
        assert held(gateway, "request_bodies") <= 4 * MIB
        assert Client(gateway.port).get("/ok").status == 200
        for client in clients:
            client.close()
        eventually(lambda: held(gateway, "request_bodies") == 0, "nothing that is held")


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
        assert client.read_response().code == "gateway.memory"
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


def readable(client):
    return bool(select.select([client.sock], [], [], 0.3)[0])
