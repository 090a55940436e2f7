"""A download is judged by what the kernel has sent: slow and steady ones live, dead ones end (A59)."""
import socket
import time

import pytest

from support.gateway import Gateway
from support.upstream import Scripted, eventually

MIB = 1 << 20
SIZE = 24 * MIB


def serve(connection):
    while connection.read_request():
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        piece = bytes(range(256)) * 256
        for _ in range(SIZE // len(piece)):
            connection.send(piece)


def config(upstream, io):
    return f"""
io: {io}
workers: 1
timeouts: {{ idle: 1s }}
services: {{ s: "{upstream.url}" }}
routes: [{{ match: /**, forward: {{ service: s }} }}]
"""


def ask(port):
    sock = socket.create_connection(("127.0.0.1", port), 20)
    sock.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return sock


@pytest.mark.parametrize("io", ["uring", "epoll"])
def test_a59_a_slow_and_steady_reader_gets_everything(io):
    with Scripted(serve) as upstream, Gateway(config(upstream, io)) as gateway, ask(gateway.port) as sock:
        data, end = bytearray(), time.monotonic() + 5
        # 100 KB/s: a third of the kernel's buffer takes many times the idle time.
        while time.monotonic() < end:
            data += sock.recv(10000)
            time.sleep(0.1)
        while part := sock.recv(MIB):
            data += part
        head, _, body = bytes(data).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200") and len(body) == SIZE


@pytest.mark.parametrize("io", ["uring", "epoll"])
def test_one_that_reads_nothing_any_more_is_closed(io):
    with Scripted(serve) as upstream, Gateway(config(upstream, io)) as gateway:
        alone = gateway.metric("portico_connections_open")
        sock = ask(gateway.port)
        assert sock.recv(10000)
        begin = time.monotonic()
        eventually(lambda: gateway.metric("portico_connections_open") <= alone, "the end of that connection")
        assert 0.5 < time.monotonic() - begin < 5
        sock.close()
