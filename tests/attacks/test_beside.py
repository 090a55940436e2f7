"""Nobody holds a worker: a known client beside each attack, one worker, both backends."""
import os
import resource
import select
import time
from contextlib import ExitStack

import pytest

from support.beside import Attack, Known, Service, connect
from support.client import Client
from support.gateway import BINARY, SANITIZED, Gateway

# By how much the slowest hundredth of the known client's requests may become slower (PORTICO_LONG=1), and half of them: beside other
# tests the machine itself holds a process for tens of milliseconds now and then, but not half of the time.
MOST = 0.005 if not SANITIZED else 0.1
LONG = os.environ.get("PORTICO_LONG") == "1"
SHARE = 0.99 if LONG and not SANITIZED else 0.5
SECONDS = 2 if LONG else 1

CONFIG = """io: {io}
workers: 1
log: {{ access: false }}
limits: {{ body: none, connections: 200 }}
services: {{ s: http://127.0.0.1:{service}, own: {{ respond: {{ body: {{ a: 1 }} }} }} }}
routes:
  - {{ name: ok, match: /ok, respond: {{ body: ok }} }}
  - {{ name: small, match: /small, use: [{{ transform: {{ response: {{ edit: {{ set: {{ $.b: 2 }} }} }} }} }}], forward: {{ service: own }} }}
  - {{ name: stream, match: '/s/**', forward: {{ service: s }} }}
  - {{ name: held, match: '/held/**', use: [{{ transform: {{ request: {{ max_body: 64MiB, body: {{ a: $.a }} }} }} }}], forward: {{ service: s }} }}
  - {{ name: edited, match: '/edited/**', use: [{{ transform: {{ request: {{ edit: {{ map: {{ "$.items[*].price": {{ get: "$.items[*].price", apply: sum }} }} }} }} }} }}], forward: {{ service: s }} }}
  - {{ name: filtered, match: '/filtered/**', use: [{{ transform: {{ request: {{ body: {{ a: {{ for_each: $.items, as: i, item: {{ n: "$.items[?@.a == $i.b]" }} }} }} }} }} }}], forward: {{ service: s }} }}
  - {{ name: shaped, match: '/shaped/**', use: [{{ transform: {{ response: {{ max_body: 4MiB, body: {{ first: "$.a[0]", all: {{ for_each: $.a, as: n, item: {{ n: $n }} }} }} }} }} }}], forward: {{ service: s, path: "/{{**}}" }} }}
  - {{ name: lines, match: '/lines/**', use: [{{ transform: {{ response: {{ lines: {{ body: {{ a: $.a, text: "{long}" }} }} }} }} }}], forward: {{ service: s, path: "/{{**}}" }} }}
  - name: joined
    match: {{ path: /joined, methods: [POST] }}
    aggregate:
      calls: {{ one: {{ service: s, path: "/{{$id}}/one", for_each: "$.ids[*]", as: id }} }}
      body: {{ all: $one }}
"""


def configured(io, service):
    return CONFIG.format(io=io, service=service, long="x" * 5000)


@pytest.mark.parametrize("io", ["uring", "epoll"])
@pytest.mark.parametrize("attack, count", [
    ("uploads_of_a_byte", 1),        # A50
    ("uploads_of_a_byte", 20),
    ("uploads_of_large_chunks", 1),
    ("uploads_of_large_chunks", 8),
    ("held_bodies_of_a_byte", 8),    # A51
    ("refused_uploads", 8),
    ("long_downloads", 1),
    ("long_downloads", 8),
    ("downloads_of_a_byte", 1),
    ("downloads_of_a_byte", 8),
    ("pipelined", 40),               # A65
    ("nested_codings", 4),           # A14
    ("edits_of_each_item", 4),       # A16
    ("unread_lines", 4),             # A19
    ("swelling_bodies", 8),          # A52
    ("bodies_of_nothing", 40),
    ("nested_filters", 8),           # A9
    ("large_documents", 8),
    ("many_names", 4),
    ("shaped_responses", 4),
    ("lists_of_calls", 4),
])
def test_a_known_client_is_served_beside(io, attack, count):
    with Service() as service, Gateway(configured(io=io, service=service.port)) as gateway:
        before = Known(SECONDS / 2, gateway.port).felt()
        with Attack(attack, gateway.port, count):
            # Who holds a worker holds it each time; a busy machine does not.
            for _ in range(3):
                beside = Known(SECONDS, gateway.port).felt()
                print(f"\n{attack} x {count} on {io}: before: {before}; beside: {beside}")
                assert not beside.lost
                if beside.at(SHARE) < before.at(SHARE) + MOST:
                    break
        assert len(beside.times) > 20 * SECONDS
        assert beside.at(SHARE) < before.at(SHARE) + MOST


@pytest.mark.parametrize("io", ["uring", "epoll"])
@pytest.mark.parametrize("attack, count", [("edits_of_each_item", 20), ("large_documents", 20), ("nested_filters", 8), ("shaped_responses", 8)])
def test_a_known_client_of_the_same_host_whose_bodies_are_changed_is_served_beside(io, attack, count):
    """Its computing stands in one line with theirs: what is short passes what is long."""
    with Service() as service, Gateway(configured(io, service.port)) as gateway:
        with Attack(attack, gateway.port, count):
            for _ in range(3):
                beside = Known(SECONDS, gateway.port, path="/small").felt()
                print(f"\n{attack} x {count} on {io}, small bodies: {beside}")
                assert not beside.lost
                if beside.at(SHARE) < 4 * MOST:
                    break
        assert len(beside.times) > 20 * SECONDS
        assert beside.at(SHARE) < 4 * MOST


@pytest.mark.parametrize("io", ["uring", "epoll"])
def test_a54_bad_requests_push_out_nobody(io):
    """Connections that have had their last response are the first to go, those that were asked to go longest ago before others."""
    with Service() as service, Gateway(configured(io=io, service=service.port)) as gateway:
        before = Known(SECONDS / 2, gateway.port, fresh=True).felt()
        with Attack("bad_requests", gateway.port, 400):
            kept, fresh = Known(3, gateway.port), Known(3, gateway.port, fresh=True)
            kept, fresh = kept.felt(), fresh.felt()
        print(f"\nbad requests on {io}: before: {before}; kept: {kept}; fresh: {fresh}")
        assert not kept.lost and not fresh.lost
        assert len(fresh.times) > 50


@pytest.mark.parametrize("io", ["uring", "epoll"])
def test_a61_one_hosts_silent_connections_evict_its_own(io):
    with Gateway(configured(io=io, service=1)) as gateway, ExitStack() as stack:
        kept = [stack.enter_context(Client(gateway.port, source=f"127.0.1.{i + 1}")) for i in range(50)]
        for client in kept:
            assert client.get("/ok").status == 200
        silent = []
        stack.callback(lambda: [sock.close() for sock in silent])
        for _ in range(820):
            silent.append(connect(gateway.port))
        assert all(client.get("/ok").status == 200 for client in kept)
        alive = sum(not readable(sock) for sock in silent)
        assert 140 <= alive <= 150, "as many as are left beside the others"


@pytest.mark.skipif(f"{os.sep}asan{os.sep}" in BINARY, reason="UBSan looks at an object through a pipe, and here there is no descriptor for one")
@pytest.mark.parametrize("io", ["uring", "epoll"])
def test_a53_without_a_descriptor_the_worker_rests(io):
    """Everything that it may open is in use, and a connection waits at the listener: it is tried fifty times a second."""
    with Service() as service, ExitStack() as stack:
        gateway = stack.enter_context(Gateway(configured(io=io, service=service.port)))
        busy = []

        def hold():
            client = stack.enter_context(Client(gateway.port))
            client.sock.sendall(b"POST /held/x HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n{")
            busy.append(client)

        for _ in range(20):
            hold()
        time.sleep(0.2)
        opened = list(map(int, os.listdir(f"/proc/{gateway.process.pid}/fd")))
        most = max(opened) + 1
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (most, resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)[1]))
        for _ in range(most - len(opened) + 3):  # the last ones find no descriptor
            hold()
        waiting = stack.enter_context(Client(gateway.port))
        waiting.send_head("GET", "/ok")
        time.sleep(0.5)
        begin, cpu = time.monotonic(), processor_time(gateway)
        time.sleep(2)
        used = (processor_time(gateway) - cpu) / (time.monotonic() - begin)
        assert used < (0.2 if not SANITIZED else 0.6)
        for client in busy:
            client.close()
        assert waiting.read_response().status == 200, "as soon as there is one again"


def processor_time(gateway):
    """Seconds, of all threads."""
    with open(f"/proc/{gateway.process.pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def readable(sock):
    return bool(select.select([sock], [], [], 0)[0])


@pytest.mark.skipif(f"{os.sep}asan{os.sep}" in BINARY, reason="UBSan looks at an object through a pipe, and here there is no descriptor for one")
@pytest.mark.parametrize("io", ["uring", "epoll"])
def test_a55_services_have_descriptors_whoever_waits(io):
    """400 descriptors, of which silent clients of one host would take all: who is served gets a connection to his service each time, and
    the admin pages answer."""
    with Service() as service, ExitStack() as stack:
        config = configured(io, service.port).replace("connections: 200", "connections: 10000")
        gateway = stack.enter_context(Gateway(config, descriptors=400))
        silent = []
        stack.callback(lambda: [sock.close() for sock in silent])
        for _ in range(380):
            silent.append(connect(gateway.port))
        known = [stack.enter_context(Client(gateway.port, source=f"127.0.2.{i + 1}")) for i in range(60)]
        for client in known:
            client.send_head("GET", "/s/one")
        for client in known:
            assert client.read_response().status == 200
        # Each holds a connection to the service for as long as its upload lasts.
        for client in known:
            client.sock.sendall(b"POST /s/x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\n1")
        time.sleep(0.3)
        with Client(gateway.port, source="127.0.3.1") as fresh:
            assert fresh.get("/s/one").status == 200
        assert gateway.metric("portico_connections_open") > 60
        for client in known:
            client.sock.sendall(b"23")
            assert client.read_response().status == 200
