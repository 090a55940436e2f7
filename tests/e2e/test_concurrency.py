"""concurrency: so many requests of a key at once over all workers, a short line for the rest, and every place given back."""
import threading
import time

import pytest

from support.client import Client, get
from support.gateway import Gateway, check
from support.upstream import Scripted

CONFIG = """
trusted_proxies: [127.0.0.0/8]
policies:
  two: {{ concurrency: {{ limit: {limit} }} }}
  line: {{ concurrency: {{ limit: 1, key: header.X-Key, queue: {{ size: 3, timeout: {timeout} }} }} }}
  pairs: {{ concurrency: {{ limit: 1, key: [header.X-A, header.X-B] }} }}
  quiet: {{ mode: shadow, concurrency: {{ limit: 1, queue: {{ size: 1 }} }} }}
  web: {{ cors: {{ origins: https://app.test }} }}
services: {{ svc: {url} }}
routes:
  - {{ match: /two, use: [web, two], forward: {{ service: svc }} }}
  - {{ match: /too, use: [two], forward: {{ service: svc }} }}
  - {{ match: /line, use: [line], forward: {{ service: svc }} }}
  - {{ match: /pairs, use: [pairs], forward: {{ service: svc }} }}
  - {{ match: /quiet, use: [quiet], forward: {{ service: svc }} }}
  - {{ match: /closed, use: [two, {{ ip_access: {{ deny: 0.0.0.0/0 }} }}], forward: {{ service: svc }} }}
"""


class Slow(Scripted):
    """Holds every request until it is let go, in the order in which they came."""

    def __init__(self):
        self.gates = []
        super().__init__(self._talk)

    def _talk(self, connection):
        while True:
            request = connection.read_request()
            gate = threading.Event()
            gate.request = request
            with self.lock:
                self.gates.append(gate)
                self.lock.notify_all()
            gate.wait(20)
            connection.answer(b"done")

    def arrived(self, count):
        self.wait(lambda: len(self.gates) >= count, f"{count} requests")

    def let_go(self, which=None):
        with self.lock:
            gates = self.gates if which is None else [self.gates[which]]
            for gate in gates:
                gate.set()

    def close(self):
        self.let_go()
        super().close()


def config(slow, limit=2, timeout="5s"):
    return CONFIG.format(url=slow.url, limit=limit, timeout=timeout)


@pytest.fixture
def setup():
    with Slow() as slow, Gateway(config(slow)) as gateway:
        yield gateway, slow
        slow.let_go()


def begin(gateway, path, headers=()):
    """A request that is on its way."""
    client = Client(gateway.port)
    client.send_head("GET", path, headers)
    return client


def in_flight(gateway, count, policy="two"):
    gateway.expect_metric(count, "portico_concurrency_in_flight", policy=policy)


def test_one_too_many_is_refused_at_once(setup):
    gateway, slow = setup
    held = [begin(gateway, "/two")]
    slow.arrived(1)
    held.append(begin(gateway, "/too"))
    slow.arrived(2)
    answer = get(gateway.port, "/two", [("Origin", "https://app.test")])
    assert answer.status == 429 and answer.code == "concurrency.exceeded" and answer.get("Retry-After") == "1"
    assert answer.get("Access-Control-Allow-Origin") == "https://app.test"  # R31
    in_flight(gateway, 2)
    slow.let_go(0)
    assert held[0].read_response().status == 200
    in_flight(gateway, 1)
    held.append(begin(gateway, "/too"))
    slow.arrived(3)
    slow.let_go()
    for client in held[1:]:
        assert client.read_response().status == 200
        client.close()
    held[0].close()
    in_flight(gateway, 0)


def test_the_limit_holds_over_all_workers(setup):
    gateway, slow = setup
    clients = [begin(gateway, "/two") for _ in range(30)]
    slow.arrived(2)
    gateway.expect_metric(28, "portico_policy_decisions_total", policy="two", decision="refused")
    slow.let_go()
    statuses = sorted(c.read_response().status for c in clients)
    assert statuses == [200] * 2 + [429] * 28 and len(slow.gates) == 2
    for c in clients:
        c.close()


def test_each_client_has_its_own_count_and_ipv6_ones_their_network(setup):
    gateway, slow = setup
    held = [begin(gateway, "/two", [("X-Forwarded-For", "2001:db8:0:1::1")]), begin(gateway, "/two", [("X-Forwarded-For", "2001:db8:0:1::2")])]
    slow.arrived(2)
    assert get(gateway.port, "/two", [("X-Forwarded-For", "2001:db8:0:1:ffff::3")]).status == 429
    held.append(begin(gateway, "/two", [("X-Forwarded-For", "2001:db8:0:2::1")]))
    slow.arrived(3)
    slow.let_go()
    for c in held:
        assert c.read_response().status == 200
        c.close()


def test_values_of_a_key_cannot_run_into_each_other(setup):
    gateway, slow = setup
    held = [begin(gateway, "/pairs", [("X-A", "a"), ("X-B", "b, 1:c")])]
    held.append(begin(gateway, "/pairs", [("X-A", "a, 1:b"), ("X-B", "c")]))
    slow.arrived(2)
    assert get(gateway.port, "/pairs", [("X-A", "a, 1:b"), ("X-B", "c")]).status == 429
    slow.let_go()
    for c in held:
        assert c.read_response().status == 200
        c.close()


@pytest.mark.parametrize("headers", [[], [("X-A", "a")], [("X-A", "a"), ("X-B", "")]])
def test_without_a_value_for_the_key_the_request_fails(setup, headers):
    gateway, _ = setup
    answer = get(gateway.port, "/pairs", headers)
    assert answer.status == 400 and answer.code == "route.value_refused"


def test_the_line_is_served_in_its_order_across_workers(setup):
    gateway, slow = setup
    clients = []
    for i in range(4):
        clients.append(begin(gateway, "/line", [("X-Key", "k"), ("X-Number", str(i))]))
        if i == 0:
            slow.arrived(1)
        else:
            gateway.expect_metric(i, "portico_concurrency_waiting", policy="line")
    full = get(gateway.port, "/line", [("X-Key", "k")])
    assert full.status == 429 and full.get("Retry-After") == "1"
    assert len(slow.gates) == 1
    for i in range(4):
        slow.arrived(i + 1)
        slow.let_go(i)
        assert clients[i].read_response().status == 200
    assert [g.request.get("X-Number") for g in slow.gates] == ["0", "1", "2", "3"]
    for c in clients:
        c.close()
    in_flight(gateway, 0, "line")
    gateway.expect_metric(0, "portico_concurrency_waiting", policy="line")
    gateway.expect_metric(3, "portico_concurrency_wait_seconds_count", policy="line")


def test_one_that_waits_too_long_is_refused_and_the_next_goes_on():
    with Slow() as slow, Gateway(config(slow, timeout="150ms")) as gateway:
        first = begin(gateway, "/line", [("X-Key", "k")])
        slow.arrived(1)
        begun = time.monotonic()
        answer = get(gateway.port, "/line", [("X-Key", "k"), ("X-Request-ID", "late-1")])
        assert answer.status == 429 and 0.1 < time.monotonic() - begun < 5
        assert "no place became free in time" in gateway.access_line(lambda e: e["request_id"] == "late-1")["detail"]
        slow.let_go(0)
        assert first.read_response().status == 200
        first.close()
        in_flight(gateway, 0, "line")
        again = begin(gateway, "/line", [("X-Key", "k")])
        slow.arrived(2)
        slow.let_go()
        assert again.read_response().status == 200
        again.close()


def test_clients_that_are_gone_give_back_their_places(setup):
    gateway, slow = setup
    held = begin(gateway, "/line", [("X-Key", "k")])
    slow.arrived(1)
    waiting = [begin(gateway, "/line", [("X-Key", "k"), ("X-Number", str(i))]) for i in range(3)]
    gateway.expect_metric(3, "portico_concurrency_waiting", policy="line")
    waiting[0].reset()
    waiting[1].reset()
    gateway.expect_metric(1, "portico_concurrency_waiting", policy="line")
    held.reset()  # the one that is being served
    slow.arrived(2)
    assert slow.gates[1].request.get("X-Number") == "2"
    slow.let_go()
    assert waiting[2].read_response().status == 200
    waiting[2].close()
    in_flight(gateway, 0, "line")


def test_many_come_and_go_and_nothing_is_left(setup):
    gateway, slow = setup
    over = threading.Event()

    def free():
        while not over.is_set():
            slow.let_go()
            time.sleep(0.002)

    def come(n):
        for i in range(25):
            c = begin(gateway, "/line", [("X-Key", "k")])
            if (i + n) % 3 == 0:
                c.reset()
                continue
            try:
                assert c.read_response().status in (200, 429)
            finally:
                c.close()
    threads = [threading.Thread(target=come, args=(n,)) for n in range(8)]
    freeing = threading.Thread(target=free)
    freeing.start()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    in_flight(gateway, 0, "line")
    gateway.expect_metric(0, "portico_concurrency_waiting", policy="line")
    assert get(gateway.port, "/line", [("X-Key", "k")]).status == 200
    over.set()
    freeing.join()


def test_a_later_refusal_gives_the_place_back(setup):
    gateway, slow = setup
    for _ in range(5):
        assert get(gateway.port, "/closed").status == 403
    in_flight(gateway, 0)


def test_a_reload_keeps_the_counts_and_the_line():
    with Slow() as slow, Gateway(config(slow)) as gateway:
        held = [begin(gateway, "/two"), begin(gateway, "/two")]
        slow.arrived(2)
        first = begin(gateway, "/line", [("X-Key", "k")])
        slow.arrived(3)
        waiting = begin(gateway, "/line", [("X-Key", "k")])
        gateway.expect_metric(1, "portico_concurrency_waiting", policy="line")
        gateway.reload(config(slow, limit=3))
        held.append(begin(gateway, "/two"))
        slow.arrived(4)
        assert get(gateway.port, "/two").status == 429
        gateway.reload(config(slow, limit=1))
        assert get(gateway.port, "/two").status == 429
        slow.let_go(2)  # the one in front of the line, from two snapshots ago
        assert first.read_response().status == 200
        slow.arrived(5)
        slow.let_go()
        for c in [*held, waiting]:
            assert c.read_response().status == 200
            c.close()
        first.close()
        in_flight(gateway, 0)
        in_flight(gateway, 0, "line")


def test_a_higher_limit_lets_those_in_who_wait():
    text = CONFIG.replace("limit: 1, key: header.X-Key", "limit: {one}, key: header.X-Key")
    with Slow() as slow, Gateway(text.format(url=slow.url, limit=2, timeout="5s", one=1)) as gateway:
        clients = [begin(gateway, "/line", [("X-Key", "k")])]
        slow.arrived(1)
        clients.append(begin(gateway, "/line", [("X-Key", "k")]))
        gateway.expect_metric(1, "portico_concurrency_waiting", policy="line")
        gateway.reload(text.format(url=slow.url, limit=2, timeout="5s", one=2))
        slow.arrived(2)
        slow.let_go()
        for c in clients:
            assert c.read_response().status == 200
            c.close()


LOWERED = """
services: {{ svc: {url}, auth: {{ endpoints: ["{auth}"], internal: true }} }}
policies:
  ask: {{ forward_auth: {{ service: auth }} }}
  line: {{ concurrency: {{ limit: {limit}, queue: {{ size: 3, timeout: 5s }} }} }}
routes:
  - {{ match: /asked, use: [ask, line], forward: {{ service: svc }} }}
  - {{ match: /line, use: [line], forward: {{ service: svc }} }}
"""


def test_a_request_of_an_old_configuration_raises_no_limit_again():
    """It began under a higher one and comes to the count after the reload: neither it nor who waits there gets a place too many."""
    with Slow() as slow, Slow() as auth, Gateway(LOWERED.format(url=slow.url, auth=auth.url, limit=4)) as gateway:
        clients = [begin(gateway, "/line"), begin(gateway, "/asked")]
        slow.arrived(1)
        auth.arrived(1)
        gateway.reload(LOWERED.format(url=slow.url, auth=auth.url, limit=1))
        clients.append(begin(gateway, "/line"))
        gateway.expect_metric(1, "portico_concurrency_waiting", policy="line")
        auth.let_go()
        gateway.expect_metric(2, "portico_concurrency_waiting", policy="line")
        in_flight(gateway, 1, "line")
        for place in range(3):
            slow.arrived(place + 1)
            in_flight(gateway, 1, "line")
            slow.let_go(place)
        for c in clients:
            assert c.read_response().status == 200
            c.close()
        in_flight(gateway, 0, "line")


def test_shadow_lets_everybody_pass_and_nobody_wait(setup):
    gateway, slow = setup
    held = begin(gateway, "/quiet")
    slow.arrived(1)
    second = begin(gateway, "/quiet", [("X-Request-ID", "sh-1")])
    slow.arrived(2)
    slow.let_go()
    for c in (held, second):
        assert c.read_response().status == 200
        c.close()
    assert gateway.access_line(lambda e: e["request_id"] == "sh-1")["shadow"] == "quiet:concurrency.exceeded"
    in_flight(gateway, 0, "quiet")


def test_the_gateway_ends_while_requests_wait():
    with Slow() as slow, Gateway(config(slow), exit_code=None) as gateway:
        held = begin(gateway, "/line", [("X-Key", "k")])
        slow.arrived(1)
        waiting = [begin(gateway, "/line", [("X-Key", "k")]) for _ in range(3)]
        gateway.expect_metric(3, "portico_concurrency_waiting", policy="line")
        gateway.terminate()
        gateway.wait_for_line("portico: draining")
        gateway.terminate()
        assert gateway.wait() == 0
        for c in [held, *waiting]:
            c.close()


ONE = 'services: {{ s: http://127.0.0.1:9 }}\nroutes: [{{ match: "/x/{{id}}", use: [{{ concurrency: {settings} }}], forward: {{ service: s }} }}]\n'


@pytest.mark.parametrize("settings,said", [
    ("{ key: client.ip }", 'needs the key "limit"'),
    ("{ limit: 0 }", "a whole number from 1 to"),
    ("{ limit: many }", "a whole number from 1 to"),
    ("{ limit: 1, key: [] }", "the list is empty"),
    ("{ limit: 1, key: claims.sub }", "claims.sub has no value here"),
    ("{ limit: 1, key: name }", "name names nothing that is known on this route"),
    ('{ limit: 1, key: "{client.ip}-{id}" }', "a key is one value or a list of values"),
    ("{ limit: 1, queue: { timeout: 1s } }", 'needs the key "size"'),
    ("{ limit: 1, queue: { size: 1, timeout: 0 } }", "0 is not a duration"),
    ("{ limit: 1, queue: 5 }", "a queue as a mapping"),
])
def test_what_is_wrong_is_said(settings, said):
    ran = check(ONE.format(settings=settings))
    assert ran.code == 1 and said in ran.text, ran.text


def test_a_parameter_of_the_path_may_be_the_key():
    assert check(ONE.format(settings="{ limit: 1, key: [id, client.ip] }")).code == 0
