"""rate_limit: what passes, what is refused and what both are told, counted in memory and in a real Redis."""
import base64
import email.utils
import hashlib
import hmac
import json
import re
import socket
import threading
import time

import pytest

from support.client import Client, get
from support.gateway import SANITIZED, Gateway, check, explain
from support.redis import Redis, Talk

SECRET = "a secret of more than thirty-two bytes"
HEAD = """
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
workers: 2
trusted_proxies: [127.0.0.0/8]
"""
ALGORITHMS = ["sliding_window", "sliding_counter", "token_bucket", "fixed_window"]


def token(**claims):
    """A token that the tests' `signed-in` believes."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    text = part(b'{"alg":"HS256"}') + b"." + part(json.dumps({"exp": int(time.time()) + 600, **claims}).encode())
    return (text + b"." + part(hmac.new(SECRET.encode(), text, hashlib.sha256).digest())).decode()


def bearer(**claims):
    return [("Authorization", "Bearer " + token(**claims))]


def from_ip(address):
    return [("X-Forwarded-For", address)]


def statuses(gateway, count, path="/x", headers=()):
    """The answers' statuses of so many requests, one after the other on one connection."""
    with Client(gateway.port) as client:
        return [client.get(path, headers).status for _ in range(count)]


def refusal(answer):
    """Asserts that an answer is the refusal of a limit, and returns its Retry-After."""
    assert answer.status == 429
    assert answer.get("Content-Type") == "application/problem+json"
    problem = answer.json()
    assert problem["title"] == "Rate limit exceeded" and problem["status"] == 429 and problem["code"] == answer.code
    assert problem["request_id"] == answer.get("X-Request-ID")
    seconds = answer.get("Retry-After")
    assert re.fullmatch(r"[1-9][0-9]*", seconds)
    return int(seconds)


@pytest.fixture(scope="module")
def redis():
    with Redis() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def where(request):
    """The lines of a file that name a store, and what a limit says of it."""
    if request.param == "memory":
        return "stores: { shared: memory }\n", "store: shared, on_store_failure: deny"
    server = request.getfixturevalue("redis")
    server.run("FLUSHALL")
    return f'stores: {{ shared: {{ redis: "{server.url}", timeout: 2s }} }}\n', "store: shared, on_store_failure: deny"


def limited(limit, *, store="", more="", routes="routes: [{ match: /**, use: [fair], respond: { body: ok } }]\n"):
    return f"{HEAD}{store}policies:\n  fair: {{ rate_limit: {{ {limit} }} }}\n{more}{routes}"


# What is promised


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_100_requests_pass_in_a_window_and_the_101st_does_not(where, algorithm):
    store, on = where
    with Gateway(limited(f"limit: 100, window: 12h, key: client.ip, algorithm: {algorithm}, {on}", store=store)) as gateway:
        assert statuses(gateway, 100) == [200] * 100
        seconds = refusal(get(gateway.port, "/x"))
        assert 1 <= seconds <= 12 * 3600 * (2 if algorithm == "sliding_counter" else 1)
        assert get(gateway.port, "/x", from_ip("192.0.2.1")).status == 200


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_it_passes_again_after_its_retry_after(where, algorithm):
    store, on = where
    with Gateway(limited(f"limit: 3, window: 1s, algorithm: {algorithm}, {on}", store=store)) as gateway:
        for _ in range(20):  # a window may end while it is being filled
            answer = get(gateway.port, "/x")
            if answer.status == 429:
                break
        time.sleep(refusal(answer))
        assert get(gateway.port, "/x").status == 200


def test_all_of_several_windows_must_admit_and_a_refusal_charges_none(where):
    store, on = where
    with Gateway(limited(f"windows: [{{ limit: 2, window: 1s }}, {{ limit: 5, window: 1h }}], {on}", store=store)) as gateway:
        passed = 0
        with Client(gateway.port) as client:
            end = time.monotonic() + 10
            while time.monotonic() < end:
                answer = client.get("/x")
                passed += answer.status == 200
                if answer.status == 429 and int(answer.get("Retry-After")) > 1:
                    break
        assert passed == 5
        assert answer.get("RateLimit-Policy") == '"fair/1s";q=2;w=1, "fair/3600s";q=5;w=3600'
        assert '"fair/3600s";r=0;t=' in answer.get("RateLimit")


# Who is counted


def test_an_address_is_found_behind_trusted_proxies(where):
    store, on = where
    with Gateway(limited(f"limit: 1, window: 1h, {on}", store=store)) as gateway:
        assert get(gateway.port, "/x", from_ip("192.0.2.1")).status == 200
        assert get(gateway.port, "/x", from_ip("203.0.113.9, 192.0.2.1")).status == 429
        assert get(gateway.port, "/x", from_ip("192.0.2.2")).status == 200


def test_an_ipv6_client_is_its_64(where):
    store, on = where
    with Gateway(limited(f"limit: 1, window: 1h, {on}", store=store)) as gateway:
        assert get(gateway.port, "/x", from_ip("2001:db8::1")).status == 200
        assert get(gateway.port, "/x", from_ip("2001:db8::ffff:2")).status == 429
        assert get(gateway.port, "/x", from_ip("2001:db8:0:1::1")).status == 200


def test_an_ipv6_connection_is_counted_too(redis):
    redis.run("FLUSHALL")
    config = limited("limit: 1, window: 1h, store: shared, on_store_failure: deny", store=f'stores: {{ shared: {{ redis: "{redis.url}", timeout: 2s }} }}\n')
    with Gateway(config.replace("127.0.0.1:0 }]", "\"[::1]:0\" }]")) as gateway:
        for wanted in (b"200", b"429"):
            with socket.create_connection(("::1", gateway.port), 10) as sock:
                sock.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert sock.makefile("rb").readline().split()[1] == wanted
    assert redis.run("KEYS", "*") == ["portico:{fair:%3a%3a%2f64}:0w"]


SIGNED_IN = f'  signed-in: {{ jwt: {{ algorithms: [HS256], secret: "{SECRET}" }} }}\n'
SIGNED_IN_ROUTES = "routes: [{ match: /**, use: [signed-in, fair], respond: { body: ok } }]\n"


def test_a_claim_counts_whoever_signed_in(where):
    store, on = where
    with Gateway(limited(f"limit: 1, window: 1h, key: claims.sub, {on}", store=store, more=SIGNED_IN, routes=SIGNED_IN_ROUTES)) as gateway:
        assert get(gateway.port, "/x", bearer(sub="alice")).status == 200
        assert get(gateway.port, "/x", bearer(sub="alice", jti="another")).status == 429
        assert get(gateway.port, "/x", bearer(sub="bob")).status == 200
        assert get(gateway.port, "/x").status == 401
        without = get(gateway.port, "/x", bearer(name="nobody"))
        assert without.status == 403


def test_t40_a_list_of_values_cannot_look_like_another(where):
    store, on = where
    with Gateway(limited(f"limit: 1, window: 1h, key: [header.x-a, header.x-b], {on}", store=store)) as gateway:
        assert get(gateway.port, "/x", [("X-A", "1"), ("X-B", "23")]).status == 200
        assert get(gateway.port, "/x", [("X-A", "12"), ("X-B", "3")]).status == 200
        assert get(gateway.port, "/x", [("X-A", "1"), ("X-B", "23")]).status == 429
        assert get(gateway.port, "/x", [("X-A", "1")]).status == 400


def test_a_path_parameter_counts(where):
    store, on = where
    routes = 'routes: [{ match: "/tenants/{tenant}/**", use: [fair], respond: { body: ok } }]\n'
    with Gateway(limited(f"limit: 1, window: 1h, key: tenant, {on}", store=store, routes=routes)) as gateway:
        assert get(gateway.port, "/tenants/a/1").status == 200
        assert get(gateway.port, "/tenants/a/2").status == 429
        assert get(gateway.port, "/tenants/%61/2").status == 429
        assert get(gateway.port, "/tenants/b/1").status == 200


# How much


def test_a_request_costs_what_it_says(where):
    store, on = where
    with Gateway(limited(f"limit: 10, window: 1h, cost: query.items, {on}", store=store)) as gateway:
        assert get(gateway.port, "/x?items=7").get("RateLimit").startswith('"fair";r=3;t=')
        assert get(gateway.port, "/x?items=4").status == 429
        assert get(gateway.port, "/x").status == 200  # without it a request counts as 1
        assert get(gateway.port, "/x?items=2").status == 200
        assert get(gateway.port, "/x").status == 429
        never = get(gateway.port, "/x?items=11")
        assert never.status == 429 and never.get("Retry-After") is None


@pytest.mark.parametrize("query", ["items=1e2", "items=%2B100", "items=100.0", "items=0x64", "items=many", "items=", "items=-1", "items=1&items=100", "items=1;items=100",
                                   "items=1&%69tems=100", "Items=100", "items[]=100", "a=1;items=100"])
def test_a37_a_cost_that_can_be_read_in_two_ways_is_refused(query):
    with Gateway(limited("limit: 10, window: 1h, cost: query.items")) as gateway:
        refused = get(gateway.port, "/x?" + query)
        assert (refused.status, refused.code) == (400, "route.value_refused")
        assert get(gateway.port, "/x?items=10").status == 200, "a refused request costs nothing"


def test_a37_a_cost_of_many_digits_is_more_than_any_limit():
    with Gateway(limited("limit: 10, window: 1h, cost: query.items")) as gateway:
        assert get(gateway.port, "/x?items=" + "9" * 23).status == 429
        assert get(gateway.port, "/x?items=0").get("RateLimit").startswith('"fair";r=9;t=')
        assert get(gateway.port, "/x?items=0009").get("RateLimit").startswith('"fair";r=0;t=')


def test_a37_a_cost_in_two_headers_is_refused():
    with Gateway(limited("limit: 10, window: 1h, cost: header.x-items")) as gateway:
        assert get(gateway.port, "/x", [("X-Items", "1"), ("X_Items", "100")]).status == 400
        assert get(gateway.port, "/x", [("X-Items", "1"), ("X-Items", "100")]).status == 400
        assert get(gateway.port, "/x", [("X_Items", "100")]).status == 400, "a service may read it as X-Items"
        assert get(gateway.port, "/x", [("X-Items", "10")]).status == 200


def test_a37_a_cost_counts_in_full_where_the_limit_is_large():
    with Gateway(limited("limit: 1000000000, window: 1h, cost: query.items")) as gateway:
        assert get(gateway.port, "/x?items=999999999").get("RateLimit").startswith('"fair";r=1;t=')
        assert get(gateway.port, "/x?items=2").status == 429


def test_single_keys_have_limits_of_their_own(where):
    store, on = where
    with Gateway(limited(f'limit: 1, window: 1h, overrides: {{ "10.0.0.1": 3, "10.0.0.2": 0 }}, {on}', store=store)) as gateway:
        assert statuses(gateway, 4, headers=from_ip("10.0.0.1")) == [200, 200, 200, 429]
        assert statuses(gateway, 1, headers=from_ip("10.0.0.2")) == [429]
        assert statuses(gateway, 2, headers=from_ip("10.0.0.3")) == [200, 429]


def test_the_limit_goes_by_the_clients_plan_and_keeps_the_usage(where):
    store, on = where
    limit = f"limit: {{ by: claims.plan, values: {{ gold: 4, none: 0 }}, default: 2 }}, window: 1h, key: claims.sub, {on}"
    with Gateway(limited(limit, store=store, more=SIGNED_IN, routes=SIGNED_IN_ROUTES)) as gateway:
        assert statuses(gateway, 3, headers=bearer(sub="a")) == [200, 200, 429]
        # A low limit, then a high one, for the same client: at once, with what was used before.
        assert statuses(gateway, 3, headers=bearer(sub="a", plan="gold")) == [200, 200, 429]
        assert statuses(gateway, 1, headers=bearer(sub="b", plan=["gold"])) == [403]
        assert statuses(gateway, 1, headers=bearer(sub="c", plan="none")) == [429]


def test_refused_requests_count_where_that_is_asked(where):
    store, on = where
    with Gateway(limited(f"limit: 2, window: 1s, charge_refused: true, {on}", store=store)) as gateway:
        with Client(gateway.port) as client:
            answers = []
            end = time.monotonic() + 2.5
            while time.monotonic() < end:  # who never pauses never passes again
                answers.append(client.get("/x").status)
                time.sleep(0.02)
        assert answers[:2] == [200, 200] and set(answers[2:]) == {429}
        time.sleep(1.1)
        assert get(gateway.port, "/x").status == 200


# What is told


def test_answers_say_what_is_left(where):
    store, on = where
    with Gateway(limited(f"limit: 2, window: 60s, {on}", store=store)) as gateway:
        first, second, third = (get(gateway.port, "/x") for _ in range(3))
        assert first.get("RateLimit-Policy") == third.get("RateLimit-Policy") == '"fair";q=2;w=60'
        assert re.fullmatch(r'"fair";r=1;t=(59|60)', first.get("RateLimit"))
        assert re.fullmatch(r'"fair";r=0;t=(59|60)', second.get("RateLimit"))
        assert third.get("RateLimit") == f'"fair";r=0;t={refusal(third)}'


@pytest.mark.parametrize("fields,seen", [("always", [True, True]), ("refused", [False, True]), ("never", [False, False])])
def test_which_answers_say_it_is_chosen(fields, seen):
    with Gateway(limited(f"limit: 1, window: 60s, fields: {fields}")) as gateway:
        answers = [get(gateway.port, "/x") for _ in range(2)]
        assert [a.get("RateLimit") is not None for a in answers] == seen
        assert refusal(answers[1])


def test_shadow_counts_apart_and_refuses_nobody(where):
    store, on = where
    config = limited(f"limit: 1, window: 1h, {on} }}, mode: shadow", store=store).replace("shadow } }", "shadow }")
    config = config.replace("routes: [", "routes: [{ match: /strict, use: [strict], respond: { body: ok } }, ")
    config = config.replace("routes:", f"  strict: {{ rate_limit: {{ limit: 1, window: 1h, {on} }} }}\nroutes:", 1)
    with Gateway(config) as gateway:
        assert statuses(gateway, 3) == [200] * 3
        gateway.expect_metric(2, "portico_policy_decisions_total", policy="fair", decision="shadow_refused")
        assert statuses(gateway, 2, "/strict") == [200, 429]


# Whose counts are shared


def test_two_routes_share_one_named_limit_and_two_limits_share_nothing(where):
    store, on = where
    routes = """routes:
  - { match: /a, use: [fair], respond: { body: ok } }
  - { match: /b, use: [fair], respond: { body: ok } }
  - { match: /c, use: [other], respond: { body: ok } }
"""
    with Gateway(limited(f"limit: 2, window: 1h, {on}", store=store, more=f"  other: {{ rate_limit: {{ limit: 2, window: 1h, {on} }} }}\n", routes=routes)) as gateway:
        assert [get(gateway.port, p).status for p in ("/a", "/b", "/a", "/b")] == [200, 200, 429, 429]
        assert [get(gateway.port, p).status for p in ("/c", "/c", "/c")] == [200, 200, 429]


def test_two_limits_in_place_are_two():
    routes = """routes:
  - { match: /a, use: [{ rate_limit: { limit: 1, window: 1h } }], respond: { body: ok } }
  - { match: /b, use: [{ rate_limit: { limit: 1, window: 1h } }], respond: { body: ok } }
"""
    with Gateway(HEAD + routes) as gateway:
        assert [get(gateway.port, p).status for p in ("/a", "/a", "/b", "/b")] == [200, 429, 200, 429]


def test_a_reload_changes_the_numbers_at_once_and_keeps_the_usage(where):
    store, on = where
    def with_limit(limit, window):
        return limited(f"limit: {limit}, window: {window}, {on}", store=store)
    with Gateway(with_limit(2, "1h")) as gateway:
        assert statuses(gateway, 3) == [200, 200, 429]
        gateway.reload(with_limit(4, "1h"))
        assert statuses(gateway, 3) == [200, 200, 429]
        gateway.reload(with_limit(3, "2h"))
        assert refusal(get(gateway.port, "/x")) > 1
        gateway.reload(with_limit(5, "2h"))
        assert statuses(gateway, 2) == [200, 429]


# What is not loaded, and what explain says


def test_a_limit_by_a_claim_before_the_token_check_is_not_loaded():
    config = limited("limit: 1, window: 1h, key: claims.sub", more=SIGNED_IN, routes=SIGNED_IN_ROUTES.replace("signed-in, fair", "fair, signed-in"))
    ran = check(config)
    assert ran.code == 1 and ": claims.sub has no value here" in ran.text and "put the policy that signs in before it" in ran.text


def test_a_limit_behind_the_token_check_that_counts_addresses_is_warned_of():
    ran = check(limited("limit: 1, window: 1h", more=SIGNED_IN, routes=SIGNED_IN_ROUTES))
    assert ran.code == 0 and "put the limit before the policy that signs in" in ran.text


@pytest.mark.parametrize("limit,said", [
    ("limit: 1, window: 60", "60s"), ("limit: 1, window: 60s, store: shared", "on_store_failure"),
    ("limit: 1, window: 60s, burst: 2", "token_bucket"), ("limit: 1, window: 60s, store: nowhere, on_store_failure: deny", "nowhere")])
def test_a_faulty_limit_is_not_loaded(limit, said):
    ran = check(limited(limit, store="stores: { shared: memory }\n"))
    assert ran.code == 1 and said in ran.text


def test_a_limit_in_place_with_a_store_needs_a_name():
    routes = "routes: [{ match: /a, use: [{ %srate_limit: { limit: 1, window: 1h, store: shared, on_store_failure: deny } }], respond: { body: ok } }]\n"
    store = "stores: { shared: memory }\n"
    assert "needs a name" in check(HEAD + store + routes % "").text
    assert check(HEAD + store + routes % "name: small, ").code == 0


def test_explain_says_what_would_be_counted(redis):
    redis.run("FLUSHALL")
    ran = explain(limited("limit: 5, window: 60s, store: shared, on_store_failure: deny",
                          store=f'stores: {{ shared: {{ redis: "{redis.url}" }} }}\n'), "GET", "http://x/a")
    assert ran.code == 0 and "would count" in ran.text and "shared" in ran.text and "5 in 60000ms" in ran.text
    assert redis.run("DBSIZE") == 0


# In Redis


def test_the_log_is_a_sorted_set_with_an_entry_for_each_request(redis):
    redis.run("FLUSHALL")
    with Gateway(limited("limit: 5, window: 60s, store: shared, on_store_failure: deny",
                         store=f'stores: {{ shared: {{ redis: "{redis.url}", timeout: 2s }} }}\n')) as gateway:
        statuses(gateway, 8)
    key = "portico:{fair:127.0.0.1}:0w"
    assert redis.run("KEYS", "*") == [key]
    assert redis.run("TYPE", key) == "zset" and redis.run("ZCARD", key) == 5
    assert 55 < redis.run("TTL", key) <= 60


def test_a_gateway_sends_no_time_and_one_command_a_decision(redis):
    redis.run("FLUSHALL")
    watch = Talk(redis.port)
    watch.send("MONITOR")
    assert watch.read() == "OK"
    with Gateway(limited("limit: 100, window: 60s, store: shared, on_store_failure: deny",
                         store=f'stores: {{ shared: {{ redis: "{redis.url}", timeout: 2s }} }}\n')) as gateway:
        statuses(gateway, 20)
    redis.run("ECHO", "over")
    sent = []
    while '"over"' not in (line := watch.read()):
        sent.append(line)
    watch.close()
    asked = [re.findall(r'"((?:[^"\\]|\\.)*)"', line) for line in sent if re.search(r'\] "(?i:evalsha|eval)"', line)]
    assert len(asked) >= 20 and sum(words[0].lower() == "evalsha" for words in asked) >= 20
    for words in asked:
        assert words[2:-1] == ["1", "portico:{fair:127.0.0.1}:0w", "w", "1", "0", "100", "60000000", "0"]
        assert 1 <= int(words[-1]) <= len(asked)  # the question's number: no time


@pytest.mark.parametrize("algorithm", ["sliding_window", "token_bucket", "fixed_window"])
def test_four_gateways_pass_exactly_the_limit_together(redis, algorithm):
    redis.run("FLUSHALL")
    config = limited(f"limit: 1000, window: 30d, algorithm: {algorithm}, store: shared, on_store_failure: deny",
                     store=f'stores: {{ shared: {{ redis: "{redis.url}", timeout: 5s }} }}\n')
    gateways = [Gateway(config) for _ in range(4)]
    seen, lock = {}, threading.Lock()

    def ask(port):
        mine = {}
        with Client(port) as client:
            for _ in range(25):  # 25 requests at a time on one connection, 25 times
                client.send(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n" * 25)
                for _ in range(25):
                    status = client.read_response().status
                    mine[status] = mine.get(status, 0) + 1
        with lock:
            for status, count in mine.items():
                seen[status] = seen.get(status, 0) + count

    try:
        for gateway in gateways:
            gateway.__enter__()
        threads = [threading.Thread(target=ask, args=(gateways[i % 4].port,)) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for gateway in gateways:
            if gateway.process is not None:
                gateway.__exit__(None, None, None)
    assert seen == {200: 1000, 429: 9000}
    if algorithm == "sliding_window":
        assert redis.run("ZCARD", "portico:{fair:127.0.0.1}:0w") == 1000


FAKE_CLOCK = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's runtime has to be the first library of the process")
def test_a_gateway_whose_clock_is_an_hour_off_counts_in_the_same_window(redis):
    redis.run("FLUSHALL")
    config = limited("limit: 6, window: 3s, store: shared, on_store_failure: deny",
                     store=f'stores: {{ shared: {{ redis: "{redis.url}", timeout: 2s }} }}\n')
    fast = {"LD_PRELOAD": FAKE_CLOCK, "FAKETIME": "+1h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with Gateway(config) as right, Gateway(config, env=fast) as wrong:
        now = int(time.time())
        off = email.utils.parsedate_to_datetime(get(wrong.port, "/x").get("Date")).timestamp() - now
        assert 3500 < off < 3700, "the clock of one of them is meant to be wrong"
        seen = [get((right, wrong)[i % 2].port, "/x") for i in range(9)]
        assert [a.status for a in seen] == [200] * 5 + [429] * 4
        # What both say of the wait is true for both.
        time.sleep(max(int(a.get("Retry-After")) for a in seen[5:]))
        assert get(wrong.port, "/x").status == 200 and get(right.port, "/x").status == 200


def test_two_limits_in_place_have_two_names():
    """Each would spend what belongs to the other, or begin it anew."""
    route = "  - {{ match: /{0}, use: [{{ name: {1}, rate_limit: {{ limit: 2, window: 1h, key: {2} }} }}], respond: {{ body: x }} }}\n"
    ran = check("routes:\n" + route.format("a", "lim", "client.ip") + route.format("b", "lim", "query.q"))
    assert ran.code == 1 and "[duplicate-name]" in ran.out and "line 2" in ran.out, ran.text
    assert check("routes:\n" + route.format("a", "lim", "client.ip") + route.format("b", "other", "query.q")).code == 0
    alias = "routes:\n  - { match: /a, use: [&lim { name: lim, rate_limit: { limit: 2, window: 1h } }], respond: {} }\n  - { match: /b, use: [*lim], respond: {} }\n"
    with Gateway(alias) as gateway:
        assert [get(gateway.port, target).status for target in ("/a", "/b", "/a")] == [200, 200, 429], "an alias is the same one"


def test_a_limit_without_a_name_shares_with_none_that_has_one():
    config = """
policies: { "c.use[0]": { rate_limit: { limit: 2, window: 1h, key: query.q } } }
routes:
  - { name: c, match: /c, use: [{ rate_limit: { limit: 2, window: 1h, key: client.ip } }], respond: { body: c } }
  - { name: d, match: /d, use: ["c.use[0]"], respond: { body: d } }
"""
    with Gateway(config) as gateway:
        assert [get(gateway.port, "/d?q=127.0.0.1").status for _ in range(3)] == [200, 200, 429]
        assert get(gateway.port, "/c").status == 200


def test_what_the_store_refused_is_asked_anew_once_something_has_passed():
    config = """
stores: {{ shared: {{ redis: "{url}", timeout: 2s }} }}
workers: 1
routes: [{{ match: /, use: [{{ name: lim, rate_limit: {{ limit: 3, window: 60s, cost: query.n, store: shared, on_store_failure: deny }} }}], respond: {{ body: x }} }}]
"""
    with Redis() as server, Gateway(config.format(url=server.url)) as gateway:
        assert [get(gateway.port, "/?n=" + n).status for n in ("1", "3", "2")] == [200, 429, 200]
        answer = get(gateway.port, "/?n=3")
        assert answer.status == 429 and '"lim";r=0;' in answer.get("ratelimit"), answer.get("ratelimit")


@pytest.mark.parametrize("key", ["header.Authorization", "request.id"])
def test_a_key_that_clients_can_spell_in_many_ways_is_warned_of(key):
    use = "[{ jwt: { algorithms: [HS256], secret: a-secret-of-thirty-two-bytes-and-more, forward_token: true } }, { rate_limit: { limit: 1, window: 1h, key: " + key + " } }]"
    assert "[chosen-key]" in check("routes: [{ match: /, use: " + use + ", respond: {} }]\n").out


def test_an_override_of_an_ipv4_address_has_no_prefix():
    ran = check('routes: [{ match: /, use: [{ rate_limit: { limit: 1, window: 1h, overrides: { "127.0.0.1/64": 2 } } }], respond: {} }]\n')
    assert ran.code == 1 and "is no address" in ran.out, ran.text
