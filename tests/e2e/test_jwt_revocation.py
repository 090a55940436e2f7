"""jwt: tokens that are refused before they expire, by lists and by a store that several gateways share."""
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
    assert answer.get("WWW-Authenticate") == 'Bearer error="invalid_token", error_description="The token was revoked: get a new one."'


def test_lists_stand_in_the_configuration(setup):
    gateway = setup[0]
    assert get(gateway.port, "/listed", bearer(hs(claims("alice", jti="t-2")))).status == 200
    for _ in range(3):  # the second time it is a token that was verified before
        refused(get(gateway.port, "/listed", bearer(hs(claims("alice", jti="t-1", n=1)))))
        refused(get(gateway.port, "/listed", bearer(hs(claims("mallory", n=1)))))
    assert get(gateway.port, "/listed", bearer(hs(claims("t-1", jti="mallory")))).status == 200


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
