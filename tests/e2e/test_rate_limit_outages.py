"""rate_limit while its Redis is away: killed, paused, slow, emptied, failed over, or spoken to over TLS."""
import contextlib
import json
import re
import threading
import time

import pytest

from support.client import Client, get
from support.gateway import ROOT, Gateway, check
from support.redis import Redis, RedisError, SlowWay, Talk, free_port
from support.tls import Authority
from support.upstream import Scripted, answering, eventually

HEAD = """
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
workers: 2
trusted_proxies: [127.0.0.0/8]
"""
OUTCOMES = ["allow", "deny", "memory"]
LIMIT = 10_000_000


def config(url, outcome="deny", limit=LIMIT, timeout="20ms", more=""):
    return f"""{HEAD}
stores: {{ shared: {{ redis: "{url}", timeout: {timeout}{more} }} }}
policies:
  fair: {{ rate_limit: {{ limit: {limit}, window: 30d, store: shared, on_store_failure: {outcome} }} }}
routes: [{{ match: /**, use: [fair], respond: {{ body: ok }} }}]
"""


class Load:
    """Clients that ask without a pause, and what each answer was and took."""

    def __init__(self, port, clients=12):
        self.port = port
        self.ending = False
        self.answers = []  # when it came, status, seconds
        self.lost = []
        self.threads = [threading.Thread(target=self._ask, args=(i,), daemon=True) for i in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        eventually(lambda: len(self.answers) > 50, "load")
        return self

    def __exit__(self, *_):
        self.ending = True
        for thread in self.threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in self.threads), "a request hangs"
        assert not self.lost, f"a request was lost: {self.lost[0]!r}"

    def _ask(self, number):
        try:
            with Client(self.port, timeout=5) as client:
                while not self.ending:
                    begin = time.monotonic()
                    status = client.get("/x", [("X-Forwarded-For", f"192.0.2.{number % 4}")]).status
                    self.answers.append((time.monotonic(), status, time.monotonic() - begin))
                    time.sleep(0.001)
        except Exception as e:  # told by the test's own thread
            self.lost.append(e)

    def since(self, begin):
        return [(status, took) for at, status, took in list(self.answers) if at - took >= begin]


def slowest(answers, share):
    times = sorted(took for _, took in answers)
    return times[min(int(len(times) * share), len(times) - 1)]


def expected(outcome):
    return {503} if outcome == "deny" else {200}


def recovers(gateway, load, *, connected=True):
    """Waits until the store decides again, and that nothing but its decisions are seen then."""
    if connected:
        eventually(lambda: gateway.metric("portico_store_connected", store="shared") == 2
                   and gateway.metric("portico_store_breaker_open", store="shared") == 0, "a recovery", 15)

    def quiet():
        before = gateway.metric("portico_rate_limit_store_failures_total")
        begin = time.monotonic()
        time.sleep(0.3)
        return gateway.metric("portico_rate_limit_store_failures_total") == before and {s for s, _ in load.since(begin)} == {200}
    eventually(quiet, "a recovery", 15)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_killed_redis_and_one_that_comes_back_empty(outcome):
    with Redis() as redis, Gateway(config(redis.url, outcome)) as gateway, Load(gateway.port) as load:
        redis.stop()
        time.sleep(0.3)
        begin = time.monotonic()
        time.sleep(1)
        away = load.since(begin)
        assert {status for status, _ in away} == expected(outcome) and len(away) > 100
        assert gateway.metric("portico_rate_limit_store_failures_total", policy="fair", outcome=outcome) > 0
        assert gateway.metric("portico_store_breaker_open", store="shared") == 2
        redis.start()
        recovers(gateway, load)
        assert redis.run("DBSIZE") == 4


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_r25_a_redis_that_answers_nothing_costs_the_timeout_a_few_times_and_then_nothing(outcome):
    with Redis() as redis, Gateway(config(redis.url, outcome, timeout="50ms")) as gateway, Load(gateway.port) as load:
        redis.pause()
        try:
            paused = time.monotonic()
            eventually(lambda: gateway.metric("portico_store_breaker_open", store="shared") == 2, "the breaker")
            begin = time.monotonic()
            time.sleep(1.5)
            known = load.since(begin)
            all_of_it = load.since(paused)
        finally:
            redis.go_on()
        assert {status for status, _ in all_of_it} <= expected(outcome) | {200}
        assert {status for status, _ in known} == expected(outcome) and len(known) > 100
        # The timeout of 50 ms, and what a busy machine adds.
        assert max(took for _, took in all_of_it) < 0.5
        assert slowest(known, 0.99) < 0.045, "p99 while the outage is known"
        assert sum(took >= 0.045 for _, took in known) <= len(known) // 100
        recovers(gateway, load)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_slow_redis_is_one_that_fails(outcome):
    with Redis() as redis, SlowWay(redis.port) as way, Gateway(config(f"redis://127.0.0.1:{way.port}", outcome)) as gateway, Load(gateway.port) as load:
        way.delay = 0.2
        time.sleep(0.5)
        begin = time.monotonic()
        time.sleep(1)
        slow = load.since(begin)
        assert expected(outcome) <= {status for status, _ in slow} <= expected(outcome) | {200}
        assert slowest(slow, 0.99) < 0.15
        assert gateway.metric("portico_store_timeouts_total", store="shared") > 0
        way.delay = 0
        recovers(gateway, load)


def test_memory_holds_the_limit_in_each_gateway_while_the_store_is_away():
    with Redis() as redis, Gateway(config(redis.url, "memory", limit=20)) as gateway:
        assert [get(gateway.port, "/x").status for _ in range(5)] == [200] * 5
        redis.stop()
        answers = [get(gateway.port, "/x").status for _ in range(30)]
        assert answers.count(200) == 20 and set(answers[20:]) == {429}
        assert "portico_rate_limit" in "".join(gateway.metrics())
        assert "fair:store." in gateway.access_line(lambda e: "degraded" in e)["degraded"]


def test_deny_says_when_to_try_again():
    with Redis() as redis, Gateway(config(redis.url, "deny")) as gateway:
        redis.stop()
        def refused():
            answer = get(gateway.port, "/x")
            return answer if answer.status == 503 else None
        answer = eventually(refused, "a refusal")
        assert answer.code == "rate_limit.unavailable" and answer.get("Retry-After") == "1"


def test_a_gateway_starts_without_its_redis_and_finds_it_later():
    with Redis() as redis:
        redis.stop()
        with Gateway(config(redis.url, "allow")) as gateway:
            assert get(gateway.port, "/x").status == 200
            ready = get(gateway.admin_port, "/ready", host="localhost")
            assert ready.status == 200 and json.loads(ready.body)["degraded"] in (["store shared"], [f"store shared: connect to 127.0.0.1:{redis.port}: Connection refused"])
            redis.start()
            with Load(gateway.port) as load:
                recovers(gateway, load)
            eventually(lambda: "degraded" not in json.loads(get(gateway.admin_port, "/ready", host="localhost").body), "a whole gateway", 5)


def test_a_flushed_script_is_sent_anew_and_no_request_notices():
    with Redis() as redis, Gateway(config(redis.url, timeout="2s")) as gateway, Load(gateway.port) as load:
        for _ in range(5):
            redis.run("SCRIPT", "FLUSH")
            time.sleep(0.1)
        assert {status for _, status, _ in list(load.answers)} == {200}
        assert gateway.metric("portico_rate_limit_store_failures_total") == 0
        load.__exit__()
        # Each was charged once, neither lost nor sent twice.
        assert sum(redis.run("ZCARD", f"portico:{{fair:192.0.2.{i}}}:0w") for i in range(4)) == len(load.answers)


def is_master(redis):
    try:
        return redis.run("ROLE")[0] == "master"
    except ConnectionError:  # a sentinel that promotes a server ends its clients' connections
        return False


def test_a_failover_is_followed():
    with Redis("--repl-diskless-sync-delay", "0") as master:
        with Redis("--replicaof", f"127.0.0.1 {master.port}", "--repl-diskless-sync-delay", "0") as replica:
            eventually(lambda: "master_link_status:up" in replica.run("INFO", "replication"), "replication")
            watch = [f"sentinel monitor mymaster 127.0.0.1 {master.port} 1", "sentinel down-after-milliseconds mymaster 300",
                     "sentinel failover-timeout mymaster 2000"]
            with Redis(sentinel=watch) as sentinel:
                eventually(lambda: "num-slaves" in (m := sentinel.run("SENTINEL", "MASTER", "mymaster")) and m[m.index("num-slaves") + 1] == "1", "the sentinel's replica", 15)
                with Gateway(config(f"redis+sentinel://127.0.0.1:{sentinel.port}/mymaster", "allow")) as gateway, Load(gateway.port) as load:
                    master.run("WAIT", "1", "2000")
                    master.stop()
                    eventually(lambda: is_master(replica), "the failover", 20)
                    recovers(gateway, load)
                    assert replica.run("DBSIZE") == 4
                    assert {status for _, status, _ in list(load.answers)} == {200}


def slots(redis):
    return {k: redis.run("CLUSTER", "KEYSLOT", k) for k in (f"portico:{{fair:192.0.2.{i}}}:0w" for i in range(4))}


def test_a_slot_that_moves_in_a_cluster_is_followed():
    options = ["--cluster-enabled", "yes", "--cluster-port"]
    with Redis(*options, str(first_bus := free_port())) as first, Redis(*options, str(second_bus := free_port())) as second:
        first.run("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        second.run("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        first.run("CLUSTER", "MEET", "127.0.0.1", second.port, second_bus)
        for server in (first, second):
            eventually(lambda s=server: "cluster_state:ok" in s.run("CLUSTER", "INFO") and "cluster_known_nodes:2" in s.run("CLUSTER", "INFO"), "the cluster", 20)
        with Gateway(config(f"redis+cluster://127.0.0.1:{first.port}", "deny", timeout="2s")) as gateway, Load(gateway.port) as load:
            for key, slot in slots(first).items():
                source, target = (first, second) if slot < 8192 else (second, first)
                ids = {s: s.run("CLUSTER", "MYID") for s in (first, second)}
                target.run("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
                source.run("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
                time.sleep(0.05)
                source.run("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
                time.sleep(0.05)
                for server in (target, source):
                    server.run("CLUSTER", "SETSLOT", slot, "NODE", ids[target])
            recovers(gateway, load, connected=False)
            assert {status for _, status, _ in list(load.answers)} == {200}
            assert first.run("DBSIZE") + second.run("DBSIZE") == 4
        assert first_bus != second_bus


# Over TLS


def test_a_redis_is_spoken_to_over_tls(tmp_path):
    authority = Authority(tmp_path)
    issued = authority.issue("127.0.0.1", "localhost")
    with Redis(tls=(issued, authority)) as redis:
        url = f"rediss://127.0.0.1:{redis.port}"
        with Gateway(config(url, limit=3, timeout="2s", more=f", ca: {authority.cert_file}")) as gateway:
            assert [get(gateway.port, "/x").status for _ in range(4)] == [200, 200, 200, 429]
            assert redis.run("ZCARD", "portico:{fair:127.0.0.1}:0w") == 3
            redis.stop()
            eventually(lambda: get(gateway.port, "/x", [("X-Forwarded-For", "192.0.2.1")]).status == 503, "the outage")
            redis.start()
            eventually(lambda: get(gateway.port, "/x", [("X-Forwarded-For", "192.0.2.1")]).status == 200, "the recovery")


def test_sentinels_and_the_master_that_they_name_are_spoken_to_over_tls(tmp_path):
    authority = Authority(tmp_path)
    tls = (authority.issue("127.0.0.1"), authority)
    with Redis("--tls-replication", "yes", tls=tls) as master:
        watch = [f"sentinel monitor mymaster 127.0.0.1 {master.port} 1", "tls-replication yes"]
        with Redis(sentinel=watch, tls=tls) as sentinel:
            url = f"rediss+sentinel://127.0.0.1:{sentinel.port}/mymaster"
            with Gateway(config(url, limit=3, timeout="2s", more=f", ca: {authority.cert_file}")) as gateway:
                assert [get(gateway.port, "/x").status for _ in range(4)] == [200, 200, 200, 429]
                assert master.run("ZCARD", "portico:{fair:127.0.0.1}:0w") == 3
            stranger = Authority(tmp_path, "Other CA")
            with Gateway(config(url, limit=3, timeout="2s", more=f", ca: {stranger.cert_file}")) as gateway:
                assert get(gateway.port, "/x").status == 503
                assert master.run("ZCARD", "portico:{fair:127.0.0.1}:0w") == 3


def test_a_cluster_is_spoken_to_over_tls_and_names_its_tls_ports(tmp_path):
    authority = Authority(tmp_path)
    tls = (authority.issue("127.0.0.1"), authority)
    options = ["--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port"]
    with Redis(*options, str(free_port()), tls=tls) as first, Redis(*options, str(free_port()), tls=tls) as second:
        first.run("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        second.run("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        first.run("CLUSTER", "MEET", "127.0.0.1", second.port, second.options[-1])
        for server in (first, second):
            eventually(lambda s=server: "cluster_state:ok" in s.run("CLUSTER", "INFO") and "cluster_known_nodes:2" in s.run("CLUSTER", "INFO"), "the cluster", 20)
        with Gateway(config(f"rediss+cluster://127.0.0.1:{first.port}", "deny", limit=3, timeout="2s", more=f", ca: {authority.cert_file}")) as gateway:
            for i in range(20):  # keys of both servers
                header = [("X-Forwarded-For", f"192.0.2.{i + 1}")]
                assert [get(gateway.port, "/x", header).status for _ in range(4)] == [200, 200, 200, 429]
            assert first.run("DBSIZE") > 0 and second.run("DBSIZE") > 0


@pytest.mark.parametrize("names,from_days,to_days,ours", [(["192.0.2.1"], -1, 10, True), (["127.0.0.1"], -9, -1, True), (["127.0.0.1"], -1, 10, False)],
                         ids=["another name", "expired", "a stranger's"])
def test_a_certificate_that_does_not_hold_is_no_store(tmp_path, names, from_days, to_days, ours):
    authority, other = Authority(tmp_path), Authority(tmp_path, "Other CA")
    issued = authority.issue(*names, from_days=from_days, to_days=to_days)
    with Redis(tls=(issued, authority)) as redis:
        believed = authority if ours else other
        with Gateway(config(f"rediss://127.0.0.1:{redis.port}", timeout="2s", more=f", ca: {believed.cert_file}")) as gateway:
            assert get(gateway.port, "/x").status == 503
            assert gateway.metric("portico_store_connected", store="shared") == 0
        assert redis.run("DBSIZE") == 0


def test_what_is_wrong_with_a_stores_ca_is_said(tmp_path):
    assert "cannot be read" in check(config("rediss://127.0.0.1:1", more=", ca: /nowhere/ca.pem")).text
    (tmp_path / "bad.pem").write_text("nothing")
    assert "no certificate in PEM form" in check(config("rediss://127.0.0.1:1", more=f", ca: {tmp_path}/bad.pem")).text
    assert "without TLS" in check(config("redis://127.0.0.1:1", more=f", ca: {tmp_path}/bad.pem")).text


# What it needs of a Redis


def test_a_user_with_the_documented_rights_is_enough():
    documentation = open(f"{ROOT}/docs/operations.md", encoding="utf-8").read()
    rights = re.search(r"ACL SETUSER portico (.*)", documentation).group(1)
    with Redis() as redis:
        user = ["ACL", "SETUSER", "portico", *rights.replace(">PASSWORD", ">secret").split()]
        redis.run(*user)
        with Gateway(f"""{HEAD}
stores: {{ shared: {{ redis: "redis://portico:secret@127.0.0.1:{redis.port}", timeout: 2s }} }}
policies:
  w: {{ rate_limit: {{ limit: 2, window: 1s, store: shared, on_store_failure: deny, cost: query.n }} }}
  c: {{ rate_limit: {{ limit: 2, window: 1s, store: shared, on_store_failure: deny, algorithm: sliding_counter }} }}
  b: {{ rate_limit: {{ limit: 2, window: 1s, store: shared, on_store_failure: deny, algorithm: token_bucket }} }}
  f: {{ rate_limit: {{ limit: 2, window: 1s, store: shared, on_store_failure: deny, algorithm: fixed_window }} }}
routes: [{{ match: /**, use: [w, c, b, f], respond: {{ body: ok }} }}]
""") as gateway:
            for _ in range(3):
                assert {get(gateway.port, "/x").status for _ in range(2)} <= {200, 429}
                assert get(gateway.port, "/x?n=2").status in (200, 429)
                time.sleep(0.6)
            assert redis.run("ACL", "LOG") == []
            # It comes back without that user, and then learns of it.
            redis.stop()
            redis.start()
            eventually(lambda: get(gateway.port, "/x").status == 503, "the refusal")
            redis.run(*user)
            eventually(lambda: get(gateway.port, "/x").status != 503, "the recovery")


# A store that answers, but refuses its work


def degraded(gateway):
    return json.loads(get(gateway.admin_port, "/ready", host="localhost").body).get("degraded")


REFUSALS = {
    "no password": ([], ["CONFIG", "SET", "requirepass", "secret"], ["CONFIG", "SET", "requirepass", ""], "NOAUTH Authentication required."),
    "no memory": ([], ["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"], "OOM command not allowed when used memory > 'maxmemory'."),
    "no right": ([], ["ACL", "SETUSER", "default", "-evalsha"], ["ACL", "SETUSER", "default", "+evalsha"], "NOPERM this user has no permissions to run the 'evalsha' command"),
    "no replicas": (["--min-replicas-to-write", "1"], [], ["CONFIG", "SET", "min-replicas-to-write", "0"], "NOREPLICAS Not enough good replicas to write."),
}


@pytest.mark.parametrize("case", list(REFUSALS))
def test_a35_a_store_that_refuses_is_lost_and_found_again(case):
    options, breaks, mends, words = REFUSALS[case]
    with Redis(*options) as redis:
        if breaks:
            redis.run(*breaks)
        with Gateway(config(redis.url, "allow", limit=2, timeout="100ms")) as gateway:
            with Client(gateway.port) as client:
                assert [client.get("/x").status for _ in range(10)] == [200] * 10
            # Each worker learns it by a request.
            eventually(lambda: [get(gateway.port, "/x"), gateway.metric("portico_store_breaker_open", store="shared")][1] == 2, "an outage that is seen")
            assert gateway.metric("portico_store_connected", store="shared") == 0
            assert degraded(gateway) == [f"store shared: {words}"]
            signed_in(redis, *mends)

            # Nobody asks for anything: what was refused is tried again, with a key of nobody's.
            eventually(lambda: gateway.metric("portico_store_connected", store="shared") == 2, "a recovery", 15)
            assert degraded(gateway) is None
            assert get(gateway.port, "/x", [("X-Forwarded-For", "192.0.2.9")]).get("RateLimit")
            eventually(lambda: any("found again" in line for line in gateway.stderr), "the line on stderr")
            said = [line for line in gateway.stderr if "store shared" in line]
            assert said == [f"portico: store shared is lost: {words}", "portico: store shared is found again"]


def signed_in(redis, *words):
    """A command of somebody who knows the password, where there is one."""
    talk = Talk(redis.port)
    try:
        talk.send("AUTH", "secret")
        with contextlib.suppress(RedisError):
            talk.read()
        talk.send(*words)
        return talk.read()
    finally:
        talk.close()


def test_a36_a_burst_of_one_client_is_counted_to_the_last_request():
    """With the default timeout it took three late answers of its own to open the breaker for all."""
    with Redis() as redis, Gateway(config(redis.url, "allow", limit=10, timeout="400ms")) as gateway:
        clients = [Client(gateway.port) for _ in range(300)]
        try:
            for client in clients:
                client.sock.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            statuses = [client.read_response().status for client in clients]
        finally:
            for client in clients:
                client.close()
        assert statuses.count(200) == 10 and statuses.count(429) == 290
        # 300 requests, and far fewer questions.
        assert gateway.metric("portico_store_commands_total", store="shared") < 100


def test_a39_the_work_of_other_requests_is_no_time_of_the_store():
    """A limit of 0 beside edits of 1 MiB, each of which takes a worker longer than the store's timeout."""
    body = b"[" + b",".join([b'{"a":[1,2,{"cost":1}]}'] * 45000) + b"]"
    edit = b"POST /edit HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with Redis() as redis, Scripted(answering()) as upstream, Gateway(f"""
listeners: [{{ address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0 }}
workers: 1
stores: {{ shared: {{ redis: "{redis.url}", timeout: 20ms }} }}
services: {{ svc: {{ endpoints: ["{upstream.url}"] }} }}
policies: {{ fair: {{ rate_limit: {{ limit: 0, window: 60s, key: query.k, store: shared, on_store_failure: allow }} }} }}
routes:
  - {{ match: /limited, use: [fair], respond: {{ body: ok }} }}
  - {{ match: /edit, use: [{{ transform: {{ request: {{ edit: {{ remove: "$..cost" }} }} }} }}], forward: {{ service: svc }} }}
""") as gateway:
        eventually(lambda: gateway.metric("portico_store_connected", store="shared") == 1, "the store")
        statuses = []
        with Client(gateway.port) as limited:
            limited.get("/limited?k=first")
            for i in range(10):
                with Client(gateway.port) as editing:
                    editing.send(edit[:-1])
                    time.sleep(0.02)  # the editing begins with the last byte
                    limited.send(b"GET /limited?k=%d HTTP/1.1\r\nHost: a\r\n\r\n" % i)
                    editing.send(edit[-1:])
                    statuses.append(limited.read_response().status)
                    editing.read_response()
        assert statuses == [429] * 10


def lost_line(gateway):
    return gateway.wait_for_line("portico: store shared is lost: ")


def test_t41_a_wrong_password_is_told_in_the_servers_own_words():
    with Redis() as redis:
        redis.run("CONFIG", "SET", "requirepass", "secret")
        url = redis.url.replace("redis://", "redis://:wrong@")
        with Gateway(config(url, "allow", limit=2, timeout="100ms")) as gateway:
            eventually(lambda: [get(gateway.port, "/x"), gateway.metric("portico_store_lost", store="shared", cause="sign_in")][1] == 2, "the cause in a metric")
            assert lost_line(gateway).startswith("portico: store shared is lost: AUTH refused: WRONGPASS invalid username-password pair")
            assert degraded(gateway)[0].startswith("store shared: AUTH refused: WRONGPASS invalid username-password pair")
            assert not any("wrong@" in line or ":wrong" in line for line in gateway.stderr)


def test_t41_tls_to_a_plain_port_is_told_as_what_it_is():
    with Redis() as redis:
        url = f"rediss://127.0.0.1:{redis.port}"
        with Gateway(config(url, "allow", limit=2, timeout="5ms")) as gateway:
            eventually(lambda: [get(gateway.port, "/x"), gateway.metric("portico_store_lost", store="shared", cause="tls")][1] == 2, "the cause in a metric", 20)
            assert lost_line(gateway).startswith(f"portico: store shared is lost: TLS with 127.0.0.1:{redis.port}: ")
            assert degraded(gateway)[0].startswith(f"store shared: TLS with 127.0.0.1:{redis.port}: ")


def test_a_new_reason_of_a_lost_store_is_told():
    with Redis() as redis:
        redis.stop()
        with Gateway(config(redis.url.replace("redis://", "redis://nobody:wrong@"), "allow", limit=2, timeout="100ms")) as gateway:
            eventually(lambda: [get(gateway.port, "/x"), degraded(gateway)][1], "an outage")
            assert lost_line(gateway).endswith("Connection refused")
            redis.start()
            assert gateway.wait_for_line("portico: store shared is still lost: ").startswith("portico: store shared is still lost: AUTH refused: WRONGPASS")


def test_t41_a_store_that_nobody_holds_is_told_by_its_address():
    port = free_port()
    with Gateway(config(f"redis://127.0.0.1:{port}", "allow", limit=2, timeout="5ms")) as gateway:
        eventually(lambda: [get(gateway.port, "/x"), gateway.metric("portico_store_lost", store="shared", cause="connect")][1] == 2, "the cause in a metric")
        assert lost_line(gateway) == f"portico: store shared is lost: connect to 127.0.0.1:{port}: Connection refused"
