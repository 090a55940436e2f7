"""Nobody holds a worker: a known client beside name servers, stores and reloads that give it much to do, one worker, both backends."""
import os
import random
import socket
import threading

import pytest

from support.beside import Attack, Known
from support.dns import Dns
from support.gateway import SANITIZED, Gateway

MOST = 0.005 if not SANITIZED else 0.1
LONG = os.environ.get("PORTICO_LONG") == "1"
SHARE = 0.99 if LONG and not SANITIZED else 0.5
SECONDS = 3 if LONG else 1.5
BACKENDS = [os.environ["PORTICO_IO"]] if os.environ.get("PORTICO_IO") else ["uring", "epoll"]
HEAD = "io: {io}\nworkers: 1\nlog: {{ access: false }}\n"
OK = "  - { name: ok, match: /ok, respond: { body: ok } }\n"


def judge(what, io, port, before):
    for _ in range(3):
        beside = Known(SECONDS, port).felt()
        print(f"\n{what} on {io}: before: {before}; beside: {beside}")
        assert not beside.lost
        if beside.at(SHARE) < before.at(SHARE) + MOST:
            return
    raise AssertionError("each time")


@pytest.mark.parametrize("io", BACKENDS)
def test_a58_names_of_thousands_of_addresses(io):
    """Five names, each of forty services, and each answer another four thousand addresses."""
    def addresses():
        return [f"127.{random.randrange(1, 255)}.{random.randrange(255)}.{random.randrange(1, 255)}" for _ in range(3500)]

    def change(ended):
        while not ended.wait(0.1):
            for name in dns.zone:
                dns.zone[name] = addresses()

    names = [f"n{i}.test" for i in range(5)]
    with Dns({name: addresses() for name in names}, ttl=0) as dns:
        services = ", ".join(f"s{i}x{p}: \"http://{name}:{8000 + p}\"" for i, name in enumerate(names) for p in range(40))
        config = HEAD.format(io=io) + f"dns: {{ servers: [127.0.0.1:{dns.port}], min_ttl: 100ms, timeout: 1s }}\nservices: {{ {services} }}\nroutes:\n{OK}"
        ended = threading.Event()
        with Gateway(config) as gateway:
            before = Known(SECONDS / 3, gateway.port).felt()
            changing = threading.Thread(target=change, args=(ended,))
            changing.start()
            try:
                asked = len(dns.queries)
                judge("names of 3,500 addresses", io, gateway.port, before)
                assert len(dns.queries) > asked
            finally:
                ended.set()
                changing.join()


class Confused:
    """A cluster of one server that says of 16,384 ranges that each has another holder, and of each key that it has moved."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        # The others stand where nobody listens: on 127.0.0.1 they could have the ports of tests that run beside this one.
        ranges = b"".join(b"*3\r\n:%d\r\n:%d\r\n*2\r\n$9\r\n%s\r\n:%d\r\n" % ((i, i, b"127.0.0.1", self.port) if i < 15000 else (i, i, b"127.9.9.9", 20000 + i))
                          for i in range(16384))
        self.slots = b"*16384\r\n" + ranges
        self.asked = 0
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(sock,), daemon=True).start()

    def _answer(self, sock):
        file = sock.makefile("rb")
        with sock:
            try:
                while head := file.readline():
                    words = []
                    for _ in range(int(head[1:])):
                        words.append(file.read(int(file.readline()[1:]) + 2)[:-2].upper())
                    if words[0] == b"CLUSTER":
                        self.asked += 1
                        sock.sendall(self.slots)
                    elif words[0] in (b"EVALSHA", b"EVAL"):
                        sock.sendall(b"-MOVED 1 127.0.0.1:%d\r\n" % self.port)
                    elif words[0] == b"PING":
                        sock.sendall(b"$%d\r\n%s\r\n" % (len(words[1]), words[1]) if len(words) > 1 else b"+PONG\r\n")
                    else:
                        sock.sendall(b"+OK\r\n")
            except (OSError, ValueError):
                pass


@pytest.mark.parametrize("io", BACKENDS)
def test_a42_a_cluster_of_sixteen_thousand_ranges(io):
    with Confused() as store:
        config = HEAD.format(io=io) + f"""stores: {{ shared: {{ redis: "redis+cluster://127.0.0.1:{store.port}", timeout: 500ms }} }}
policies: {{ fair: {{ rate_limit: {{ limit: 5, window: 60s, key: query.k, store: shared, on_store_failure: allow }} }} }}
routes:
{OK}  - {{ name: limited, match: /limited, use: [fair], respond: {{ body: ok }} }}
"""
        with Gateway(config) as gateway:
            before = Known(SECONDS / 3, gateway.port).felt()
            with Attack("limit_keys", gateway.port, 2):
                judge("a cluster of 16,384 ranges", io, gateway.port, before)
                assert store.asked > 0


@pytest.mark.parametrize("io", BACKENDS)
def test_a41_reloads_while_passwords_are_hashed(io):
    """Every other one takes the last policy that hashes away."""
    password = "$2y$12$UZiyk.K4MtlxXNePsJkTFuMQTqbjVcdRbSumPivKMPT8kN5nCajzu"
    without = HEAD.format(io=io) + f"routes:\n{OK}"
    config = without + f"  - {{ name: password, match: /password, use: [{{ basic: {{ htpasswd: 'ann:{password}' }} }}], respond: {{ body: ok }} }}\n"
    ended = threading.Event()

    def reload(gateway):
        while not ended.wait(0.1):
            gateway.reload(without)
            gateway.reload(config)

    with Gateway(config) as gateway:
        before = Known(SECONDS / 3, gateway.port).felt()
        with Attack("wrong_passwords", gateway.port, 8):
            reloading = threading.Thread(target=reload, args=(gateway,))
            reloading.start()
            try:
                judge("reloads", io, gateway.port, before)
            finally:
                ended.set()
                reloading.join()
