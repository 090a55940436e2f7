"""What a body, or a head, takes is as much as it is long, or hardly more: at 1, 10 and 100 times its size."""
import gzip
import json
import os

import pytest

from support.client import Client
from support.gateway import SANITIZED, Gateway

CONFIG = """
listeners: [{ address: 127.0.0.1:0 }]
workers: 1
log: { access: false }
limits: { body: none }
services:
  s: { respond: { body: ok } }
routes:
  - { match: /body, use: [{ transform: { request: { max_body: 64MiB, body: { a: "$.a[0]", n: { get: "$.a[*].n", apply: sum }, list: { for_each: $.a, as: i, where: "$i.n > 3", sort_by: $i.n, item: { n: $i.n, t: "x{$i.t}" } } } } } }], forward: { service: s } }
  - { match: /unique, use: [{ transform: { request: { max_body: 64MiB, body: { u: { get: "$.a[*].t", apply: [unique, sort] } } } } }], forward: { service: s } }
  - { match: /edit, use: [{ transform: { request: { max_body: 64MiB, edit: { remove: "$.a[*].t", map: { "$.a[*].n": { was: $value } }, rename: { "$.a[*].o": p }, set: { $.new: 1 } } } } }], forward: { service: s } }
  - { match: /deep, use: [{ transform: { request: { max_body: 64MiB, edit: { remove: "$..t" } } } }], forward: { service: s } }
  - { match: /filter, use: [{ transform: { request: { max_body: 64MiB, body: { f: "$.a[?@.n > 7 && search(@.t, 'b+')]" } } } }], forward: { service: s } }
  - { match: /names, use: [{ transform: { request: { max_body: 64MiB, body: { x: $.n1 } } } }], forward: { service: s } }
"""


def items(count):
    return json.dumps({"a": [{"n": i * 7919 % 1009, "t": f"abb{i}", "o": [i, None]} for i in range(count)]}).encode()


def names(count):
    return json.dumps({f"n{i}": i for i in range(count)}).encode()


CASES = {
    "/body": (items, ""), "/unique": (items, ""), "/edit": (items, ""), "/deep": (items, ""), "/filter": (items, ""), "/names": (names, ""),
    "/body gzip": (lambda count: gzip.compress(items(count), 1), "Content-Encoding: gzip\r\n"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_cost_of_a_body_is_linear(case):
    make, fields = CASES[case]
    path = case.split()[0]
    if not SANITIZED:
        sizes = (500, 5000, 50000)
    else:
        sizes = (100, 1000, 10000)
    with Gateway(CONFIG) as gateway, Client(gateway.port) as client:
        client.sock.settimeout(30)
        costs = []
        for size in sizes:
            body = make(size)
            request = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body
            times = []
            # The least of several: the machine has other things to do.
            for _ in range(3):
                begin = processor_time(gateway)
                for _ in range(max(1, 2000 // size)):
                    client.sock.sendall(request)
                    answer = client.read_response()
                    assert answer.status == 200, answer.body[:300]
                times.append((processor_time(gateway) - begin) / max(1, 2000 // size))
            costs.append(min(times) / len(body))
        print(f"\n{case}: {', '.join(f'{c * 1e9:.0f} ns a byte' for c in costs)}")
        # n log n over a factor of ten is 1.4 of it; the rest is what caches and the clock's ticks make of it.
        assert costs[2] < costs[1] * 2.5 + 20e-9


HEADS = """
listeners: [{ address: 127.0.0.1:0 }]
workers: 1
log: { access: false }
trusted_proxies: [127.0.0.0/8]
limits: { head: 1MiB, target: 1MiB, fields: 10000 }
services:
  s: { respond: { body: { a: 1 } } }
routes:
  - { match: { path: /query, query: { k: v } }, respond: { body: "{query.l}" } }
  - { match: { path: /header, headers: { X-Last: v } }, respond: { body: "{header.X-Last}" } }
  - { match: { path: /cookie, headers: { Cookie: { regex: ".*last=1" } } }, respond: { body: ok } }
  - { match: '/path/**', use: [{ transform: { request: { headers: { set: { X-A: "{query.k}" } } } } }], forward: { service: s } }
  - { match: /changed, use: [{ transform: { response: { edit: { set: { $.b: 2 } } } } }], forward: { service: s } }
"""


def listed(name, one, path="/header"):
    return lambda count: f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Last: v\r\n{name}: " + ", ".join(one.replace("%", str(i)) for i in range(count)) + "\r\n\r\n"


HEADS_OF = {
    "fields": lambda count: "GET /header HTTP/1.1\r\nHost: a\r\n" + "".join(f"X-{i}: v\r\n" for i in range(count)) + "X-Last: v\r\n\r\n",
    "lines of one field": lambda count: "GET /header HTTP/1.1\r\nHost: a\r\n" + "X-A: v\r\n" * count + "X-Last: v\r\n\r\n",
    "query pairs": lambda count: "GET /query?" + "".join(f"a{i}=%41&" for i in range(count)) + "k=v&l=w HTTP/1.1\r\nHost: a\r\n\r\n",
    "cookies": lambda count: "GET /cookie HTTP/1.1\r\nHost: a\r\nCookie: " + "".join(f"a{i}=v; " for i in range(count)) + "last=1\r\n\r\n",
    "segments": lambda count: "GET /path" + "".join(f"/%41{i}" for i in range(count)) + " HTTP/1.1\r\nHost: a\r\n\r\n",
    "segments that go up": lambda count: "GET /path" + "/a" * count + "/.." * (count - 1) + "/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "names in Connection": listed("Connection", "x-%"),
    "codings": listed("Accept-Encoding", "c%;q=0.5", "/changed"),
    "entity tags": listed("If-None-Match", '"t%"', "/changed"),
    "media types": listed("Accept", "a/b%;q=0.1", "/changed"),
    "languages of an unknown field": listed("X-Long", "en-%;q=0.1"),
}


@pytest.mark.parametrize("case", HEADS_OF)
def test_the_cost_of_a_head_is_linear(case):
    with Gateway(HEADS) as gateway, Client(gateway.port) as client:
        costs = []
        for size in (40, 400, 4000):
            request = HEADS_OF[case](size).encode()
            times = []
            for _ in range(3):
                begin = processor_time(gateway)
                for _ in range(4000 // size):
                    client.sock.sendall(request)
                    answer = client.read_response()
                    assert answer.status < 400, answer.body[:300]
                times.append((processor_time(gateway) - begin) / (4000 // size))
            costs.append(min(times) / len(request))
        print(f"\n{case}: {', '.join(f'{c * 1e9:.0f} ns a byte' for c in costs)}")
        assert costs[2] < costs[1] * 2.5 + 20e-9


def processor_time(gateway):
    """Seconds, of all threads, to the nanosecond."""
    total = 0
    for thread in os.listdir(f"/proc/{gateway.process.pid}/task"):
        try:
            with open(f"/proc/{gateway.process.pid}/task/{thread}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        except FileNotFoundError:
            pass
    return total / 1e9
