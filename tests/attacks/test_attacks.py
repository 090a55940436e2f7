"""Every row of attack_table.txt over a real socket, through the gateway, to an upstream that records each byte.

What must hold: the answer is the row's, the connection closes or is in step, and what reached the upstream reads as no request or as one
that was broken off; never as a whole one, never as two.
"""
import os
import re
import resource
import socket
import subprocess
import sys
import time

import pytest

from support.client import Client, chunk, fetch, get, head
from support.gateway import SANITIZED, Gateway
from support.upstream import Echo, Scripted, eventually

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "attack_table.txt")
CONFIG = """
workers: 1
services: {{ svc: {url} }}
routes:
  - {{ name: sentinel, match: /sentinel, respond: {{ body: here }} }}
  - {{ name: anything, match: /**, forward: {{ service: svc }} }}
"""


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def read_table():
    """The rows, as dictionaries, with their bytes put together."""
    rows, section = [], ""
    with open(TABLE, encoding="utf-8") as table:
        for line in table.read().split("\n"):
            if line.startswith("# "):
                section = line[2:]
            if not line or line.startswith("#"):
                continue
            key, _, value = line.partition(" ")
            if key == "attack":
                rows.append({"name": value, "section": section, "bytes": b""})
            elif key == "send":
                rows[-1]["bytes"] += unescape(value)
            elif key == "repeat":
                count, _, unit = value.partition(" ")
                rows[-1]["bytes"] += unescape(unit) * int(count)
            else:
                rows[-1][key] = value
    return rows


ROWS = read_table()
# Of these the end is beyond doubt, so that the connection may go on; but then it must be in step.
IN_STEP = ("http.bad_path",)


@pytest.fixture(scope="module")
def setup():
    """The gateway that every row meets, in front of an upstream that answers what it understands."""
    with Echo() as upstream:
        with Gateway(CONFIG.format(url=upstream.url)) as gateway:
            yield gateway, upstream
        assert not upstream.requests, f"an attack was accepted: {upstream.requests[0].method} {upstream.requests[0].target}"
        assert not any(b"smuggled" in c.raw.partition(b"\r\n\r\n")[0] for c in upstream.connections)


def attack(gateway, upstream, row, pieces):
    """Sends a row in these pieces and judges what came of it."""
    connections = len(upstream.connections)
    with Client(gateway.port, timeout=5) as client:
        try:
            for n, piece in enumerate(pieces):
                if n:
                    time.sleep(0.002)
                client.send(piece)
        except OSError:
            pass  # refused before its end
        answer = client.read_response("HEAD" if row["bytes"].startswith(b"HEAD ") else "GET")
        assert answer.status == int(row["status"]), row["rule"]
        if answer.body:
            assert answer.code == row["fault"]
        if row["fault"] in IN_STEP and answer.get("connection") is None:
            assert client.get("/sentinel").body == b"here"
        else:
            assert answer.get("connection") == "close"
            client.expect_close()
    upstream.settle()
    reached = upstream.connections[connections:]
    if row["stage"] == "head":
        assert not reached, "the gateway turned to the upstream"
    for connection in reached:
        assert connection.done.wait(5), "the gateway left the broken request's connection open"
        assert connection.requests == [], f"a whole request reached the upstream: {connection.raw[:300]!r}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_a_row_is_refused_and_no_request_comes_of_it(setup, row):
    attack(*setup, row, [row["bytes"]])


@pytest.mark.parametrize("section", sorted({row["section"] for row in ROWS}))
def test_the_rows_of_a_section_are_refused_in_two_pieces_too(setup, section):
    for row in ROWS:
        if row["section"] == section:
            middle = len(row["bytes"]) // 2
            attack(*setup, row, [row["bytes"][:middle], row["bytes"][middle:]])


@pytest.mark.long
@pytest.mark.parametrize("section", sorted({row["section"] for row in ROWS}))
def test_the_rows_of_a_section_are_refused_byte_by_byte_too(setup, section):
    """Each byte a write of its own; the codec's tests split every row in two at every byte besides."""
    for row in ROWS:
        if row["section"] == section and len(row["bytes"]) <= 2048:
            attack(*setup, row, [row["bytes"][at:at + 1] for at in range(len(row["bytes"]))])


@pytest.mark.parametrize("section", sorted({row["section"] for row in ROWS}))
def test_the_rows_of_a_section_are_refused_behind_a_good_request_too(setup, section):
    """The attack comes second in one write: the first is answered, the second refused, and nothing behind it heard."""
    gateway, upstream = setup
    for row in ROWS:
        if row["section"] != section or len(row["bytes"]) > 20_000:
            continue
        connections = len(upstream.connections)
        with Client(gateway.port, timeout=5) as client:
            client.send(head("GET", "/sentinel") + row["bytes"])
            assert client.read_response().body == b"here"
            client.half_close()
            raw = client.read_to_close()
        assert raw.startswith(f"HTTP/1.1 {row['status']} ".encode()), (row["name"], raw[:200])
        assert len(re.findall(rb"HTTP/1\.1 [0-9]{3} ", raw)) == 1, (row["name"], raw[:500])
        upstream.settle()
        if row["stage"] == "head":
            assert len(upstream.connections) == connections, row["name"]


def test_after_every_attack_the_gateway_serves(setup):
    assert get(setup[0].port, "/sentinel").body == b"here"


@pytest.fixture(scope="module")
def quick():
    """A gateway with short times."""
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url) + "timeouts: { head: 300ms, idle: 300ms, idle_client: 5s }\n") as gateway:
        yield gateway, upstream


def test_a_head_that_trickles_is_408_however_steady(quick):
    """Slowloris: each byte comes in time, the head never ends. The time runs from its first byte."""
    gateway, upstream = quick
    started = time.monotonic()
    with Client(gateway.port) as client:
        client.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n")
        client.sock.setblocking(False)
        raw = b""
        while time.monotonic() - started < 5:
            try:
                client.sock.send(b"X-a: b\r\n")
            except OSError:
                pass
            time.sleep(0.05)
            try:
                part = client.sock.recv(65536)
            except BlockingIOError:
                continue
            except ConnectionError:
                break
            if not part:
                break
            raw += part
    assert raw.startswith(b"HTTP/1.1 408 ") and b"http.head_timeout" in raw
    assert time.monotonic() - started < 3 and not upstream.requests


def test_a_body_that_stops_is_408_and_the_upstream_is_let_go(quick):
    gateway, upstream = quick
    connections = len(upstream.connections)
    with Client(gateway.port) as client:
        client.send(head("POST", "/slow-body", [("Content-Length", 1000)]) + b"x")
        answer = client.read_response()
        assert answer.status == 408 and answer.code == "http.body_timeout"
        client.expect_close()
    for connection in upstream.connections[connections:]:
        assert connection.done.wait(5) and connection.requests == []


def test_a_chunked_body_that_stops_is_408(quick):
    gateway, _ = quick
    with Client(gateway.port) as client:
        client.send(head("POST", "/slow-body", [("Transfer-Encoding", "chunked")]) + b"5\r\nhe")
        assert client.read_response().status == 408


def test_many_slow_heads_do_not_keep_others_waiting(quick):
    gateway, _ = quick
    slow = [Client(gateway.port) for _ in range(300)]
    for client in slow:
        client.send(b"GET /slow HTTP/1.1\r\nX-a: ")
    for _ in range(20):
        started = time.monotonic()
        assert get(gateway.port, "/sentinel").status == 200
        assert time.monotonic() - started < 1
    for client in slow:
        client.close()


def test_a_flood_of_pipelined_requests_is_answered_in_order_and_in_bounded_memory(setup):
    """20,000 requests before the first answer is read: the gateway stops reading rather than queueing."""
    gateway, _ = setup
    count = 20_000
    sent = 0
    before = gateway.resident()
    with Client(gateway.port, receive_buffer=16384) as client:
        flood = head("GET", "/sentinel") * 1000
        client.sock.settimeout(0.5)
        pending = b""
        try:
            while sent < count:
                pending = flood
                while pending:
                    pending = pending[client.sock.send(pending):]
                sent += 1000
        except TimeoutError:
            pass  # it does not read any further: right
        client.sock.settimeout(10)
        assert gateway.resident() - before < 32 * 1024 or SANITIZED
        with Client(gateway.port) as other:
            assert other.get("/sentinel").body == b"here"
        for _ in range(sent):
            assert client.read_response().body == b"here"


def test_a_flood_on_one_connection_does_not_starve_another(setup):
    gateway, _ = setup
    flood = head("GET", "/sentinel") * 5000
    with Client(gateway.port) as greedy, Client(gateway.port) as modest:
        greedy.sock.setblocking(False)
        worst = 0
        for _ in range(30):
            try:
                greedy.sock.send(flood)
            except OSError:
                pass
            started = time.monotonic()
            assert modest.get("/sentinel").status == 200
            worst = max(worst, time.monotonic() - started)
            try:
                while greedy.sock.recv(1 << 20):
                    pass
            except BlockingIOError:
                pass
        assert worst < 0.5


def raise_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def test_2000_idle_connections_are_held_and_others_served(setup):
    gateway, _ = setup
    assert raise_descriptors() >= 5000
    idle = []
    try:
        for _ in range(2000):
            idle.append(socket.create_connection(("127.0.0.1", gateway.port), 5))
        eventually(lambda: gateway.metric("portico_connections_open") >= 2000, "2,000 open connections")
        for _ in range(20):
            assert get(gateway.port, "/sentinel").status == 200
        for sock in idle[::100]:
            sock.sendall(head("GET", "/sentinel"))
            assert sock.recv(65536).startswith(b"HTTP/1.1 200")
    finally:
        for sock in idle:
            sock.close()
    eventually(lambda: gateway.metric("portico_connections_open") < 50, "the end of 2,000 connections")


def test_connections_that_come_and_go_without_a_word_leave_nothing(setup):
    gateway, _ = setup
    before = len(os.listdir(f"/proc/{gateway.process.pid}/fd"))
    for n in range(1000):
        sock = socket.create_connection(("127.0.0.1", gateway.port), 5)
        if n % 2:
            sock.send(b"GET")
        sock.close()
    eventually(lambda: len(os.listdir(f"/proc/{gateway.process.pid}/fd")) <= before + 5, "the end of the descriptors")


def test_resets_at_every_moment_leave_nothing():
    text = head("POST", "/reset", [("Content-Length", 20)]) + b"x" * 20
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        for cut in range(0, len(text) + 1):
            client = Client(gateway.port)
            client.send(text[:cut])
            client.reset()
        assert get(gateway.port, "/sentinel").body == b"here"
        eventually(lambda: gateway.metric("portico_connections_open") <= 1, "the end of every connection")


def test_answers_of_an_upstream_that_resets_at_every_byte_never_hurt_the_gateway():
    text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n" + chunk(b"hello") + b"0\r\nX-T: u\r\n\r\n"

    def script(connection):
        connection.read_request()
        connection.send(text[:connection.number])
        if connection.number % 2:
            connection.reset()

    with Scripted(script) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        for cut in range(len(text)):
            with Client(gateway.port) as client:
                client.send_head("GET", "/x", [("Connection", "close")])
                raw = client.read_to_close()
            assert b"HTTP/1.1 502" in raw or not raw.endswith(b"0\r\n\r\n"), (cut, raw)
        assert get(gateway.port, "/sentinel").body == b"here"
    assert len(upstream.connections) == len(text)


# Opens as many connections as it is told, says so, and holds them until its input ends: a process has no descriptors for both ends.
HOLDER = """
import resource, socket, sys
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) for _ in range(int(sys.argv[2]))]
print(len(held), flush=True)
sys.stdin.read()
"""


class Holders:
    """Processes that hold idle connections."""

    def __init__(self, port, counts):
        self.processes = [subprocess.Popen([sys.executable, "-c", HOLDER, str(port), str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                          for n in counts]

    def __enter__(self):
        for process in self.processes:
            assert int(process.stdout.readline()) > 0
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.stdin.close()
            process.wait(30)
            process.stdout.close()


@pytest.mark.long
def test_20000_connections_are_taken_as_far_as_descriptors_go_and_others_served():
    """All 20,000 where the gateway may have as many descriptors; else the oldest idle ones give way, and nobody else notices."""
    count = 20_000
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        # Of the descriptors some are kept for services and for the admin pages; where there are several workers, each says its share.
        workers = int(re.match(r"portico: (\d+) worker", gateway.wait_for_line("portico: ")).group(1))
        said = re.match(r"portico: up to (\d+) client connections", gateway.wait_for_line("portico: up to"))
        room = int(said.group(1)) * workers
        before = gateway.resident()
        with Holders(gateway.port, [count // 2, count // 2]):
            held = min(count, room)
            eventually(lambda: gateway.metric("portico_connections_open") >= held, f"{held} open connections", timeout=60)
            grown = (gateway.resident() - before) * 1024 / held
            for n in range(200):
                assert get(gateway.port, "/sentinel").status == 200
            assert fetch(gateway.port, "POST", "/svc", body=b"x" * 100_000).status == 200
            assert grown < 2048 or SANITIZED, f"{grown:.0f} bytes a connection"
        eventually(lambda: gateway.metric("portico_connections_open") < 50, "the end of them", timeout=60)
        assert get(gateway.port, "/sentinel").status == 200
