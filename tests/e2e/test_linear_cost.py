"""What is computed over a body costs as much as the body is long, or hardly more: at 1, 10 and 100 times its size."""
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
