"""jwt: tokens that are refused before they expire, by lists and by a store that several gateways share."""
import re
import socket
import threading
import time

import pytest

from support.client import get
from support.gateway import Gateway, check, explain
from support.redis import Redis
from support.tokens import SECRET, bearer, claims, hs
from support.upstream import Echo, eventually

CONFIG = """
stores: { shared: { redis: "REDIS", timeout: 100ms } }
policies:
  listed: { jwt: { algorithms: [HS256], secret: SECRET, revocation: { tokens: [t-1], subjects: [mallory] } } }
  closed: { jwt: { algorithms: [HS256], secret: SECRET, claims_to_headers: { X-User-ID: sub }, revocation: { store: shared, subjects: [mallory] } } }
  open: { jwt: { algorithms: [HS256], secret: SECRET, claims_to_headers: { X-User-ID: sub }, revocation: { store: shared, on_store_failure: allow } } }
  watched: { mode: shadow, jwt: { algorithms: [HS256], secret: SECRET, claims_to_headers: { X-Seen: sub }, revocation: { store: shared } } }
services: { svc: "URL" }
routes:
  - { match: /listed, use: [listed], forward: { service: svc } }
  - { match: /closed, use: [closed], forward: { service: svc } }
  - { match: /open, use: [open], forward: { service: svc } }
  - { match: /shadow, use: [watched], forward: { service: svc } }
""".replace("SECRET", SECRET)


@pytest.fixture(scope="module")
def setup():
    with Redis() as redis, Echo() as upstream, Gateway(CONFIG.replace("REDIS", redis.url).replace("URL", upstream.url)) as gateway:
        yield gateway, upstream, redis


def refused(answer):
    assert answer.status == 401 and answer.code == "jwt.revoked" and answer.json()["title"] == "Invalid token", answer.body
    assert answer.get("WWW-Authenticate") == 'Bearer realm="Restricted", error="invalid_token", error_description="The token was revoked: get a new one."'


def test_lists_stand_in_the_configuration(setup):
    gateway = setup[0]
    assert get(gateway.port, "/listed", bearer(hs(claims("alice", jti="t-2")))).status == 200
    for _ in range(3):  # the second time it is a token that was verified before
        refused(get(gateway.port, "/listed", bearer(hs(claims("alice", jti="t-1", n=1)))))
        refused(get(gateway.port, "/listed", bearer(hs(claims("mallory", n=1)))))
    assert get(gateway.port, "/listed", bearer(hs(claims("t-1", jti="mallory")))).status == 200


@pytest.mark.parametrize("made", [("HSET", "by", "admin"), ("SADD", "x"), ("RPUSH", "x"), ("ZADD", "1", "x")])
@pytest.mark.parametrize("claim", ["jti", "sub"])
def test_a_key_of_any_type_revokes(setup, claim, made):
    """`allow` is for a store that is away: one that holds the key has answered."""
    gateway, upstream, redis = setup
    token = hs(claims("eve", jti="t-9"))
    key = f"portico:revoked:{claim}:" + ("t-9" if claim == "jti" else "eve")
    redis.run(made[0], key, *made[1:])
    before = len(upstream.requests)
    for path in ("/closed", "/open"):
        refused(get(gateway.port, path, bearer(token)))
    assert len(upstream.requests) == before
    redis.run("DEL", key)
    assert get(gateway.port, "/open", bearer(token)).status == 200


def test_a_token_is_revoked_by_its_jti_from_one_request_to_the_next(setup):
    gateway, upstream, redis = setup
    token = hs(claims("alice", jti="by jti: é"))
    assert get(gateway.port, "/closed", bearer(token)).status == 200
    redis.run("SET", "portico:revoked:jti:by jti: é", "")
    before = len(upstream.requests)
    refused(get(gateway.port, "/closed", bearer(token)))
    refused(get(gateway.port, "/open", bearer(token)))
    assert len(upstream.requests) == before
    redis.run("DEL", "portico:revoked:jti:by jti: é")
    assert get(gateway.port, "/closed", bearer(token)).status == 200


def test_a_subject_is_revoked_whole_or_up_to_a_moment(setup):
    gateway, _, redis = setup
    now = int(time.time())
    old, new, undated = (hs(claims("bob", iat=now - 100)), hs(claims("bob", iat=now)), hs(claims("bob")))
    redis.run("SET", "portico:revoked:sub:bob", now - 50)
    refused(get(gateway.port, "/closed", bearer(old)))
    refused(get(gateway.port, "/closed", bearer(undated)))
    assert get(gateway.port, "/closed", bearer(new)).status == 200
    redis.run("SET", "portico:revoked:sub:bob", now)
    refused(get(gateway.port, "/closed", bearer(new)))
    redis.run("SET", "portico:revoked:sub:bob", "left the company")
    refused(get(gateway.port, "/closed", bearer(hs(claims("bob", iat=now + 0.5)))))
    redis.run("DEL", "portico:revoked:sub:bob")
    assert get(gateway.port, "/closed", bearer(old)).status == 200


def test_the_lists_hold_beside_the_store(setup):
    refused(get(setup[0].port, "/closed", bearer(hs(claims("mallory")))))


def test_in_shadow_what_a_revoked_token_says_does_not_reach_the_service(setup):
    gateway, upstream, redis = setup
    token = hs(claims("carol", jti="carols"))
    assert get(gateway.port, "/shadow", bearer(token)).status == 200
    assert upstream.last.get("X-Seen") == "carol"
    redis.run("SET", "portico:revoked:jti:carols", "1")
    answer = get(gateway.port, "/shadow", bearer(token) + [("X-Request-ID", "revoked-shadow")])
    assert answer.status == 200 and not upstream.last.all("X-Seen")
    line = gateway.access_line(lambda e: e["request_id"] == "revoked-shadow")
    assert line["shadow"] == "watched:jwt.revoked" and "subject" not in line


def test_while_the_store_is_away_requests_are_refused_or_pass_as_written(setup):
    gateway, upstream, redis = setup
    token = hs(claims("dora", jti="doras"))
    redis.pause()
    try:
        before = len(upstream.requests)
        for _ in range(3):
            began = time.monotonic()
            answer = get(gateway.port, "/closed", bearer(token) + [("X-Request-ID", "store-closed")])
            assert answer.status == 503 and answer.code == "policy.unavailable" and answer.get("Retry-After") == "1", answer.body
            assert time.monotonic() - began < 2
        assert len(upstream.requests) == before
        answer = get(gateway.port, "/open", bearer(token) + [("X-Request-ID", "store-open")])
        assert answer.status == 200 and upstream.last.get("X-User-ID") == "dora"
        assert "open:store." in gateway.access_line(lambda e: e["request_id"] == "store-open")["degraded"]
        assert "closed:store." in gateway.access_line(lambda e: e["request_id"] == "store-closed")["degraded"]
        # What needs no store is judged as ever.
        refused(get(gateway.port, "/closed", bearer(hs(claims("mallory")))))
        assert get(gateway.port, "/closed").code == "jwt.missing"
    finally:
        redis.go_on()
    eventually(lambda: get(gateway.port, "/closed", bearer(token)).status == 200, "the store's return")


def test_a_token_without_jti_and_sub_has_nothing_to_be_revoked_by(setup):
    assert get(setup[0].port, "/closed", bearer(hs(claims(None)))).status == 200
    assert get(setup[0].port, "/closed", bearer(hs(claims(7, jti=7)))).status == 200


def test_a_store_in_memory_can_revoke_nothing_and_is_a_load_error():
    told = check("stores: { local: memory }\nroutes: [{ match: /x, use: [{ jwt: { algorithms: [HS256], secret: %s, revocation: { store: local } } }], respond: {} }]\n" % SECRET)
    assert told.code == 1 and "this process's memory" in told.text


def test_explain_says_that_it_would_ask():
    told = explain(CONFIG.replace("REDIS", "redis://127.0.0.1:9").replace("URL", "http://127.0.0.1:9"), "GET", "/closed",
                   ["Authorization: Bearer " + hs(claims("alice", jti="x"))]).out
    assert "closed: would ask whether the token was revoked" in told and '"sub": "alice"' in told, told


class Slow:
    """A store that greets, and answers a question only when it is let: with a reply, or by closing the connection."""

    def __init__(self, reply):
        self.reply = reply
        self.questions = 0
        self.go = threading.Event()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "redis://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.go.set()
        self.listener.close()

    def _accept(self):
        try:
            while True:
                threading.Thread(target=self._serve, args=(self.listener.accept()[0],), daemon=True).start()
        except OSError:
            pass  # the end

    def _serve(self, connection):
        with connection:
            asked, heard = 0, b""
            while data := connection.recv(65536):
                asked += data.count(b"GET")
                self.questions += data.count(b"GET")
                if not asked:
                    connection.sendall(b"+OK\r\n" * data.count(b"*"))
                elif asked < WAITING:
                    heard += data
                else:
                    self.go.wait(10)
                    if not self.reply:
                        return
                    # Behind each question stands a PING, which repeats its message.
                    heard += data
                    for mark in re.findall(rb"\r\nPING\r\n\$\d+\r\n(\d+)\r\n", heard):
                        connection.sendall(self.reply + b"+" + mark + b"\r\n")


WAITING = 8  # requests: so many a server has at first, however long it takes for the first answer


@pytest.mark.parametrize("reply,status", [(b"$-1\r\n", 200), (b"", 503)])
def test_the_last_requests_of_a_store_that_a_reload_replaced_end_well(reply, status):
    config = """
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
io: epoll
workers: 1
stores: { shared: { redis: "URL", timeout: TIMEOUT } }
policies: { signed-in: { jwt: { algorithms: [HS256], secret: SECRET, revocation: { store: shared } } } }
routes: [{ match: /x, use: [signed-in], respond: {} }]
"""
    with Slow(reply) as store, Gateway(config.replace("URL", store.url).replace("SECRET", SECRET).replace("TIMEOUT", "5s")) as gateway:
        answers = []
        ask = lambda: answers.append(get(gateway.port, "/x", bearer(hs(claims("alice")))).status)
        waiting = [threading.Thread(target=ask) for _ in range(WAITING)]
        for thread in waiting:
            thread.start()
        eventually(lambda: store.questions == WAITING, "questions")
        gateway.reload(gateway.config.replace("timeout: 5s", "timeout: 6s"))
        store.go.set()
        for thread in waiting:
            thread.join(10)
        assert answers == [status] * WAITING
        assert all(get(gateway.port, "/x").status == 401 for _ in range(20))
