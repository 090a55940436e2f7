"""Good requests with something changed at random: whatever comes of it, no more requests reach the service than were answered, each is
well-formed to the last byte, and none carries a field that only the gateway may set.
"""
import random

import pytest

from support.client import Client
from support.gateway import Gateway
from support.upstream import Echo

CONFIG = """
managed_headers: [X-User-ID]
timeouts: {{ half_close: 250ms }}
services: {{ svc: {url} }}
routes: [{{ match: /**, forward: {{ service: svc }} }}]
"""
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\nX-User-ID: admin\r\n\r\n"
GOOD = [
    b"GET /a/b?c=d HTTP/1.1\r\nHost: a\r\nX-User-ID: admin\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x;x=y\r\n" % len(HIDDEN) + HIDDEN + b"\r\n0\r\nX-Sum: 1\r\n\r\n",
    b"PUT http://a/a HTTP/1.1\r\nHost: a\r\nConnection: close, X-User-ID\r\nX_User_ID: admin\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /a HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
]
TOKENS = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"\x0b", b"\xff", b"_", b"-", b"Content-Length: 0\r\n", b"Content-Length: 5\r\n",
          b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: x\r\n", b"Host: b\r\n", b"Connection: close\r\n", b"chunked", b"HTTP/1.1", b"0\r\n\r\n",
          b"%2e", b"#", b"X-Forwarded-For: 6.6.6.6\r\n", b"\r\n\r\n", HIDDEN]


def mutated(rng):
    data = bytearray(rng.choice(GOOD))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(len(data))
        if (how := rng.randrange(5)) == 0:
            data[at:at] = rng.choice(TOKENS)
        elif how == 1:
            del data[at:at + rng.choice((1, 1, 2, 5))]
        elif how == 2:
            data[at] = rng.randrange(256)
        elif how == 3:
            lines = bytes(data).split(b"\r\n")
            one = rng.randrange(len(lines))
            lines.insert(rng.randrange(len(lines)), lines[one])
            data = bytearray(b"\r\n".join(lines))
        else:
            end = at + rng.randrange(1, 6)
            data[at:end] = bytes(data[at:end]).swapcase().replace(b"-", b"_")
    return bytes(data)


@pytest.mark.parametrize("seed", range(4))
def test_a_changed_request_is_still_none_or_one_request(seed):
    rng = random.Random(seed)
    with Echo() as upstream, Gateway("workers: 1\n" + CONFIG.format(url=upstream.url)) as gateway:
        for _ in range(1000):
            data, before = mutated(rng), len(upstream.requests)
            with Client(gateway.port) as client:
                client.send(data)
                client.half_close()
                answers = client.read_to_close().count(b"HTTP/1.1 200 ")
            reached = upstream.requests[before:]
            assert len(reached) <= answers, data
            for request in reached:
                fields = [(n.lower().replace("_", "-"), v) for n, v in request.headers]
                assert not {n for n, _ in fields} & {"x-user-id", "upgrade", "connection"}, data
                assert [v for n, v in fields if n == "x-forwarded-for"] == ["127.0.0.1"], data
