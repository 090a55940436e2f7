"""A request finishes on the configuration that it began with, endpoints included; the next begins on the new one."""
import contextlib
import signal
import threading
import time

import pytest

from support.client import Client, get, head
from support.dns import Dns
from support.gateway import Gateway
from support.upstream import Echo, Scripted, answering, eventually, unused_port

WAITS = """
workers: 1
services:
  auth: {{ endpoints: ["{auth}"], internal: true }}
  {name}: {{ endpoints: ["{url}"] }}
policies: {{ ask: {{ forward_auth: {{ service: auth, timeout: 5s }} }} }}
routes:
  - {{ match: /x, use: [ask], forward: {{ service: {name}, path: "/{version}" }} }}
  - {{ match: /version, respond: {{ body: "{version}" }} }}
"""


class Gate:
    """A service that answers once it is told to."""

    def __init__(self, body=b"", headers=()):
        self.open = threading.Event()
        self.body, self.headers = body, headers

    def __call__(self, connection):
        while True:
            connection.read_request()
            self.open.wait(5)
            connection.answer(self.body, headers=self.headers)


@contextlib.contextmanager
def waiting_request(gateway, service, target="/x"):
    """A client whose request waits for a service."""
    with Client(gateway.port) as client:
        client.send_head("GET", target)
        service.wait(lambda: service.requests, "the question")
        yield client


def test_a31_a_request_that_waits_for_a_policy_reaches_a_service_that_a_reload_renamed():
    gate = Gate()
    with Scripted(gate) as auth, Echo() as orders, Gateway(WAITS.format(auth=auth.url, name="orders", url=orders.url, version="old")) as gateway:
        with waiting_request(gateway, auth) as client:
            gateway.reload(WAITS.format(auth=auth.url, name="orders-v2", url=orders.url, version="new"))
            gate.open.set()
            answer = client.read_response()
            assert answer.status == 200 and answer.json()["target"] == "/old"
        assert get(gateway.port, "/x").json()["target"] == "/new"


def test_a31_a_request_that_waits_for_a_policy_goes_to_the_endpoint_of_its_own_configuration():
    gate = Gate()
    with Scripted(gate) as auth, Echo("old") as old, Echo("new") as new:
        with Gateway(WAITS.format(auth=auth.url, name="orders", url=old.url, version="old")) as gateway:
            # A connection rests in the old endpoint's pool: it closes, and another is made for the request that waits.
            gate.open.set()
            assert get(gateway.port, "/x").json()["upstream"] == "old"
            gate.open.clear()
            with Client(gateway.port) as client:
                client.send_head("GET", "/x")
                auth.wait(lambda: len(auth.requests) == 2, "the question")
                gateway.reload(WAITS.format(auth=auth.url, name="orders", url=new.url, version="new"))
                old.wait_idle()
                gate.open.set()
                answer = client.read_response().json()
                assert (answer["upstream"], answer["target"], answer["connection"]) == ("old", "/old", 1)
            answer = get(gateway.port, "/x").json()
            assert (answer["upstream"], answer["target"]) == ("new", "/new")
            old.wait_idle()  # nothing of it rests, although a request of the old configuration used it last


def test_a31_an_aggregate_makes_its_later_calls_as_its_own_configuration_names_them():
    config = """
workers: 1
services: {{ one: "{one}", {name}: "{two}" }}
routes: [{{ match: /x, aggregate: {{ calls: {{ a: {{ service: one, path: /a }}, b: {{ service: {name}, path: "/b/{{$a.id}}" }} }}, body: {{ b: $b.id }} }} }}]
"""
    json = [("Content-Type", "application/json")]
    gate = Gate(b'{"id":1}', json)
    with Scripted(gate) as one, Scripted(answering(b'{"id":2}', headers=json)) as two:
        with Gateway(config.format(one=one.url, two=two.url, name="two")) as gateway, waiting_request(gateway, one) as client:
            gateway.reload(config.format(one=one.url, two=two.url, name="two-b"))
            gate.open.set()
            answer = client.read_response()
            assert answer.status == 200 and answer.json() == {"b": 2}


def test_a31_a_request_waits_through_many_reloads():
    gate = Gate()
    with Scripted(gate) as auth, Echo("old") as old, Echo("new") as new:
        with Gateway(WAITS.format(auth=auth.url, name="orders", url=old.url, version="0")) as gateway, waiting_request(gateway, auth) as client:
            for n in range(1, 8):
                gateway.reload(WAITS.format(auth=auth.url, name="orders", url=(new if n % 2 else old).url, version=n))
            gate.open.set()
            answer = client.read_response().json()
            assert (answer["upstream"], answer["target"]) == ("old", "/0")


NAMED = """
workers: 1
dns: {{ servers: [127.0.0.1:{dns}], min_ttl: 100ms, timeout: 2s }}
services: {{ svc: "http://{host}:{port}" }}
routes: [{{ match: /x, forward: {{ service: svc, path: "/{host}" }} }}]
"""


class SlowDns(Dns):
    """Keeps the questions about one name until it is told to answer."""

    def __init__(self, zone, slow):
        self.slow, self.held, self.asked = slow, [], threading.Event()
        super().__init__(zone)

    def _serve(self):
        while True:
            query, peer = self.sock.recvfrom(4096)
            if self.ending:
                return
            answer = self._answer(query)
            if self.slow is not None and self.queries[-1][0] == self.slow:
                self.held.append((answer, peer))
                self.asked.set()
            else:
                self.sock.sendto(answer, peer)

    def release(self):
        self.slow = None
        for answer, peer in self.held:
            self.sock.sendto(answer, peer)


def test_a32_an_endpoint_that_moves_to_a_name_with_a_slow_lookup_is_served_from_where_it_was():
    zone = {"old.test": ["127.0.0.2"], "new.test": ["127.0.0.2"]}
    with Echo(address="127.0.0.2") as upstream, SlowDns(zone, "new.test") as dns:
        with Gateway(NAMED.format(dns=dns.port, host="old.test", port=upstream.port)) as gateway:
            gateway.write(NAMED.format(dns=dns.port, host="new.test", port=upstream.port))
            before = len(gateway.stderr)
            gateway.process.send_signal(1)
            assert dns.asked.wait(5)
            for _ in range(5):
                assert get(gateway.port, "/x").json()["target"] == "/old.test"
            dns.release()
            gateway.wait_for_line("portico: reloaded", after=before)
            assert get(gateway.port, "/x").json()["target"] == "/new.test"


def test_a32_reloads_asked_for_while_one_waits_for_names_are_one_that_comes_behind_it():
    zone = {"old.test": ["127.0.0.2"], "new.test": ["127.0.0.2"]}
    with Echo(address="127.0.0.2") as upstream, SlowDns(zone, "new.test") as dns:
        with Gateway(NAMED.format(dns=dns.port, host="old.test", port=upstream.port)) as gateway:
            gateway.write(NAMED.format(dns=dns.port, host="new.test", port=upstream.port))
            gateway.process.send_signal(1)
            assert dns.asked.wait(5)
            gateway.write(NAMED.format(dns=dns.port, host="old.test", port=upstream.port))
            for _ in range(3):
                gateway.process.send_signal(1)
                assert get(gateway.admin_port, "/live").status == 200
            dns.release()
            gateway.wait_for_line("portico: reloaded: configuration 3")
            assert get(gateway.port, "/x").json()["target"] == "/old.test"


def test_a32_a_name_that_is_never_answered_holds_a_reload_for_a_bounded_time():
    with Echo(address="127.0.0.2") as upstream, SlowDns({"old.test": ["127.0.0.2"]}, "new.test") as dns:
        config = NAMED.replace("timeout: 2s", "timeout: 100ms")
        with Gateway(config.format(dns=dns.port, host="old.test", port=upstream.port)) as gateway:
            started = time.monotonic()
            gateway.reload(config.format(dns=dns.port, host="new.test", port=upstream.port))
            assert time.monotonic() - started < 6
            assert get(gateway.port, "/x").status == 503


def test_a32_a_gateway_that_is_told_to_end_does_not_wait_for_the_names_of_a_reload():
    with Echo(address="127.0.0.2") as upstream, SlowDns({"old.test": ["127.0.0.2"]}, "new.test") as dns:
        with Gateway(NAMED.format(dns=dns.port, host="old.test", port=upstream.port)) as gateway:
            gateway.write(NAMED.format(dns=dns.port, host="new.test", port=upstream.port))
            gateway.process.send_signal(1)
            assert dns.asked.wait(5)
            gateway.terminate()
            assert gateway.wait() == 0


RESPOND = """
listeners: [{{ address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0 }}
{top}
routes: [{{ match: /x, respond: {{}} }}]
"""


@pytest.mark.parametrize("before,after,said", [
    ("workers: 1", "workers: 2", "portico: workers: 2 needs a restart: 1 run until then"),
    ("workers: 1\nio: auto", "workers: 1\nio: epoll", "portico: io needs a restart"),
])
def test_t55_a_reload_says_what_needs_a_restart(before, after, said):
    with Gateway(RESPOND.format(top=before), env={"PORTICO_IO": ""}) as gateway:
        lines = gateway.reload(RESPOND.format(top=after))
        assert any(line.startswith(said) for line in lines), lines
        assert not any("restart" in line for line in gateway.reload(RESPOND.format(top=before)))


def test_t55_a_changed_access_log_takes_effect():
    with Gateway(RESPOND.format(top="workers: 2")) as gateway:
        path = gateway.folder + "/access.log"
        get(gateway.port, "/x?1")
        gateway.access_lines(1)
        gateway.reload(RESPOND.format(top=f"workers: 2\nlog: {{ file: {path} }}"))
        get(gateway.port, "/x?2")

        def lines():
            with open(path, encoding="utf-8") as f:
                return f.readlines()
        eventually(lambda: len(lines()) == 1, "a line in the new file")
        assert len(gateway.stdout) == 1
        refused = gateway.reload(RESPOND.format(top="workers: 2\nlog: { file: /not/there/log }"), refused=True)
        assert any("/not/there/log" in line for line in refused)
        gateway.reload(RESPOND.format(top="workers: 2\nlog: { access: false }"))
        get(gateway.port, "/x?3")
        gateway.reload(RESPOND.format(top="workers: 2\nlog: { access: true }"))
        get(gateway.port, "/x?4")
        gateway.access_lines(2)
        assert len(lines()) == 1


def test_t55_a_reload_that_moves_the_log_leaves_the_old_file_to_workers_that_still_write_to_it():
    with Gateway(RESPOND.format(top="workers: 2")) as gateway, contextlib.ExitStack() as closed:
        over = threading.Event()
        closed.callback(over.set)

        def ask():
            with Client(gateway.port) as client:
                while not over.is_set():
                    client.request("GET", "/x")
        for _ in range(4):
            threading.Thread(target=ask, daemon=True).start()
        for i in range(25):
            before = len(gateway.stderr)
            # The second comes while workers are still to confirm the first, which leaves the log where it is.
            for top in (f"# {i}", f"log: {{ file: {gateway.folder}/log{i % 2} }}"):
                gateway.write(RESPOND.format(top=f"workers: 2\n{top}" + ("" if "log" in top else f"\nlog: {{ file: {gateway.folder}/log{(i + 1) % 2} }}")))
                gateway.process.send_signal(signal.SIGHUP)
                eventually(lambda: sum(s.startswith("portico: reloading") for s in gateway.stderr[before:]) > (top[0] == "l"), "the reload begins")
            gateway.wait_for_line("portico: reloaded", after=before)
        assert gateway.process.poll() is None


def test_a45_a_changed_limit_of_connections_takes_effect():
    with Gateway(RESPOND.format(top="workers: 1\nlimits: { connections: 100 }")) as gateway, contextlib.ExitStack() as clients:
        def more(count):
            for _ in range(count):
                clients.enter_context(Client(gateway.port)).get("/x")
        more(30)
        gateway.expect_metric(30 + 1, "portico_connections_open")  # and the one that asks
        gateway.reload(RESPOND.format(top="workers: 1\nlimits: { connections: 16 }"))
        gateway.expect_metric(16 + 1, "portico_connections_open")  # and the one that asks
        more(5)
        gateway.expect_metric(16 + 1, "portico_connections_open")  # and the one that asks
        gateway.reload(RESPOND.format(top="workers: 1\nlimits: { connections: 20 }"))
        more(10)
        gateway.expect_metric(20 + 1, "portico_connections_open")  # and the one that asks


def test_connections_of_a_listener_that_a_reload_removes_end_behind_their_requests():
    listeners = "listeners: [{{ address: 127.0.0.1:0 }}, {{ address: '127.0.0.1:{}' }}]\n"
    routes = "services: {{ s: {} }}\nroutes: [{{ match: /x, forward: {{ service: s }} }}, {{ match: /y, respond: {{ body: y }} }}]\n"
    holder, second = unused_port()
    holder.close()
    hold = threading.Event()

    def script(connection):
        while True:
            connection.read_request()
            assert hold.wait(10)
            connection.answer(b"whole")
    with Scripted(script) as service:
        with Gateway(listeners.format(second) + routes.format(service.url)) as gateway, Client(second) as used, Client(second) as idle, Client(second) as busy:
            assert used.get("/y").body == b"y" and idle.get("/y").body == b"y"
            busy.send(head("GET", "/x"))
            service.wait(lambda: service.requests, "the request")
            gateway.reload("listeners: [{ address: 127.0.0.1:0 }]\n" + routes.format(service.url))
            used.expect_close()
            idle.expect_close()
            hold.set()
            got = busy.read_response()
            assert got.body == b"whole"
            busy.expect_close()


def test_limits_of_heads_hold_for_the_next_request_of_a_kept_connection():
    with Gateway("routes: [{ match: /**, respond: {} }]\n") as gateway, Client(gateway.port) as kept, Client(gateway.port) as fresh:
        long = "/" + "a" * 300
        assert kept.get(long).status == 200
        gateway.reload("limits: { target: 100B }\nroutes: [{ match: /**, respond: {} }]\n")
        assert fresh.get(long).status == 414, "a connection that was never used"
        assert kept.get(long).status == 414


def test_the_admin_pages_move_with_their_connections():
    (holder, first), (other, second) = unused_port(), unused_port()
    holder.close()
    other.close()
    file = "listeners: [{{ address: 127.0.0.1:0 }}]\nadmin: {{ address: '127.0.0.1:{}', hosts: gateway.test }}\nroutes: [{{ match: /, respond: {{}} }}]\n"
    with Gateway(file.format(first)) as gateway, Client(first) as operator:
        assert operator.get("/live").status == 200
        gateway.reload(file.format(second))
        assert any(f"no longer admin on 127.0.0.1:{first}" in line for line in gateway.stderr)
        operator.expect_close()
        assert get(second, "/live").status == 200
