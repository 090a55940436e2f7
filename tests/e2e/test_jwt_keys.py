"""jwt with keys that are fetched: rotation fails no request, strangers cause no fetches, an issuer that is down closes only what has no keys."""
import base64
import json
import signal
import threading
import time

import pytest

from support.client import Client, get
from support.gateway import SANITIZED, Gateway, check, explain
from support.tls import Authority, serving
from support.tokens import SECRET, PlainIssuer, SecureIssuer, SigningKey, bearer, claims, hs, signed
from support.upstream import Echo, eventually, unused_port

K1, K2, K3 = SigningKey("ES256", "k1"), SigningKey("ES256", "k2"), SigningKey("RS256", "k3")

ROUTES = "routes: [{ match: /x, use: [p], respond: { headers: { X-Me: \"{claims.sub}\" }, body: { ok: true } } }]\n"


def config(keys, more=""):
    return f"policies: {{ p: {{ jwt: {{ algorithms: [ES256, RS256], {keys}{more} }} }} }}\n" + ROUTES


def ready(gateway, token):
    eventually(lambda: get(gateway.port, "/x", bearer(token)).status == 200, "the first keys")


def test_keys_of_a_set_verify_by_their_kid():
    with PlainIssuer(K1, K3) as issuer, Gateway(config(f"jwks: {issuer.url}/keys")) as gateway:
        for key in (K1, K3):
            assert get(gateway.port, "/x", bearer(signed(key, claims()))).status == 200
        answer = get(gateway.port, "/x", bearer(signed(K2, claims(), kid="k1")))
        assert answer.status == 401 and answer.code == "jwt.signature"
        answer = get(gateway.port, "/x", bearer(hs(claims(), K1.pem, kid="k1")))
        assert answer.status == 401 and answer.code == "jwt.algorithm"
        assert issuer.fetches() == 2, "at the start, and for the signature that its key has not made"
        gateway.expect_metric(2, "portico_jwt_key_fetches_total", result="good")


@pytest.mark.parametrize("member", ["jku", "x5u", "x5c", "jwk"])
def test_t7_a_key_that_a_tokens_header_brings_or_names_is_ignored_and_never_followed(member):
    stranger = SigningKey("ES256", "k1")
    with PlainIssuer(K1) as issuer, PlainIssuer(stranger) as other, Gateway(config(f"jwks: {issuer.url}/keys")) as gateway:
        more = {member: {"jwk": stranger.jwk, "x5c": ["MIIB" + "A" * 5000]}.get(member, other.url + "/keys")}
        ready(gateway, signed(K1, claims()))
        assert get(gateway.port, "/x", bearer(signed(K1, claims(), **more))).status == 200
        assert get(gateway.port, "/x", bearer(signed(stranger, claims(), **more))).code == "jwt.signature"
        assert other.requests == []


def test_every_key_of_a_list_verifies_tokens_that_name_none(tmp_path):
    keys = [SigningKey("ES256", f"k{i}") for i in range(17)]
    pem, jwks = tmp_path / "keys.pem", tmp_path / "keys.json"
    pem.write_text("".join(k.pem for k in keys[:16]))
    jwks.write_text(json.dumps({"keys": [k.jwk for k in keys]}))
    text = "routes:\n" + "".join(f"  - {{ match: /{name}, use: [{{ jwt: {{ algorithms: [ES256], {key}: {{ file: {path} }} }} }}], respond: {{}} }}\n"
                                 for name, key, path in (("pem", "public_key", pem), ("jwks", "keys", jwks)))
    for key in keys:
        key.kid = None
    with Gateway(text) as gateway:
        tokens = [bearer(signed(k, claims("al"))) for k in keys]
        assert [get(gateway.port, "/pem", t).status for t in tokens[:16]] == [200] * 16
        # Of longer sets so many are tried, and the log says so.
        assert [get(gateway.port, "/jwks", t).status for t in tokens[:16]] == [200] * 16
        assert get(gateway.port, "/jwks", [*tokens[16], ("X-Request-ID", "seventeenth")]).status == 401
        assert "no more than 16 are tried" in gateway.access_line(lambda e: e["request_id"] == "seventeenth")["detail"]


def test_t8_a_set_as_other_libraries_write_it_is_taken():
    padded = {n: v + "=" * (-len(v) % 4) if n in ("n", "e", "x", "y") else v for n, v in K3.jwk.items()}
    text = "\ufeff" + json.dumps({"keys": [{**padded, "use": None, "key_ops": None, "alg": None, "x5c": None}, K1.jwk]})
    with PlainIssuer() as issuer:
        issuer.body = text
        with Gateway(config(f"jwks: {issuer.url}/keys")) as gateway:
            ready(gateway, signed(K3, claims()))
            assert get(gateway.port, "/x", bearer(signed(K1, claims()))).status == 200
            assert gateway.metric("portico_jwt_keys", source=issuer.url + "/keys") == 2
    told = check(config("keys: { file: keys.json }"), files={"keys.json": text})
    assert told.code == 0 and "unused-key" not in told.err + told.out, told.err


def test_t8_the_discovery_document_may_begin_with_a_byte_order_mark():
    with PlainIssuer(K1) as issuer:
        issuer.mark = "\ufeff"
        with Gateway(config(f"oidc: \"{issuer.url}\"")) as gateway:
            ready(gateway, signed(K1, claims(iss=issuer.url)))


def test_t8_a_key_that_cannot_be_used_is_told_with_its_reason_in_line_metric_and_detail():
    weak = {**K2.jwk, "crv": "secp256k1"}
    with PlainIssuer(K1) as issuer:
        issuer.body = json.dumps({"keys": [K1.jwk, weak, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}]})
        with Gateway(config(f"jwks: {{ url: \"{issuer.url}/keys\", refresh: 1s }}")) as gateway:
            ready(gateway, signed(K1, claims()))
            reason = "its curve is not supported"
            gateway.wait_for_line(f'portico: the key "k2" of {issuer.url}/keys was passed over: {reason}')
            gateway.wait_for_line(f'portico: the key "number 3" of {issuer.url}/keys was passed over: the RSA key has')
            assert gateway.metric("portico_jwt_keys_passed_over", source=issuer.url + "/keys", key="k2", reason=reason) == 1
            answer = get(gateway.port, "/x", bearer(signed(K2, claims())) + [("X-Request-ID", "weak")])
            assert answer.code == "jwt.kid_unknown" and reason.encode() not in answer.body
            assert gateway.access_line(lambda e: e["request_id"] == "weak")["detail"] == "k2: its key was passed over: " + reason
            gateway.reload()
            ready(gateway, signed(K1, claims()))
            assert sum('"k2"' in line for line in gateway.stderr) == 1, "it is told once"


def test_t8_many_keys_that_cannot_be_used_are_told_in_few_lines():
    with PlainIssuer(K1) as issuer:
        issuer.body = json.dumps({"keys": [K1.jwk] + [{**K2.jwk, "kid": f"odd{i}", "crv": "secp256k1"} for i in range(60)]})
        with Gateway(config(f"jwks: {issuer.url}/keys")) as gateway:
            gateway.wait_for_line(f"portico: 55 more keys of {issuer.url}/keys were passed over: portico_jwt_keys_passed_over names them")
            assert sum("was passed over" in line for line in gateway.stderr) == 5


def test_t8_neighbour_of_a_configured_set_the_detail_says_it_too():
    body = json.dumps({"keys": [K1.jwk, {**K2.jwk, "use": "enc"}]})
    with Gateway(config(f"keys: '{body}'")) as gateway:
        assert get(gateway.port, "/x", bearer(signed(K2, claims())) + [("X-Request-ID", "enc")]).code == "jwt.kid_unknown"
        assert gateway.access_line(lambda e: e["request_id"] == "enc")["detail"] == "k2: its key was passed over: its use or key_ops is not to verify"


def test_oidc_finds_the_keys_by_the_issuers_document_over_tls(tmp_path):
    authority = Authority(tmp_path)
    with SecureIssuer(serving(authority.issue("localhost", "127.0.0.1")), K1) as issuer:
        with Gateway(config(f"oidc: {{ issuer: \"{issuer.url}\", ca: {authority.cert_file} }}")) as gateway:
            ready(gateway, signed(K1, claims(iss=issuer.url)))
            answer = get(gateway.port, "/x", bearer(signed(K1, claims(iss=issuer.url + "/"))))
            assert answer.code == "jwt.issuer"
            assert issuer.fetches("/.well-known/openid-configuration") == 1 and issuer.fetches() == 1
        stranger = Authority(tmp_path, "Other CA")
        with Gateway(config(f"oidc: {{ issuer: \"{issuer.url}\", ca: {stranger.cert_file} }}")) as gateway:
            answer = get(gateway.port, "/x", bearer(signed(K1, claims(iss=issuer.url))))
            assert answer.status == 503 and answer.code == "jwt.keys_unavailable"


def test_a_document_of_another_issuer_is_not_believed():
    with PlainIssuer(K1) as issuer:
        issuer.issuer = "https://evil.test"
        with Gateway(config(f"oidc: \"{issuer.url}\"")) as gateway:
            answer = get(gateway.port, "/x", bearer(signed(K1, claims(iss=issuer.url))))
            assert answer.status == 503 and answer.code == "jwt.keys_unavailable"
            assert issuer.fetches() == 0
            gateway.wait_for_line("portico: the keys of " + issuer.url + " could not be fetched: ")


def test_a_service_may_have_the_keys():
    with PlainIssuer(K1) as issuer:
        with Gateway(config("jwks: { service: id, path: /keys }") + f"services: {{ id: {{ endpoints: [\"{issuer.url}\"], internal: true }} }}\n") as gateway:
            ready(gateway, signed(K1, claims()))


def test_r19_the_key_of_one_issuer_verifies_no_token_of_another():
    with PlainIssuer(K1) as a, PlainIssuer(K2) as b:
        issuers = f"""policies:
  p:
    jwt:
      audience: api
      issuers:
        - {{ issuer: https://a.test, algorithms: [ES256], jwks: "{a.url}/keys" }}
        - {{ issuer: https://b.test, algorithms: [ES256], jwks: "{b.url}/keys" }}
        - {{ issuer: https://c.test, algorithms: [HS256], secret: {SECRET} }}
"""
        with Gateway(issuers + ROUTES) as gateway:
            ready(gateway, signed(K1, claims(iss="https://a.test", aud="api")))
            ready(gateway, signed(K2, claims(iss="https://b.test", aud="api")))
            ready(gateway, hs(claims(iss="https://c.test", aud="api")))
            for key, iss, kid, code in ((K2, "https://a.test", "k2", "jwt.kid_unknown"), (K2, "https://a.test", "k1", "jwt.signature"), (K1, "https://d.test", "k1", "jwt.issuer"),
                                        (K1, "https://c.test", "k1", "jwt.algorithm"), (K1, None, "k1", "jwt.issuer")):
                answer = get(gateway.port, "/x", bearer(signed(key, claims(iss=iss, aud="api"), kid=kid)))
                assert answer.status == 401 and answer.code == code, (iss, kid, answer.body)


def test_rotation_under_load_fails_no_request():
    with PlainIssuer(K1) as issuer, Gateway(config(f"jwks: {{ url: \"{issuer.url}/keys\", cooldown: 100ms }}")) as gateway:
        ready(gateway, signed(K1, claims()))
        stop, current, failed, sent = threading.Event(), [K1], [], [0]

        def load(number):
            with Client(gateway.port) as client:
                while not stop.is_set():
                    answer = client.get("/x", bearer(signed(current[0], claims(f"user-{number}", nonce=time.monotonic()))))
                    sent[0] += 1
                    if answer.status != 200:
                        failed.append(answer.body)
        threads = [threading.Thread(target=load, args=(n,)) for n in range(3)]
        for t in threads:
            t.start()
        for key in (K2, SigningKey("ES256", "k4"), SigningKey("ES256", "k5")):
            time.sleep(0.3)  # the load's duration: what is measured is that nothing fails meanwhile
            issuer.keys = [issuer.keys[-1], key]
            current[0] = key
        time.sleep(0.3)
        stop.set()
        for t in threads:
            t.join()
        assert not failed and sent[0] > 50
        assert issuer.fetches() == 4


def test_r20_unknown_kids_cause_one_fetch_in_a_cooldown():
    with PlainIssuer(K1) as issuer, Gateway(config(f"jwks: {{ url: \"{issuer.url}/keys\", cooldown: 20s }}")) as gateway:
        ready(gateway, signed(K1, claims()))
        made = claims()
        head, payload, mac = signed(K1, made).split(".")
        refused = 0
        with Client(gateway.port) as client:
            for i in range(10_000):
                answer = client.get("/x", bearer(unknown(i, payload, mac)))
                refused += answer.status == 401 and answer.code == "jwt.kid_unknown"
        assert refused == 10_000 and issuer.fetches() == 2
        assert get(gateway.port, "/x", bearer(signed(K1, claims()))).status == 200
        assert SANITIZED or gateway.resident() < 100_000


def unknown(number, payload, mac):
    head = base64.urlsafe_b64encode(b'{"alg":"ES256","kid":"random-%d"}' % number).rstrip(b"=").decode()
    return f"{head}.{payload}.{mac}"


def test_r20_the_first_token_of_a_new_key_passes_after_one_fetch():
    with PlainIssuer(K1) as issuer, Gateway(config(f"jwks: {issuer.url}/keys")) as gateway:
        ready(gateway, signed(K1, claims()))
        issuer.keys = [K1, K2]
        assert get(gateway.port, "/x", bearer(signed(K2, claims()))).status == 200
        assert issuer.fetches() == 2


def test_t95_a_new_key_under_the_name_of_the_old_one_is_fetched():
    old, new, stranger = SigningKey("ES256", "k1"), SigningKey("ES256", "k1"), SigningKey("ES256", "k1")
    with PlainIssuer(old) as issuer, Gateway(config(f"jwks: {{ url: \"{issuer.url}/keys\", cooldown: 2s }}")) as gateway:
        ready(gateway, signed(old, claims()))
        issuer.keys = [new]
        assert get(gateway.port, "/x", bearer(signed(new, claims()))).status == 200, "it waited for the fetch"
        assert issuer.fetches() == 2
        for number in range(20):
            assert get(gateway.port, "/x", bearer(signed(stranger, claims(f"user-{number}")))).code == "jwt.signature"
        assert issuer.fetches() <= 3
        issuer.keys = [old]
        eventually(lambda: get(gateway.port, "/x", bearer(signed(old, claims()))).status == 200, "once the cooldown is over")


EXPLAINED = """
policies:
  p: { jwt: { algorithms: [ES256], KEYS, claims_to_headers: { X-User: sub } } }
  ours: { authorize: { scopes: { all: [read] } } }
  partner: { api_key: { keys: [{ name: acme, sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae }] } }
  either: { any_of: [p, partner] }
services: { svc: http://127.0.0.1:9 }
routes:
  - { match: /x, use: [p, ours], forward: { service: svc } }
  - { match: /either, use: [either, ours], forward: { service: svc } }
"""


def explained(keys, path, token, **more):
    return explain(EXPLAINED.replace("KEYS", keys), "GET", path, ["Authorization: Bearer " + token, "X-API-Key: foo"], **more)


@pytest.mark.parametrize("path", ["/x", "/either"])
def test_t13_explain_fetches_the_keys_and_judges_for_real(path):
    good = signed(K1, claims("alice", scope="read"))
    with PlainIssuer(K1) as issuer:
        for keys in (f"jwks: {issuer.url}/keys", f"jwks: {{ url: {issuer.url.replace('127.0.0.1', 'localhost')}/keys }}"):
            told = explained(keys, path, good)
            assert told.code == 0 and '"sub": "alice"' in told.out and "X-User: alice" in told.out and "ours: passes" in told.out, told.text
            assert good not in told.out and "Authorization" not in told.out and "if p" not in told.out, "no more than the gateway would send"
            assert ("X-API-Key: …" in told.out) == (path == "/x") and "foo" not in told.out, told.out
        told = explained(f"jwks: {issuer.url}/keys", path, signed(K1, claims("alice")))
        assert "ours: 403 " in told.out and "answer    403" in told.out, told.text
        fetched = issuer.fetches()
        told = explained(f"jwks: {issuer.url}/keys", path, signed(SigningKey("ES256", "k1"), claims()))
        assert "401 jwt.signature" in told.out and "upstream" not in told.out, told.text
        assert "401 jwt.kid_unknown" in explained(f"jwks: {issuer.url}/keys", path, signed(K2, claims())).out
        assert issuer.fetches() == fetched + 2, "one fetch each"
        assert "401 jwt.malformed" in explained(f"jwks: {issuer.url}/keys", path, "x").out
        assert issuer.fetches() == fetched + 2, "nothing is fetched for what is no token"


def test_t13_explain_asks_a_service_and_an_oidc_issuer_for_the_keys():
    with PlainIssuer(K1) as issuer:
        good = signed(K1, claims("alice", iss=issuer.url, scope="read"))
        told = explained(f"oidc: \"{issuer.url}\"", "/x", good)
        assert "X-User: alice" in told.out, told.text
        text = EXPLAINED.replace("KEYS", "jwks: { service: id, path: /keys }").replace("services: { ", f"services: {{ id: {{ endpoints: [\"{issuer.url}\"], internal: true }}, ")
        told = explain(text, "GET", "/x", ["Authorization: Bearer " + good])
        assert "X-User: alice" in told.out, told.text


def test_t13_explain_takes_the_keys_of_a_file_and_asks_nobody():
    good = signed(K1, claims("alice", scope="read"))
    with PlainIssuer(K2) as issuer:
        for name, text in (("keys.json", json.dumps({"keys": [K1.jwk]})), ("one.json", json.dumps(K1.jwk)), ("key.pem", K1.pem)):
            told = explained(f"jwks: {issuer.url}/keys", "/x", good, options=["--keys", name], files={name: text})
            assert "X-User: alice" in told.out and "ours: passes" in told.out, told.text
            told = explained(f"jwks: {issuer.url}/keys", "/x", signed(K3, claims()), options=["--keys", name], files={name: text})
            assert "401 jwt." in told.out, told.text
        assert issuer.fetches() == 0
        told = explained(f"jwks: {issuer.url}/keys", "/x", good, options=["--keys", "bad.json"], files={"bad.json": "{}"})
        assert told.code == 2 and "--keys bad.json: neither a key" in told.err, told.text
        assert explained(f"jwks: {issuer.url}/keys", "/x", good, options=["--keys", "none.json"]).code == 2


@pytest.mark.parametrize("path", ["/x", "/either"])
def test_t13_what_explain_cannot_know_it_says_and_it_shows_nothing_that_would_not_be_sent(path):
    holder, port = unused_port()
    good = signed(K1, claims("alice", scope="read"))
    told = explained(f"jwks: http://127.0.0.1:{port}/keys", path, good)
    assert f"would verify the token with the keys of http://127.0.0.1:{port}/keys" in told.out, told.text
    assert f"the keys of http://127.0.0.1:{port}/keys could not be fetched: upstream.refused" in told.out, told.text
    assert "ours: decides by the identity, which is not known before" in told.out and "403" not in told.out, told.text
    assert good not in told.out and "Authorization" not in told.out, told.out
    assert "if " in told.out and "let it pass, with what they add" in told.out, told.out
    holder.close()


def test_t13_neighbour_of_a_store_that_is_not_asked_explain_shows_the_rest():
    good = signed(K1, claims("alice", scope="read"))
    with PlainIssuer(K1) as issuer:
        text = EXPLAINED.replace("KEYS", f"jwks: {issuer.url}/keys, revocation: {{ store: s }}") + "stores: { s: { redis: \"redis://127.0.0.1:9\" } }\n"
        told = explain(text, "GET", "/x", ["Authorization: Bearer " + good])
        assert "would ask whether the token was revoked" in told.out and "X-User: alice" in told.out and "ours: passes" in told.out, told.text
        assert good not in told.out and "Authorization" not in told.out, told.out


def test_r21_an_issuer_that_is_down_at_start_closes_the_route_and_opens_it_alone():
    holder, port = unused_port()
    with Gateway(config(f"jwks: http://127.0.0.1:{port}/keys")) as gateway:
        token = signed(K1, claims())
        for _ in range(3):
            answer = get(gateway.port, "/x", bearer(token))
            assert answer.status == 503 and answer.code == "jwt.keys_unavailable" and int(answer.get("Retry-After")) >= 1
            assert answer.json()["title"] == "Service unavailable" and str(port) not in answer.body.decode()
        assert get(gateway.port, "/x").code == "jwt.missing"
        holder.close()
        with PlainIssuer(K1, port=port):
            eventually(lambda: get(gateway.port, "/x", bearer(token)).status == 200, "the issuer's return", timeout=15)
            gateway.wait_for_line(f"portico: the keys of http://127.0.0.1:{port}/keys were fetched again")
        assert gateway.metric("portico_jwt_key_fetches_total", result="failed") >= 1
        assert gateway.metric("portico_jwt_key_fetches_total", result="good") == 1


@pytest.mark.parametrize("status,body", [("500 Internal Server Error", None), ("200 OK", "{"), ("200 OK", "[]"), ("200 OK", '{"keys":[]}'), ("200 OK", "too much"),
                                         ("302 Found", None)])
def test_an_answer_that_is_no_set_of_keys_changes_nothing(status, body):
    with PlainIssuer(K1) as issuer, Gateway(config(f"jwks: {{ url: \"{issuer.url}/keys\", cooldown: 10ms }}")) as gateway:
        ready(gateway, signed(K1, claims()))
        issuer.status, issuer.body = status, "x" * 300_000 if body == "too much" else body
        answer = get(gateway.port, "/x", bearer(signed(K2, claims())))
        assert answer.status == 401 and answer.code == "jwt.kid_unknown"
        assert get(gateway.port, "/x", bearer(signed(K1, claims()))).status == 200
        gateway.expect_metric(1, "portico_jwt_key_fetches_total", result="good")


def test_r18_a_client_that_leaves_while_keys_are_fetched_harms_nobody():
    with PlainIssuer(K1) as issuer:
        gate = issuer.hold()
        with Gateway(config(f"jwks: {issuer.url}/keys")) as gateway:
            for leave in (Client.reset, Client.close):
                client = Client(gateway.port)
                client.send_head("GET", "/x", bearer(signed(K1, claims())))
                eventually(lambda: issuer.fetches() >= 1, "the fetch")
                leave(client)
            gate.set()
            ready(gateway, signed(K1, claims()))


def test_r18_a_reload_while_keys_are_fetched_loses_no_request():
    with PlainIssuer(K1) as issuer:
        text = config(f"jwks: {{ url: \"{issuer.url}/keys\", cooldown: 10ms }}")
        with Gateway(text) as gateway:
            ready(gateway, signed(K1, claims()))
            issuer.keys = [K1, K2]
            gate = issuer.hold()
            before = issuer.fetches()
            clients = [Client(gateway.port) for _ in range(4)]
            for client in clients:
                client.send_head("GET", "/x", bearer(signed(K2, claims())))
            eventually(lambda: issuer.fetches() > before, "the fetch")
            gateway.reload(text + "x-changed: 1\n")
            gateway.reload(text + "x-changed: 2\n")
            gate.set()
            assert [c.read_response().status for c in clients] == [200] * 4
            for client in clients:
                client.close()


def test_reloads_keep_the_keys():
    with PlainIssuer(K1) as issuer:
        text = config(f"jwks: {issuer.url}/keys")
        with Gateway(text) as gateway:
            ready(gateway, signed(K1, claims()))
            issuer.status = "500 Down"
            for i in range(5):
                gateway.reload(text + f"x-changed: {i}\n")
                assert get(gateway.port, "/x", bearer(signed(K1, claims()))).status == 200
            assert issuer.fetches() == 1


def test_an_issuer_that_dies_later_stops_nobody_whose_key_is_known():
    with PlainIssuer(K1) as issuer:
        issuer.headers = [("Cache-Control", "max-age=0")]
        with Gateway(config(f"jwks: {{ url: \"{issuer.url}/keys\", timeout: 200ms, cooldown: 10ms }}")) as gateway:
            ready(gateway, signed(K1, claims()))
            gate = issuer.hold()
            began = time.monotonic()
            assert get(gateway.port, "/x", bearer(signed(K2, claims()))).status == 401
            assert time.monotonic() - began < 4
            assert get(gateway.port, "/x", bearer(signed(K1, claims()))).status == 200
            gate.set()


def test_the_age_of_the_keys_grows_while_the_issuer_is_down_and_falls_when_it_is_back():
    with PlainIssuer(K1) as issuer:
        text = config(f"jwks: {{ url: \"{issuer.url}/keys?secret=s\", cooldown: 10ms }}")
        series = f'portico_jwt_keys_age_seconds{{source="{issuer.url}/keys"}}'
        gate = issuer.hold()
        with Gateway(text) as gateway:
            eventually(lambda: issuer.fetches("/keys?secret=s") == 1, "the first fetch")
            assert series not in gateway.metrics()
            gate.set()
            ready(gateway, signed(K1, claims()))
            issuer.status = "503 Down"
            assert get(gateway.port, "/x", bearer(signed(K2, claims()))).code == "jwt.kid_unknown"
            assert gateway.metric("portico_jwt_key_fetches_total", result="failed") == 1
            down = gateway.metrics()[series]
            eventually(lambda: gateway.metrics()[series] > down + 0.3, "growth")
            gateway.reload(text + "x-changed: 1\n")
            grown = gateway.metrics()[series]
            assert grown > down + 0.3
            issuer.status, issuer.keys = "200 OK", [K1, K2]
            eventually(lambda: get(gateway.port, "/x", bearer(signed(K2, claims()))).status == 200, "the issuer's return")
            assert gateway.metrics()[series] < grown
            gateway.reload("routes: [{ match: /x, respond: { body: open } }]\n")
            eventually(lambda: series not in gateway.metrics(), "the end of a source that nobody names")


def test_a_worker_that_stops_in_mid_fetch_ends_in_order():
    with PlainIssuer(K1) as issuer:
        gate = issuer.hold()
        with Gateway(config(f"jwks: {issuer.url}/keys"), exit_code=None) as gateway:
            client = Client(gateway.port)
            client.send_head("GET", "/x", bearer(signed(K1, claims())))
            eventually(lambda: issuer.fetches() == 1, "the fetch")
            gateway.terminate()
            gateway.process.send_signal(signal.SIGTERM)
            assert gateway.wait() in (0, 1)
            gate.set()
            client.close()


def test_explain_decides_about_a_token_that_many_keys_may_have_signed(tmp_path):
    """They are tried in turns, and explain waits for nobody."""
    keys = [SigningKey("ES384", kid=f"k{n}") for n in range(16)]
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [key.jwk for key in keys]}), encoding="ascii")
    file = f"policies: {{ p: {{ jwt: {{ algorithms: [ES384], keys: {{ file: {tmp_path}/keys.json }} }} }} }}\n" + ROUTES
    signer = SigningKey("ES384")
    for key, said in ((keys[15], "p: passes"), (keys[0], "p: passes"), (signer, "p: 401 jwt.signature")):
        key.kid = None
        told = explain(file, "GET", "/x", ["Authorization: Bearer " + signed(key, claims())])
        assert said in " ".join(told.out.split()), told.text
