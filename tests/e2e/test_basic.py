"""basic: a user name and a password."""
import base64
import shutil
import signal
import subprocess
import threading
import time

import pytest

from support.client import Client, get
from support.gateway import SANITIZED, Gateway, check, explain
from support.upstream import Echo, eventually

# Of the password "open sesame": bcrypt at cost 5 and 12 (a fifth of a second and more), and Argon2id.
FAST = "$2y$05$c0EgdzwyP1Y8Xxy1ROyEaOA0EZiqLj.CVUXZwT46o0XFcTLSb16KG"
SLOW = "$2y$12$UZiyk.K4MtlxXNePsJkTFuMQTqbjVcdRbSumPivKMPT8kN5nCajzu"
ARGON = "$argon2id$v=19$m=1024,t=2,p=1$cG9ydGljbyB0ZXN0IHNhbHQ$nRqU/to4gkqOA+WeOo9T54IAL+Zgl+s/h04+JUgrcEI"

CONFIG = """
policies:
  staff:
    basic:
      htpasswd: {{ file: {file} }}
      realm: 'the "staff"'
      claims_to_headers: {{ X-User-ID: sub }}
  slow: {{ basic: {{ htpasswd: 'ann:{slow}' }} }}
  watched: {{ mode: shadow, basic: {{ htpasswd: 'ann:{fast}', claims_to_headers: {{ X-Seen: sub }} }} }}
  partner: {{ api_key: {{ keys: [{{ name: acme, sha256: 2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683 }}] }} }}  # "key"
services: {{ svc: {url} }}
routes:
  - {{ match: /x, use: [staff], forward: {{ service: svc }} }}
  - {{ match: /slow, use: [slow], forward: {{ service: svc }} }}
  - {{ match: /shadow, use: [watched], forward: {{ service: svc }} }}
  - {{ match: /either, use: [{{ any_of: [staff, partner] }}], forward: {{ service: svc }} }}
  - {{ match: /open, forward: {{ service: svc }} }}
"""


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    file = tmp_path_factory.mktemp("users") / "htpasswd"
    file.write_text(f"# staff\nann:{FAST}\nzoë:{ARGON}\n", encoding="utf-8")
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url, file=file, slow=SLOW, fast=FAST)) as gateway:
        yield gateway, upstream


def basic(user, password):
    return ("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


def sent(answer):
    assert answer.status == 200, answer.body
    return {n.lower(): v for n, v in answer.json()["headers"]}


@pytest.mark.parametrize("user", ["ann", "zoë"])
def test_a_password_lets_in_and_goes_no_further(setup, user):
    headers = sent(get(setup[0].port, "/x", [basic(user, "open sesame"), ("X-User-ID", "admin")]))
    assert headers["x-user-id"].encode("latin-1").decode() == user and "authorization" not in headers


@pytest.mark.parametrize("headers,code", [
    ([], "basic.missing"), ([("Authorization", "Bearer abc")], "basic.missing"), ([basic("ann", "wrong")], "basic.wrong"),
    ([basic("ann", "")], "basic.wrong"), ([basic("nobody", "open sesame")], "basic.wrong"), ([basic("Ann", "open sesame")], "basic.wrong"),
    ([basic("ann", "open sesame")] * 2, "basic.wrong"), ([("Authorization", "Basic")], "basic.wrong"), ([("Authorization", "Basic !!!")], "basic.wrong"),
    ([("Authorization", "Basic YW5u")], "basic.wrong"), ([basic("ann", "open\nsesame")], "basic.wrong"), ([basic("ann", "x" * 3000)], "basic.wrong"),
    ([basic("", "open sesame")], "basic.wrong"), ([("Authorization", "Basic YTpiYw")], "basic.wrong")])
def test_anything_else_is_refused(setup, headers, code):
    gateway, upstream = setup
    before = len(upstream.requests)
    answer = get(gateway.port, "/x", headers)
    assert answer.status == 401 and answer.code == code and answer.json()["title"] == "Invalid credentials"
    assert answer.get("WWW-Authenticate") == 'Basic realm="the \\"staff\\"", charset="UTF-8"'
    assert len(upstream.requests) == before


def test_a_page_of_fifty_requests_costs_one_hash(setup):
    gateway, _ = setup
    with Client(gateway.port) as client:
        assert client.get("/slow", [basic("ann", "open sesame")]).status == 200
        before = gateway.metric("portico_password_hashes_total", policy="slow")
        for _ in range(50):
            assert client.get("/slow", [basic("ann", "open sesame")]).status == 200
    assert gateway.metric("portico_password_hashes_total", policy="slow") == before


def test_an_unknown_user_costs_a_hash_too(setup):
    gateway, _ = setup
    before = gateway.metric("portico_password_hashes_total", policy="staff")
    assert get(gateway.port, "/x", [basic("nobody-at-all", "open sesame")]).status == 401
    gateway.expect_metric(before + 1, "portico_password_hashes_total", policy="staff")


def test_others_are_served_while_a_password_is_hashed():
    with Gateway("workers: 1\nlisteners: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n"
                 f"policies: {{ slow: {{ basic: {{ htpasswd: 'ann:{SLOW}' }} }} }}\n"
                 "routes: [{ match: /slow, use: [slow], respond: { body: ok } }, { match: /open, respond: { body: ok } }]\n") as gateway:
        with Client(gateway.port) as waiting, Client(gateway.port) as other:
            waiting.send_head("GET", "/slow", [basic("ann", "wrong")])
            answered = 0
            waiting.sock.settimeout(0)
            while True:
                try:
                    waiting.wire.fill()
                    break
                except BlockingIOError:
                    assert other.get("/open").status == 200
                    answered += 1
            assert answered > 10


def test_too_many_at_once_are_told_so():
    with Gateway(f"policies: {{ slow: {{ basic: {{ htpasswd: 'ann:{SLOW}' }} }} }}\n"
                 "routes: [{ match: /x, use: [slow], respond: { body: ok } }]\n", exit_code=None) as gateway:
        clients = [Client(gateway.port) for _ in range(400)]
        for i, client in enumerate(clients):
            client.send_head("GET", "/x", [basic("ann", f"guess {i}")])
        refused = clients[-1].read_response()
        assert refused.status == 503 and refused.code == "policy.unavailable"
        for client in clients:
            client.reset()
        # Those that left are not hashed: once the gateway has seen them go, a new one need not wait for them.
        begin = time.monotonic()
        eventually(lambda: get(gateway.port, "/x", [basic("ann", "open sesame")]).status == 200, "room for a new one", 8)
        assert time.monotonic() - begin < 8


def test_r18_a_client_that_leaves_meanwhile_harms_nobody(setup):
    gateway, _ = setup
    for i in range(20):
        with Client(gateway.port) as client:
            client.send_head("GET", "/slow", [basic("ann", f"wrong {i}")])
            client.reset() if i % 2 else client.close()
    assert get(gateway.port, "/open").status == 200


def test_a_reload_meanwhile_lets_the_request_end_on_its_own_configuration():
    config = (f"policies: {{ slow: {{ basic: {{ htpasswd: 'ann:{SLOW}' }} }} }}\n"
              "routes: [{ match: /x, use: [slow], respond: { body: old } }]\n")
    with Gateway(config) as gateway, Client(gateway.port) as client:
        client.send_head("GET", "/x", [basic("ann", "open sesame")])
        gateway.expect_metric(1, "portico_password_hashes_total", policy="slow")
        gateway.reload("routes: [{ match: /x, respond: { body: new } }]\n")
        assert client.read_response().body == b"old"
        assert get(gateway.port, "/x").body == b"new"


def test_in_shadow_it_refuses_nobody_and_believes_only_a_good_password(setup):
    gateway, _ = setup
    assert "x-seen" not in sent(get(gateway.port, "/shadow", [basic("ann", "wrong"), ("X-Seen", "forged"), ("X-Request-ID", "basic-1")]))
    assert gateway.access_line(lambda e: e["request_id"] == "basic-1")["shadow"] == "watched:basic.wrong"
    assert sent(get(gateway.port, "/shadow", [basic("ann", "open sesame")]))["x-seen"] == "ann"


def test_any_of_takes_the_password_or_the_key(setup):
    gateway, _ = setup
    assert sent(get(gateway.port, "/either", [basic("ann", "open sesame")]))["x-user-id"] == "ann"
    assert "x-user-id" not in sent(get(gateway.port, "/either", [("X-API-Key", "key")]))
    assert get(gateway.port, "/either", [basic("ann", "wrong"), ("X-API-Key", "key")]).code == "basic.wrong"
    both = sent(get(gateway.port, "/either", [basic("ann", "open sesame"), ("X-API-Key", "key")]))
    assert both["x-user-id"] == "ann" and "x-api-key" not in both
    assert get(gateway.port, "/either").all("WWW-Authenticate") == ['Basic realm="the \\"staff\\"", charset="UTF-8"', 'ApiKey header="X-API-Key"']


def test_r37_a_password_stands_nowhere(setup):
    gateway, _ = setup
    answer = get(gateway.port, "/x", [basic("ann", "my-wrong-secret"), ("X-Request-ID", "basic-2")])
    line = gateway.access_line(lambda e: e["request_id"] == "basic-2")
    assert "my-wrong" not in str(line) + answer.body.decode() and basic("ann", "my-wrong-secret")[1][6:] not in str(line)
    assert line["code"] == "basic.wrong" and line["refused_by"] == "staff" and line["detail"] == "basic: wrong password"


@pytest.mark.parametrize("users,said", [
    ("'ann:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00'", "MD5"), ("'ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g='", "SHA-1"), ("'ann:plain'", "password in clear"),
    ("{ file: /nowhere/htpasswd }", "cannot be read"), ("''", "no users"), ("'# nobody'", "no users"), (f"['ann:{FAST}', 'ann:{FAST}']", "stands twice"),
    (f"['ann:{FAST}', nonsense]", "line 2"), (f"'ann:{SLOW[:-1]}'", "not whole")])
def test_a_file_that_cannot_guard_is_an_error(users, said):
    told = check(f"routes: [{{ match: /x, use: [{{ basic: {{ htpasswd: {users} }} }}], respond: {{}} }}]\n")
    assert told.code == 1 and said in told.text


def test_explain_verifies_at_once():
    config = f"policies: {{ p: {{ basic: {{ htpasswd: 'ann:{FAST}', claims_to_headers: {{ X-User-ID: sub }} }} }} }}\n"
    config += "services: { svc: http://127.0.0.1:9 }\nroutes: [{ match: /x, use: [p], forward: { service: svc } }]\n"
    told = explain(config, "GET", "/x", [": ".join(basic("ann", "open sesame"))]).out
    assert "p: passes" in told and '{"sub":"ann"}, by p' in told and "X-User-ID: ann" in told
    assert "401 basic.wrong" in explain(config, "GET", "/x", [": ".join(basic("ann", "wrong"))]).out


@pytest.mark.skipif(shutil.which("htpasswd") is None, reason="needs htpasswd")
def test_what_htpasswd_writes_is_understood(tmp_path):
    file = tmp_path / "users"
    subprocess.run(["htpasswd", "-cbB", str(file), "carl", "pass wörd:1"], check=True, capture_output=True)
    with Gateway(f"routes: [{{ match: /x, use: [{{ basic: {{ htpasswd: {{ file: {file} }} }} }}], respond: {{ body: ok }} }}]\n") as gateway:
        assert get(gateway.port, "/x", [basic("carl", "pass wörd:1")]).status == 200


def test_the_same_credentials_at_once_wait_for_one_hash():
    with Gateway("workers: 1\nlisteners: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n"
                 f"policies: {{ slow: {{ basic: {{ htpasswd: 'ann:{SLOW}' }} }} }}\nroutes: [{{ match: /x, use: [slow], respond: {{ body: ok }} }}]\n") as gateway:
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(get(gateway.port, "/x", [basic("ann", "open sesame")]).status)) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert answers == [200] * 8 and gateway.metric("portico_password_hashes_total", policy="slow") == 1


def test_a41_a_reload_without_the_policy_waits_for_no_hash():
    """A worker that lets go of the last of its users' hashes serves others at once: the threads are waited for elsewhere."""
    config = "workers: 1\n" + CONFIG.format(url="http://127.0.0.1:1", file="/dev/null", slow=SLOW, fast=FAST).replace(
        "routes:", "routes:\n  - { match: /ok, respond: { body: ok } }")
    without = "workers: 1\nroutes:\n  - { match: /ok, respond: { body: ok } }\n"
    config = config.replace("  staff:\n    basic:\n      htpasswd: { file: /dev/null }\n      realm: 'the \"staff\"'\n      claims_to_headers: { X-User-ID: sub }\n", "")
    config = "\n".join(line for line in config.splitlines() if "staff" not in line)
    with Gateway(config) as gateway, Client(gateway.port) as known, Client(gateway.port) as guessing:
        assert known.get("/ok").status == 200
        for _ in range(3):
            gateway.reload(config)
            guessing.send_head("GET", "/slow", [basic("ann", "wrong")])
            time.sleep(0.02)
            gateway.write(without)
            gateway.process.send_signal(signal.SIGHUP)
            guessing.reset()
            guessing = Client(gateway.port)
            slowest = 0
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                begin = time.monotonic()
                assert known.get("/ok").status == 200
                slowest = max(slowest, time.monotonic() - begin)
            assert slowest < (0.1 if not SANITIZED else 1)


def test_a60_who_guesses_passwords_leaves_turns_to_others(tmp_path):
    """Sixty connections with wrong passwords, and a sign-in from another address: it is served each time."""
    config = "workers: 1\n" f"policies: {{ slow: {{ basic: {{ htpasswd: 'ann:{SLOW}' }} }} }}\n" "routes: [{ match: /x, use: [slow], respond: { body: ok } }]\n"
    with Gateway(config) as gateway:
        stop = threading.Event()

        def guess(number):
            guesses = 0
            while not stop.is_set():
                guesses += 1
                try:
                    get(gateway.port, "/x", [basic("ann", f"{number} {guesses}")])
                except OSError:
                    pass

        threads = [threading.Thread(target=guess, args=(i,)) for i in range(60)]
        for thread in threads:
            thread.start()
        try:
            time.sleep(0.5)
            for number in range(3):
                with Client(gateway.port, source="127.0.0.2") as known:
                    answer = known.get("/x", [basic("ann", "open sesame" if number == 0 else f"other {number}")])
                    assert answer.status == (200 if number == 0 else 401), answer.body
        finally:
            stop.set()
            for thread in threads:
                thread.join()
