"""Start, reload, drain and end."""
import json
import os
import re
import signal
import socket
import threading
import time
from contextlib import ExitStack

import pytest

from support.client import Client, chunk, get, head
from support.gateway import BINARY, Gateway, command
from support.upstream import Echo, Scripted, answering, eventually, unused_port

RESPOND = "routes: [{{ match: /version, respond: {{ body: '{0}' }} }}]\n"
FORWARD = """
services: {{ svc: {url} }}
routes:
  - {{ match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}" }} }}
  - {{ match: /version, respond: {{ body: "{version}" }} }}
{more}
"""


def forward(upstream, version="1", more=""):
    return FORWARD.format(url=upstream.url, version=version, more=more)


def run_to_its_end(config):
    """`portico run` where it is expected to end by itself."""
    return command("run", config=config)


def test_a_faulty_file_does_not_start():
    told = run_to_its_end("listeners: [{ address: 127.0.0.1:0 }]\nroutes: [{ match: /x }]\n")
    assert told.code == 1 and "portico.yaml:2:" in told.err and ": error: " in told.err and "ready" not in told.err


def test_a_port_that_another_process_holds_is_an_error_that_names_the_holder():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        told = run_to_its_end(f"listeners: [{{ address: 127.0.0.1:{port} }}]\n" + RESPOND.format(1))
    assert told.code == 1 and str(port) in told.err
    assert f"pid {os.getpid()}" in told.err


def test_a_port_that_another_gateway_holds_is_an_error_although_both_would_share_it():
    with Gateway(RESPOND.format(1)) as running:
        told = run_to_its_end(f"listeners: [{{ address: 127.0.0.1:{running.port} }}]\n" + RESPOND.format(2))
        assert told.code == 1 and f"{os.path.basename(BINARY)[:15]} (pid {running.process.pid})" in told.err
        assert get(running.port, "/version").body == b"1"


def test_a_held_admin_port_is_an_error_too():
    with Gateway(RESPOND.format(1)) as running:
        told = run_to_its_end("listeners: [{ address: 127.0.0.1:0 }]\n" + f"admin: {{ address: 127.0.0.1:{running.admin_port} }}\n" + RESPOND.format(2))
        assert told.code == 1 and f"pid {running.process.pid}" in told.err


def test_t86_all_of_ipv4_beside_all_of_ipv6_are_two_listeners_of_one_port():
    holder, port = unused_port("0.0.0.0")
    holder.close()
    addresses = [f'"0.0.0.0:{port}"', f'"[::]:{port}"']
    for first, second in (addresses, addresses[::-1]):
        config = f"listeners: [{{ address: {first} }}, {{ address: {second} }}]\nroutes: [{{ match: /, respond: {{ body: '{{client.ip}}' }} }}]\n"
        assert command("check", config=config).code == 0
        with Gateway(config) as gateway:
            assert f"portico: listening on [::]:{port} (http, IPv6 alone)" in gateway.stderr
            for client in ("127.0.0.1", "::1"):
                with socket.create_connection((client, port), 5) as sock:
                    sock.sendall(head("GET", "/", [("Connection", "close")]))
                    answer = b"".join(iter(lambda: sock.recv(4096), b""))
                assert answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"\r\n\r\n" + client.encode())


@pytest.mark.parametrize("address", ["127.0.0.1:7001", '":7001"', '"[::]:7001"'])
def test_t86_an_address_that_the_file_holds_twice_is_a_load_error(address):
    config = f"listeners: [{{ address: {address} }}, {{ address: {address} }}]\n" + RESPOND.format(1)
    for told in (command("check", config=config), command("run", config=config)):
        assert told.code == 1 and "two listeners have the address " + address.strip('"') in told.text and "[duplicate-address]" in told.text, told.text
        assert "held" not in told.text, told.text


def test_without_admin_there_is_no_admin_listener():
    with Gateway("listeners: [{ address: 127.0.0.1:0 }]\n" + RESPOND.format(1)) as gateway:
        assert gateway.admin_port is None and get(gateway.port, "/version").body == b"1"
        assert get(gateway.port, "/metrics").status == 404


@pytest.mark.parametrize("workers", ["1", "4", "auto"])
def test_any_number_of_workers_serves(workers):
    with Gateway(f"workers: {workers}\n" + RESPOND.format(1)) as gateway:
        for _ in range(20):
            assert get(gateway.port, "/version").body == b"1"


def test_a_client_that_comes_with_the_first_breath_is_served():
    """The port is open a moment before the gateway says that it is ready; many services make that moment longer."""
    services = "services:\n" + "".join(f"  s{n}: http://127.0.0.1:9\n" for n in range(2000))
    for _ in range(5):
        with Gateway(services + RESPOND.format(1), until="portico: listening") as gateway, Client(gateway.port) as client:
            client.send(head("GET", "/version") * 3)
            assert [client.read_response().body for _ in range(3)] == [b"1"] * 3


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_gateway_without_work_ends_at_once(sign):
    with Gateway(RESPOND.format(1)) as gateway:
        started = time.monotonic()
        gateway.ended_by_test = True
        gateway.process.send_signal(sign)
        assert gateway.wait() == 0 and time.monotonic() - started < 2


def test_a_reload_takes_a_new_file():
    with Gateway(RESPOND.format(1)) as gateway, Client(gateway.port) as kept:
        assert kept.get("/version").body == b"1"
        gateway.reload(RESPOND.format(2))
        eventually(lambda: get(gateway.port, "/version").body == b"2", "the new file")
        eventually(lambda: kept.get("/version").body == b"2", "the new file on a connection of before")


def test_a_faulty_reload_changes_nothing_and_says_why():
    with Gateway(RESPOND.format(1)) as gateway:
        lines = gateway.reload("listeners: [{ address: 127.0.0.1:0 }]\nroutes:\n  - { match: /version, respond: { boddy: x } }\n", refused=True)
        assert any("portico.yaml:3:" in line and "error" in line for line in lines)
        assert get(gateway.port, "/version").body == b"1"
        assert json.loads(get(gateway.admin_port, "/ready").body)["ready"] is True
        gateway.expect_metric(1, "portico_reloads_total", result="refused")
        gateway.reload(RESPOND.format(3))
        eventually(lambda: get(gateway.port, "/version").body == b"3", "the good file after the faulty one")
        gateway.expect_metric(1, "portico_reloads_total", result="applied")


@pytest.mark.parametrize("text", ["", "# nothing\n", "listeners: [\n", "\x00\x01\x02", "listeners: [{ address: 127.0.0.1:0 }]\n"])
def test_half_a_file_is_refused(text):
    with Gateway(RESPOND.format(1)) as gateway:
        with open(gateway.file, "w", encoding="utf-8") as f:
            f.write(text)
        gateway.reload(refused=True)
        assert get(gateway.port, "/version").body == b"1"


ENDLESS = {
    "itself": "x-a: &a [ *a ]\nroutes: [{ match: /version, respond: { body: *a } }]\n",
    "in_a_body": "routes: [{ match: /version, respond: { body: &a { b: *a } } }]\n",
    "merged": "routes: [{ match: /version, respond: &a { <<: *a, body: x } }]\n",
    "chain": "x-0: &a0 [x]\n" + "".join(f"x-{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 50_000)) + RESPOND.format(2),
    "brackets": "x-a: " + "[" * 100_000,
}


@pytest.mark.parametrize("kind", sorted(ENDLESS))
def test_a30_a_file_whose_tree_never_ends_is_refused_and_the_old_configuration_runs_on(kind):
    with Gateway(RESPOND.format(1)) as gateway:
        text = "listeners: [{ address: 127.0.0.1:0 }]\n" + ENDLESS[kind]
        told = command("check", config=text)
        assert told.code == 1 and re.search(r"portico\.yaml:\d+:\d+: error: .*(&a|64 levels)", told.text), told.text[:2000]
        gateway.reload(text, refused=True)
        assert get(gateway.port, "/version").body == b"1"


@pytest.mark.parametrize("path", ["/etc", "/dev/zero"])
def test_a_file_of_a_service_that_has_no_content_refuses_a_reload_and_ends_nothing(path):
    with Gateway(RESPOND.format(1)) as gateway:
        lines = gateway.reload(f"services: {{ s: {{ endpoints: [https://127.0.0.1:1], tls: {{ ca: {path} }} }} }}\n" + RESPOND.format(2), refused=True)
        assert any(f"the file {path} cannot be read" in line for line in lines)
        assert get(gateway.port, "/version").body == b"1"


def test_a40_a_secret_is_never_the_text_of_a_variable_inside_of_a_default():
    told = command("check", config="""
listeners: [{ address: 127.0.0.1:0 }]
policies: { p: { jwt: { algorithms: [HS256], secret: "${PORTICO_A:-${PORTICO_B}}" } } }
routes: [{ match: /x, use: [p], respond: { body: x } }]
""", env={"PORTICO_B": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"})
    assert told.code == 1 and "portico.yaml:3:" in told.text and "[bad-variable]" in told.text


def test_a_file_that_is_gone_is_refused():
    with Gateway(RESPOND.format(1)) as gateway:
        os.unlink(gateway.file)
        gateway.reload(refused=True)
        assert get(gateway.port, "/version").body == b"1"


def test_a_directory_in_place_of_the_file_is_refused():
    with Gateway(RESPOND.format(1)) as gateway:
        os.unlink(gateway.file)
        os.mkdir(gateway.file)
        lines = gateway.reload(refused=True)
        assert any("Is a directory" in line for line in lines)
        assert get(gateway.port, "/version").body == b"1"
        os.rmdir(gateway.file)


def test_a_reload_keeps_the_port():
    with Gateway(RESPOND.format(1)) as gateway:
        ports = list(gateway.ports)
        gateway.reload(RESPOND.format(2))
        assert gateway.ports == ports


def test_a_reload_may_add_and_remove_a_listener():
    first, second = "listeners: [{ address: 127.0.0.1:0 }", ", { address: 127.0.0.3:0 }"
    admin = "]\nadmin: { address: 127.0.0.1:0 }\n"
    with Gateway(first + admin + RESPOND.format(1)) as gateway:
        gateway.reload(first + second + admin + RESPOND.format(1))
        assert len(gateway.ports) == 2
        with socket.create_connection(("127.0.0.3", gateway.ports[1]), 5) as sock:
            sock.sendall(head("GET", "/version"))
            assert sock.recv(20).startswith(b"HTTP/1.1 200")
        gateway.reload(first + admin + RESPOND.format(1))

        def refused():
            try:
                socket.create_connection(("127.0.0.3", gateway.ports[1]), 5).close()
            except ConnectionRefusedError:
                return True
            return False
        eventually(refused, "the end of the listener")
        assert get(gateway.port, "/version").body == b"1"


def test_a_reload_onto_a_held_port_is_refused_and_changes_nothing():
    with socket.socket() as holder, Gateway(RESPOND.format(1)) as gateway:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        lines = gateway.reload(f"listeners: [{{ address: 127.0.0.1:0 }}, {{ address: 127.0.0.1:{port} }}]\n" + RESPOND.format(2), refused=True)
        assert any(f"pid {os.getpid()}" in line for line in lines)
        assert get(gateway.port, "/version").body == b"1"


def closed(address, port):
    """True once nobody listens there."""
    try:
        socket.create_connection((address, port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_reload_whose_admin_port_is_held_opens_no_listener_either():
    admin = "\nadmin: {{ address: 127.0.0.1:{} }}\n"
    first = "listeners: [{ address: 127.0.0.1:0 }]"
    with socket.socket() as holder, Gateway(first + admin.format(0) + RESPOND.format(1)) as gateway:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        more = "listeners: [{ address: 127.0.0.1:0 }, { address: 127.0.0.3:0 }]"
        lines = gateway.reload(more + admin.format(holder.getsockname()[1]) + RESPOND.format(2), refused=True)
        assert not [line for line in lines if "listening on" in line]
        assert len(gateway.ports) == 1 and get(gateway.port, "/version").body == b"1"
        assert get(gateway.admin_port, "/live", host="localhost").status == 200


def test_a_reload_without_admin_closes_the_admin_listener():
    with Gateway(RESPOND.format(1)) as gateway:
        gateway.reload("listeners: [{ address: 127.0.0.1:0 }]\n" + RESPOND.format(2))
        eventually(lambda: closed("127.0.0.1", gateway.admin_port), "the end of the admin listener")
        gateway.reload("listeners: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n" + RESPOND.format(3))
        assert get(gateway.admin_port, "/live", host="localhost").status == 200


def test_a_reload_that_moves_the_admin_listener_closes_the_old_one():
    with Gateway(RESPOND.format(1)) as gateway:
        old = gateway.admin_port
        gateway.reload("listeners: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.3:0 }\n" + RESPOND.format(2))
        eventually(lambda: closed("127.0.0.1", old), "the end of the old admin listener")


def test_a_reload_onto_ones_own_port_says_so():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    with Gateway(f"listeners: [{{ address: 127.0.0.1:{port} }}]\n" + RESPOND.format(1)) as gateway:
        lines = gateway.reload(f"listeners: [{{ address: 0.0.0.0:{port} }}]\n" + RESPOND.format(2), refused=True)
        assert any(f"this gateway's own listener 127.0.0.1:{port}" in line for line in lines)
        assert get(port, "/version").body == b"1"


def test_a_request_in_flight_finishes_on_the_file_that_it_began_with():
    release = threading.Event()

    def script(connection):
        connection.read_request()
        release.wait(5)
        connection.answer(b"finished")

    with Scripted(script) as upstream, Gateway(forward(upstream)) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/svc/x")
        upstream.wait(lambda: upstream.requests, "the request")
        gateway.reload(RESPOND.format(2))
        eventually(lambda: get(gateway.port, "/svc/x").status == 404, "the new file")
        release.set()
        assert client.read_response().body == b"finished"


def test_a_body_in_flight_survives_reloads():
    """Neither an upload nor a download is cut by a reload, although its service is gone from the file."""
    def script(connection):
        request = connection.read_request(read_body=False)
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"begun"))
        connection.read_body(request)
        connection.send(chunk(request.body) + b"0\r\n\r\n")

    with Scripted(script) as upstream, Gateway(forward(upstream)) as gateway, Client(gateway.port) as client:
        client.send(head("POST", "/svc/x", [("Content-Length", 10)]) + b"first")
        upstream.wait(lambda: upstream.requests, "the request")
        for n in range(3):
            gateway.reload(RESPOND.format(n))
        client.send(b"-last")
        answer = client.read_response()
        assert answer.body == b"begunfirst-last"


class Traffic:
    """Clients that ask without pause; what goes wrong for one of them stands in `failures`."""

    def __init__(self, port, clients=4):
        self.port = port
        self.served, self.failures = [0], []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(n % 2 == 1,)) for n in range(clients)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join()

    def _run(self, uploads):
        with Client(self.port) as client:
            while not self.stop.is_set():
                try:
                    answer = client.request("POST", "/svc/x", body=b"x" * 20_000) if uploads else client.get("/svc/x")
                    if answer.status != 200:
                        self.failures.append(answer.body)
                    self.served[0] += 1
                except Exception as e:  # every kind of failure is the finding
                    self.failures.append(repr(e))
                    return


def test_reloads_under_traffic_lose_no_request():
    with Echo() as upstream, Gateway(forward(upstream, "0")) as gateway:
        with Traffic(gateway.port) as traffic:
            for n in range(1, 16):
                if n % 3 == 0:
                    gateway.reload("routes: [\n", refused=True)
                else:
                    gateway.reload(forward(upstream, str(n)))
                # A reload takes milliseconds: each has requests before and behind it.
                eventually(lambda: traffic.served[0] > 4 * n or traffic.failures, "requests beside the reloads")  # noqa: B023
        assert traffic.failures == [] and traffic.served[0] > 50
        assert get(gateway.port, "/version").body == b"14"


def test_a_reload_keeps_connections_upstream():
    with Echo() as upstream, Gateway("workers: 1\n" + forward(upstream)) as gateway:
        assert get(gateway.port, "/svc/x").json()["connection"] == 0
        gateway.reload("workers: 1\n" + forward(upstream, "2"))
        eventually(lambda: get(gateway.port, "/version").body == b"2", "the new file")
        assert get(gateway.port, "/svc/x").json()["connection"] == 0


def test_a_reload_that_moves_a_service_goes_to_the_new_place():
    with Echo("old") as old, Echo("new") as new, Gateway(forward(old)) as gateway:
        assert get(gateway.port, "/svc/x").json()["upstream"] == "old"
        gateway.reload(forward(new, "2"))
        eventually(lambda: get(gateway.port, "/version").body == b"2", "the new file")
        for _ in range(6):
            assert get(gateway.port, "/svc/x").json()["upstream"] == "new"
        old.wait_idle()


@pytest.mark.long
def test_a_thousand_reloads_under_traffic_lose_nothing_and_add_nothing():
    def changed(n):
        """Each fifth changes the routes, the others what has no meaning."""
        return forward(upstream, str(n % 3)) if n % 5 == 0 else forward(upstream, "0", more=f"x-{n % 7}: 1")

    def state():
        return gateway.resident(), len(os.listdir(f"/proc/{gateway.process.pid}/fd")), len(os.listdir(f"/proc/{gateway.process.pid}/task"))

    with Scripted(answering()) as upstream, Gateway(forward(upstream) + "log: { access: false }\n") as gateway, Traffic(gateway.port, 6) as traffic:
        for n in range(100):
            gateway.reload(changed(n))
        before = state()
        for n in range(1000):
            gateway.reload(changed(n))
        after = state()
        assert traffic.failures == [] and traffic.served[0] > 1000
    assert after[0] - before[0] < 2048 and after[1] <= before[1] + 6 and after[2] == before[2], (before, after)


def test_sigterm_lets_a_request_in_flight_finish_and_ends_with_0():
    release = threading.Event()

    def script(connection):
        connection.read_request()
        release.wait(5)
        connection.answer(b"finished")

    with Scripted(script) as upstream, Gateway(forward(upstream)) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/svc/x")
        upstream.wait(lambda: upstream.requests, "the request")
        gateway.terminate()
        gateway.wait_for_line("portico: draining")
        time.sleep(0.1)
        assert gateway.process.poll() is None
        release.set()
        answer = client.read_response()
        assert answer.body == b"finished" and answer.get("connection") == "close"
        client.expect_close()
        assert gateway.wait() == 0
        assert gateway.access_lines()[0]["status"] == 200


def test_sigterm_lets_a_download_finish():
    go = threading.Event()

    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1_000_000)
        go.wait(5)
        connection.send(b"x" * 1_000_000)

    with Scripted(script) as upstream, Gateway(forward(upstream)) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/svc/x")
        upstream.wait(lambda: upstream.requests, "the request")
        gateway.terminate()
        gateway.wait_for_line("portico: draining")
        go.set()
        assert client.read_response().length == 2_000_000
        assert gateway.wait() == 0


def test_while_it_drains_no_new_connection_is_taken_and_ready_says_so():
    release = threading.Event()

    def script(connection):
        connection.read_request()
        release.wait(5)
        connection.answer(b"finished")

    with Scripted(script) as upstream, Gateway(forward(upstream)) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/svc/x")
        upstream.wait(lambda: upstream.requests, "the request")
        gateway.terminate()
        gateway.wait_for_line("portico: draining")

        def refused():
            try:
                socket.create_connection(("127.0.0.1", gateway.port), 5).close()
            except ConnectionRefusedError:
                return True
            return False
        eventually(refused, "the end of the listener")
        answer = get(gateway.admin_port, "/ready")
        assert answer.status == 503 and answer.json()["ready"] is False
        assert get(gateway.admin_port, "/live", host="localhost").status == 200
        release.set()
        assert client.read_response().body == b"finished"
        assert gateway.wait() == 0


def test_a_connection_that_rests_while_it_drains_is_closed():
    with Gateway(RESPOND.format(1)) as gateway, Client(gateway.port) as client:
        assert client.get("/version").status == 200
        gateway.terminate()
        client.expect_close()
        assert gateway.wait() == 0


def test_what_outlasts_the_drain_is_broken_off():
    with Scripted(lambda connection: (connection.read_request(), connection.wait_for_close())) as upstream:
        with Gateway(forward(upstream, more="timeouts: { drain: 300ms }"), exit_code=None) as gateway, Client(gateway.port) as client:
            client.send_head("GET", "/svc/x")
            upstream.wait(lambda: upstream.requests, "the request")
            gateway.terminate()
            started = time.monotonic()
            gateway.wait()
            assert 0.2 < time.monotonic() - started < 3
            assert [line["code"] for line in gateway.access_lines()] == ["gateway.draining"]


def test_a_second_sigterm_ends_at_once():
    with Scripted(lambda connection: (connection.read_request(), connection.wait_for_close())) as upstream:
        with Gateway(forward(upstream), exit_code=None) as gateway, Client(gateway.port) as client:
            client.send_head("GET", "/svc/x")
            upstream.wait(lambda: upstream.requests, "the request")
            gateway.terminate()
            gateway.wait_for_line("portico: draining")
            started = time.monotonic()
            gateway.terminate()
            gateway.wait()
            assert time.monotonic() - started < 2


def test_a_hangup_while_it_drains_is_ignored():
    release = threading.Event()

    def script(connection):
        connection.read_request()
        release.wait(5)
        connection.answer(b"finished")

    with Scripted(script) as upstream, Gateway(forward(upstream)) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/svc/x")
        upstream.wait(lambda: upstream.requests, "the request")
        gateway.terminate()
        gateway.wait_for_line("portico: draining")
        gateway.process.send_signal(signal.SIGHUP)
        time.sleep(0.1)
        release.set()
        assert client.read_response().body == b"finished"
        assert gateway.wait() == 0


@pytest.mark.parametrize("io", ["uring", "epoll"])
def test_a_drain_takes_in_all_that_have_connected(io):
    """More of them than a turn accepts."""
    config = f"io: {io}\nworkers: 1\nroutes: [{{ match: /x, respond: {{ body: ok }} }}]\n"
    with ExitStack() as stack, Gateway(config) as gateway:
        gateway.process.send_signal(signal.SIGSTOP)
        clients = [stack.enter_context(Client(gateway.port)) for _ in range(200)]
        for client in clients:
            client.send_head("GET", "/x")
        gateway.terminate()
        gateway.process.send_signal(signal.SIGCONT)
        assert [client.read_response().status for client in clients] == [200] * len(clients)
        gateway.wait()


def test_t56_workers_follow_the_affinity_of_the_process():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})  # inherited
        with Gateway("workers: auto\n" + RESPOND.format(1)) as gateway:
            assert any(line.startswith("portico: 1 worker, ") for line in gateway.stderr)
    finally:
        os.sched_setaffinity(0, before)


def test_t59_the_bound_of_connections_stands_in_the_start_lines_and_is_told_when_it_bites():
    with Gateway("workers: 1\nlimits: { connections: 3 }\n" + RESPOND.format(1)) as gateway, ExitStack() as stack:
        assert any(re.fullmatch(r"portico: up to 3 client connections \(limits.connections\), with \d+ descriptors", line) for line in gateway.stderr), gateway.stderr
        for _ in range(6):
            client = stack.enter_context(Client(gateway.port))
            assert client.get("/version").status == 200
        line = gateway.wait_for_line("portico: worker 0 has as many client connections as it may have (3 are open)")
        assert "portico_connections_given_up_total" in line
        gateway.expect_metric(3, "portico_connections_given_up_total", which="waiting")
        assert sum("has as many client connections" in line for line in gateway.stderr) == 1


def test_t59_a_newcomer_that_is_closed_while_all_are_served_is_counted():
    with Scripted(lambda connection: (connection.read_request(), time.sleep(2), connection.send(b"HTTP/1.1 204 No Content\r\n\r\n"))) as slow:
        config = f"workers: 1\nlimits: {{ connections: 1 }}\nservices: {{ s: {slow.url} }}\nroutes: [{{ match: /x, forward: {{ service: s }} }}]\n"
        with Gateway(config) as gateway, Client(gateway.port) as served:
            served.send(head("GET", "/x"))
            eventually(lambda: len(slow.requests) == 1, "the request")
            with Client(gateway.port) as newcomer:
                newcomer.send(head("GET", "/x"))
                gateway.expect_metric(1, "portico_connections_given_up_total", which="new")
            assert served.read_response().status == 204


def test_t59_the_bound_by_descriptors_stands_in_the_start_lines():
    with Gateway("workers: 1\n" + RESPOND.format(1), descriptors=512) as gateway:
        line = gateway.wait_for_line("portico: up to")
        room = int(re.fullmatch(r"portico: up to (\d+) client connections of 512 descriptors", line).group(1))
    with Gateway("workers: 1\nlimits: { connections: 500 }\n" + RESPOND.format(1), descriptors=512) as gateway:
        line = gateway.wait_for_line("portico: up to")
        assert line == f"portico: up to 500 client connections (limits.connections), with 512 descriptors, which are sure to have room for {room}"
