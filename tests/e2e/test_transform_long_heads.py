"""Rules over long heads run in parts, and come to what they come to over short ones; who leaves in between harms nobody."""
import time
from contextlib import ExitStack

import pytest

from support.client import Client, get
from support.gateway import Gateway
from support.upstream import Echo, Scripted

SIGNS = "<" * 2500  # each match of the pattern below looks to the end
COSTLY = 'regex: "<[^>]*>|<"'
PADS = {"short": [], "long": [("X-Pad", "p" * 3000)], "costly": [("X-Costly", SIGNS)]}
REQUEST = f"""
        headers:
          replace: {{ X-Old: {{ regex: "o(l)d", with: '\\1' }}, X-Costly: {{ {COSTLY}, with: "-" }} }}
          rename: {{ X-From: X-To }}
          copy: {{ X-Old: X-Copied }}
          remove: [X-Gone, {{ regex: "x-secret-.*" }}]
          set: {{ X-Set: "{{query.q}}" }}
          append: {{ X-Old: "{{cookie.keep}}" }}
        cookies: {{ remove: [gone, {{ regex: "g.*" }}], set: {{ added: "1" }} }}
        query: {{ remove: [r], set: {{ s: "{{header.x-from}}" }} }}
"""
SENT = [("X-Old", "old"), ("X-From", "f"), ("X-Gone", "1"), ("X-Secret-A", "1"), ("Cookie", "keep=k; gone=1; g2=2")]


def answers(connection):
    while True:
        request = connection.read_request()
        pad = PADS[request.target.rsplit("/", 1)[1]]
        headers = [("X-Old", "old"), ("X-Gone", "1"), ("X-Secret-A", "1"), ("Set-Cookie", "gone=1"), ("Set-Cookie", "keep=2"), *pad]
        connection.answer(b"" if request.method == "HEAD" else b"{}", "200 OK", headers, length=request.method != "HEAD")


@pytest.fixture(scope="module")
def site():
    with Echo() as echo, Scripted(answers) as svc, Gateway(f"""
services: {{ echo: {echo.url}, svc: {svc.url} }}
policies:
  in:
    transform:
      request:{REQUEST}  out:
    transform:
      response:
        headers: {{ replace: {{ X-Old: {{ regex: "o(l)d", with: '\\1' }}, X-Costly: {{ {COSTLY}, with: "-" }} }}, remove: [X-Gone, {{ regex: "x-secret-.*" }}], set: {{ X-Set: s }} }}
        cookies: {{ remove: [gone] }}
routes:
  - {{ match: /in, use: [in], forward: {{ service: echo }} }}
  - {{ match: '/out/**', use: [out], forward: {{ service: svc }} }}
  - {{ match: /made, use: [out], respond: {{ headers: {{ X-Old: old, X-Gone: "1", X-Pad: "{{header.x-pad}}" }}, body: {{ a: 1 }} }} }}
""") as gateway:
        yield gateway, echo


@pytest.mark.parametrize("pad", PADS)
def test_a_long_request_becomes_what_a_short_one_becomes(site, pad):
    gateway, echo = site
    answer = get(gateway.port, "/in?q=7&r=1", SENT + PADS[pad])
    assert answer.status == 200
    seen = echo.last
    assert seen.target == "/in?q=7&s=f"
    fields = sorted((name.lower(), value) for name, value in seen.headers if name.lower().startswith(("x-old", "x-to", "x-from", "x-copied", "x-gone", "x-secret", "x-set", "cookie")))
    assert fields == [("cookie", "keep=k; added=1"), ("x-copied", "old"), ("x-old", "k"), ("x-old", "l"), ("x-set", "7"), ("x-to", "f")]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("pad", PADS)
def test_a_long_response_becomes_what_a_short_one_becomes(site, pad, method):
    gateway, _ = site
    with Client(gateway.port) as client:
        for _ in range(2):
            answer = client.request(method, f"/out/{pad}")
            assert answer.status == 200
            assert (answer.get("x-old"), answer.get("x-gone"), answer.get("x-secret-a"), answer.get("x-set")) == ("l", None, None, "s")
            assert answer.all("set-cookie") == ["keep=2"]
            if pad == "costly":
                assert answer.get("x-costly") == "-" * 2500
            assert answer.body == (b"" if method == "HEAD" else b"{}")


@pytest.mark.parametrize("pad", ["short", "long"])
def test_what_is_made_here_is_judged_whatever_its_length(site, pad):
    answer = get(site[0].port, "/made", PADS[pad])
    assert (answer.status, answer.get("x-old"), answer.get("x-gone"), answer.json()) == (200, "l", None, {"a": 1})


def test_who_leaves_in_the_middle_harms_nobody(site):
    gateway, _ = site
    for n in range(60):
        with Client(gateway.port) as client:
            client.send_head("GET", "/in" if n % 2 else "/out/costly", SENT + PADS["costly"])
            time.sleep(n % 7 / 2000)
            client.reset()
    assert get(gateway.port, "/out/long").get("x-old") == "l"


def test_a_request_and_a_response_that_ask_for_too_much_are_refused():
    """Each of these policies is within its own bound; together they are more than one request may ask for."""
    many = 600
    request = f"{{ transform: {{ request: {{ headers: {{ replace: {{ X-Costly: {{ {COSTLY}, with: '<' }} }} }} }} }} }}"
    response = f"{{ transform: {{ response: {{ headers: {{ replace: {{ X-Costly: {{ {COSTLY}, with: '<' }} }} }} }} }} }}"
    with Scripted(answers) as svc, Gateway(f"""
workers: 1
services: {{ svc: {svc.url} }}
routes:
  - {{ match: /in, use: [{", ".join([request] * many)}], respond: {{ body: ok }} }}
  - {{ match: '/out/**', use: [{", ".join([response] * many)}], forward: {{ service: svc }} }}
  - {{ match: /ok, respond: {{ body: ok }} }}
""") as gateway:
        with Client(gateway.port, timeout=120) as client:
            answer = client.get("/in", PADS["costly"])
        assert (answer.status, answer.code) == (431, "http.head_too_large")
        with Client(gateway.port, timeout=120) as client:
            answer = client.get("/out/costly")
        assert (answer.status, answer.code) == (502, "response.too_costly")
        assert get(gateway.port, "/in").status == 200
        assert get(gateway.port, "/out/short").status == 200


def test_an_answer_of_a_policy_that_asks_for_too_much_is_an_error_and_no_reset():
    """What a service that decides gives to the client passes the rules as well."""
    def refuses(connection):
        while True:
            connection.read_request()
            connection.answer(b"no", "401 Unauthorized", [("WWW-Authenticate", "Basic x=" + SIGNS)])
    response = f"{{ transform: {{ response: {{ headers: {{ replace: {{ WWW-Authenticate: {{ {COSTLY}, with: '<' }} }} }} }} }} }}"
    with Scripted(refuses) as svc, Gateway(f"""
workers: 1
services: {{ svc: {svc.url} }}
routes:
  - {{ match: /few, use: [{", ".join([response] * 2)}, {{ forward_auth: {{ service: svc }} }}], respond: {{ body: ok }} }}
  - {{ match: /many, use: [{", ".join([response] * 600)}, {{ forward_auth: {{ service: svc }} }}], respond: {{ body: ok }} }}
""") as gateway:
        assert get(gateway.port, "/few").status == 401
        with Client(gateway.port, timeout=120) as client:
            answer = client.get("/many")
        assert (answer.status, answer.code) == (502, "response.too_costly")


def test_an_error_for_having_spent_all_passes_the_policies_of_its_response():
    request = f"{{ transform: {{ request: {{ headers: {{ replace: {{ X-Costly: {{ {COSTLY}, with: '<' }} }} }} }} }} }}"
    with Gateway(f"""
workers: 1
routes:
  - match: /in
    use: [{{ cors: {{ origins: ["https://a.test"] }} }}, {{ transform: {{ response: {{ headers: {{ replace: {{ X-None: {{ {COSTLY}, with: "-" }} }}, set: {{ X-Seen: "1" }} }} }} }} }}, {", ".join([request] * 600)}]
    respond: {{ body: ok }}
""") as gateway, Client(gateway.port, timeout=120) as client:
        answer = client.get("/in", [*PADS["costly"], ("Origin", "https://a.test")])
        assert (answer.status, answer.code) == (431, "http.head_too_large")
        assert (answer.get("access-control-allow-origin"), answer.get("x-seen")) == ("https://a.test", "1")


def of_jobs(svc, says):
    """Rules over a request's head, or over a response's, that take their turns for about a tenth of a second."""
    request = f"{{ transform: {{ request: {{ headers: {{ replace: {{ X-Costly: {{ {COSTLY}, with: '<' }} }} }} }} }} }}"
    response = f"{{ transform: {{ response: {{ headers: {{ replace: {{ X-Costly: {{ {COSTLY}, with: '<' }} }}, set: {{ X-Says: {says} }} }} }} }} }}"
    return f"""
workers: 1
services: {{ svc: {svc.url} }}
routes:
  - {{ match: '/in/**', use: [{", ".join([request] * 12)}, {{ transform: {{ response: {{ headers: {{ set: {{ X-Says: {says} }} }} }} }} }}], forward: {{ service: svc }} }}
  - {{ match: '/out/**', use: [{", ".join([response] * 12)}], forward: {{ service: svc }} }}
"""


def waiting_for_their_turns(gateway, stack, svc):
    """Ten that are made for the service, and ten whose responses are made for the client."""
    clients = [stack.enter_context(Client(gateway.port)) for _ in range(20)]
    for n, client in enumerate(clients):
        client.send_head("GET", "/in/short" if n % 2 else "/out/costly", PADS["costly"] if n % 2 else [])
    gateway.wait_until(lambda: len(svc.requests) == 10, "ten responses have come")
    assert not gateway.stdout, "none has ended"
    return clients


def test_a_reload_while_heads_wait_for_their_turns():
    """They end by the configuration that they began with, the others by the new one."""
    with Scripted(answers) as svc, Gateway(of_jobs(svc, "one")) as gateway, ExitStack() as stack:
        clients = waiting_for_their_turns(gateway, stack, svc)
        gateway.reload(of_jobs(svc, "two"))
        assert get(gateway.port, "/out/short").get("x-says") == "two"
        assert len(gateway.access_lines()) == 1, "they wait still"
        for client in clients:
            answer = client.read_response()
            assert (answer.status, answer.get("x-says")) == (200, "one")


def test_an_end_while_heads_wait_for_their_turns():
    with Scripted(answers) as svc, Gateway(of_jobs(svc, "one")) as gateway, ExitStack() as stack:
        clients = waiting_for_their_turns(gateway, stack, svc)
        gateway.terminate()
        for client in clients:
            answer = client.read_response()
            assert (answer.status, answer.get("x-says")) == (200, "one")
        assert gateway.wait() == 0


def test_an_end_at_once_while_heads_wait_for_their_turns():
    """A second signal waits for nobody."""
    with Scripted(answers) as svc, Gateway(of_jobs(svc, "one")) as gateway, ExitStack() as stack:
        waiting_for_their_turns(gateway, stack, svc)
        gateway.terminate()
        gateway.wait_for_line("portico: draining")
        gateway.terminate()
        gateway.wait_for_line("portico: ending at once")
        gateway.wait()
