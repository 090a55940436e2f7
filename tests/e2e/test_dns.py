"""Endpoints by name: resolved anew at their time to live, and kept while the name server is gone."""
import threading
import time

import pytest

from support.client import Client, get
from support.dns import Dns
from support.gateway import Gateway
from support.upstream import Echo, Scripted, answering, eventually

CONFIG = """
workers: 1
dns: {{ servers: [127.0.0.1:{dns}], min_ttl: {min_ttl}, max_ttl: {max_ttl}, timeout: 300ms{more} }}
services: {{ svc: http://backend.test:{port} }}
routes: [{{ match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}" }} }}]
"""


def config(dns, port, min_ttl="100ms", max_ttl="60s", more=""):
    return CONFIG.format(dns=dns.port, port=port, min_ttl=min_ttl, max_ttl=max_ttl, more=more)


def twins(first="old", second="new"):
    """Two upstreams on one port of two addresses."""
    for _ in range(20):
        a = Echo(first, address="127.0.0.2")
        try:
            return a, Echo(second, address="127.0.0.3", port=a.port)
        except OSError:
            a.close()
    raise AssertionError("no port that is free on both addresses")


def test_a_name_is_resolved_and_the_service_sees_it_as_host():
    with Echo(address="127.0.0.2") as upstream, Dns({"backend.test": ["127.0.0.2"]}) as dns, Gateway(config(dns, upstream.port)) as gateway:
        seen = get(gateway.port, "/svc/x").json()
        assert ["Host", f"backend.test:{upstream.port}"] in seen["headers"]
        assert gateway.access_lines()[0]["endpoint"] == f"127.0.0.2:{upstream.port}"


def test_every_address_of_a_name_is_used():
    a, b = twins("a", "b")
    with a, b, Dns({"backend.test": ["127.0.0.2", "127.0.0.3"]}) as dns, Gateway(config(dns, a.port)) as gateway:
        assert {get(gateway.port, "/svc/x").json()["upstream"] for _ in range(6)} == {"a", "b"}


@pytest.mark.parametrize("reload", [False, True])
def test_a_new_address_is_followed_within_its_time_to_live(reload):
    old, new = twins()
    with old, new, Dns({"backend.test": ["127.0.0.2"]}, ttl=1) as dns, Gateway(config(dns, old.port)) as gateway:
        with Client(gateway.port) as client:
            assert client.get("/svc/x").json()["upstream"] == "old"
            dns.zone["backend.test"] = ["127.0.0.3"]
            changed = time.monotonic()
            if reload:
                gateway.reload()
            eventually(lambda: client.get("/svc/x").json()["upstream"] == "new", "the new address", timeout=4, every=0.05)
            assert time.monotonic() - changed < 3
            assert all(client.get("/svc/x").json()["upstream"] == "new" for _ in range(5))
            old.wait_idle()


def test_max_ttl_bounds_how_long_an_address_is_believed():
    old, new = twins()
    with old, new, Dns({"backend.test": ["127.0.0.2"]}, ttl=3600) as dns, Gateway(config(dns, old.port, max_ttl="300ms")) as gateway:
        assert get(gateway.port, "/svc/x").json()["upstream"] == "old"
        dns.zone["backend.test"] = ["127.0.0.3"]
        eventually(lambda: get(gateway.port, "/svc/x").json()["upstream"] == "new", "the new address", timeout=3, every=0.05)


def test_min_ttl_bounds_how_often_the_name_server_is_asked():
    with Echo(address="127.0.0.2") as upstream, Dns({"backend.test": ["127.0.0.2"]}, ttl=0) as dns:
        with Gateway(config(dns, upstream.port, min_ttl="500ms")) as gateway:
            before = len(dns.queries)
            end = time.monotonic() + 1
            while time.monotonic() < end:
                assert get(gateway.port, "/svc/x").status == 200
                time.sleep(0.02)
            assert len(dns.queries) - before <= 8, "each request must not cost a query"


def test_a_name_server_that_goes_silent_does_not_take_the_service_along():
    with Echo(address="127.0.0.2") as upstream, Dns({"backend.test": ["127.0.0.2"]}, ttl=0) as dns, Gateway(config(dns, upstream.port)) as gateway:
        assert get(gateway.port, "/svc/x").status == 200
        dns.silent = True
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert get(gateway.port, "/svc/x").status == 200
            time.sleep(0.05)


def test_a_name_that_goes_away_does_not_take_the_service_along():
    """Stale addresses are better than none, unless the file says how long."""
    with Echo(address="127.0.0.2") as upstream, Dns({"backend.test": ["127.0.0.2"]}, ttl=0) as dns, Gateway(config(dns, upstream.port)) as gateway:
        assert get(gateway.port, "/svc/x").status == 200
        del dns.zone["backend.test"]
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert get(gateway.port, "/svc/x").status == 200
            time.sleep(0.05)


def test_stale_bounds_how_long_an_unconfirmed_address_is_used():
    with Echo(address="127.0.0.2") as upstream, Dns({"backend.test": ["127.0.0.2"]}, ttl=0) as dns:
        with Gateway(config(dns, upstream.port, more=", stale: 500ms")) as gateway:
            assert get(gateway.port, "/svc/x").status == 200
            del dns.zone["backend.test"]
            eventually(lambda: get(gateway.port, "/svc/x").status == 503, "the end of the stale address", timeout=5, every=0.05)


def test_a_name_that_nobody_knows_is_503_and_heals_by_itself():
    with Echo(address="127.0.0.2") as upstream, Dns({}) as dns, Gateway(config(dns, upstream.port)) as gateway:
        answer = get(gateway.port, "/svc/x")
        assert answer.status == 503 and answer.code == "upstream.unresolved"
        dns.zone["backend.test"] = ["127.0.0.2"]
        eventually(lambda: get(gateway.port, "/svc/x").status == 200, "the service after its name", every=0.05)


def test_a_connection_to_an_address_that_is_gone_finishes_what_it_does():
    release = threading.Event()

    def script(connection):
        request = connection.read_request()
        if request.target == "/slow":
            release.wait(5)
        connection.answer(b"old", headers=[("Connection", "close")])

    for _ in range(20):
        old = Scripted(script, address="127.0.0.2")
        try:
            new = Scripted(answering(b"new"), address="127.0.0.3", port=old.port)
            break
        except OSError:
            old.close()
    with old, new, Dns({"backend.test": ["127.0.0.2"]}, ttl=1) as dns, Gateway(config(dns, old.port)) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/svc/slow")
        old.wait(lambda: old.requests, "the request")
        dns.zone["backend.test"] = ["127.0.0.3"]
        eventually(lambda: get(gateway.port, "/svc/x").body == b"new", "the new address", timeout=4, every=0.05)
        release.set()
        assert client.read_response().body == b"old"


def test_a58_a_name_with_hundreds_of_addresses_holds_nobody():
    """64 of them are used, those that were used already first, and the operator is told once."""
    many = [f"127.1.{i // 250}.{i % 250 + 1}" for i in range(200)]
    with Echo("known", address="127.9.0.1") as upstream, Dns({"backend.test": ["127.9.0.1"]}, ttl=1) as dns:
        with Gateway(config(dns, upstream.port)) as gateway, Client(gateway.port) as client:
            assert client.get("/svc/x").json()["upstream"] == "known"
            dns.zone["backend.test"] = many + ["127.9.0.1"]
            gateway.wait_for_line("portico: backend.test has 201 addresses: 64 of them are used")
            slowest = 0
            known = 0
            for _ in range(400):
                begin = time.monotonic()
                answer = client.get("/svc/x")
                slowest = max(slowest, time.monotonic() - begin)
                known += answer.status == 200
            assert known > 0, "the address that was used stays"
            time.sleep(2.5)
            assert len([line for line in gateway.stderr if "addresses" in line]) == 1
            assert slowest < 1
