"""The bounds of a request: 413, 414, 431, and what exactly fits."""
import pytest

from support.client import Client, chunk, fetch, get, head
from support.gateway import Gateway, check
from support.upstream import Echo

CONFIG = """
services: {{ svc: {url} }}
limits: {{ body: 1000B, head: 4KiB, target: 1KiB, fields: 20 }}
routes:
  - {{ match: "/svc/**", forward: {{ service: svc, path: "/{{**}}" }} }}
  - {{ match: "/small/**", limits: {{ body: 10B }}, forward: {{ service: svc, path: "/{{**}}" }} }}
  - {{ match: "/large/**", limits: {{ body: none }}, forward: {{ service: svc, path: "/{{**}}" }} }}
  - {{ match: /fixed, respond: {{ body: ok }} }}
"""


@pytest.fixture(scope="module")
def setup():
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        yield gateway, upstream


@pytest.fixture
def gateway(setup):
    return setup[0]


def refused(answer, status, code):
    assert answer.status == status and answer.code == code and answer.get("connection") == "close", answer.body


def test_a_body_of_exactly_the_limit_passes(gateway):
    assert fetch(gateway.port, "POST", "/svc/x", body=b"x" * 1000).json()["length"] == 1000


def test_a_body_of_one_byte_more_is_413_before_any_of_it_is_sent_on(setup):
    gateway, upstream = setup
    before = len(upstream.requests)
    with Client(gateway.port) as client:
        client.send(head("POST", "/svc/over", [("Content-Length", 1001)]))
        refused(client.read_response(), 413, "http.body_too_large")
    assert len(upstream.requests) == before


def test_a_chunked_body_that_grows_over_the_limit_is_413(setup):
    gateway, upstream = setup
    with Client(gateway.port) as client:
        client.send_head("POST", "/svc/grows", [("Transfer-Encoding", "chunked")])
        client.send(chunk(b"x" * 900))
        client.send(chunk(b"x" * 101))
        refused(client.read_response(), 413, "http.body_too_large")
    assert not [r for r in upstream.requests if r.target == "/grows"], "a cut body must not reach the service as a whole request"


def test_a_chunked_body_of_exactly_the_limit_passes(gateway):
    with Client(gateway.port) as client:
        client.send(head("POST", "/svc/x", [("Transfer-Encoding", "chunked")]) + chunk(b"x" * 600) + chunk(b"y" * 400) + b"0\r\n\r\n")
        assert client.read_response().json()["length"] == 1000


def test_a_route_may_set_a_smaller_limit(gateway):
    assert fetch(gateway.port, "POST", "/small/x", body=b"x" * 10).status == 200
    refused(fetch(gateway.port, "POST", "/small/x", body=b"x" * 11), 413, "http.body_too_large")


def test_a_route_may_have_no_limit(gateway):
    assert fetch(gateway.port, "POST", "/large/x", body=b"x" * 200_000).json()["length"] == 200_000
    with Client(gateway.port) as client:
        client.send(head("POST", "/large/x", [("Transfer-Encoding", "chunked")]) + chunk(b"x" * 200_000) + b"0\r\n\r\n")
        assert client.read_response().json()["length"] == 200_000


def test_a_body_for_a_fixed_answer_is_bounded_too(gateway):
    refused(fetch(gateway.port, "POST", "/fixed", body=b"x" * 1001), 413, "http.body_too_large")


def test_a_body_that_a_fixed_answer_does_not_read_does_not_become_the_next_request(setup):
    gateway, upstream = setup
    with Client(gateway.port) as client:
        client.send(head("POST", "/fixed", [("Content-Length", 100)]) + head("GET", "/svc/smuggled"))
        assert client.read_response().body == b"ok"
        client.half_close()
        assert b"HTTP/1.1 200" not in client.read_to_close()
    assert not [r for r in upstream.requests if r.target == "/smuggled"]


def test_a_body_for_a_fixed_answer_leaves_the_connection_in_step(gateway):
    with Client(gateway.port) as client:
        for _ in range(3):
            answer = client.request("POST", "/fixed", body=b"x" * 100)
            assert answer.body == b"ok"
            if answer.get("connection") == "close":
                break


def test_a_target_of_exactly_the_limit_passes(gateway):
    target = "/svc/" + "a" * (1024 - 5)
    assert len(target) == 1024 and get(gateway.port, target).status == 200


@pytest.mark.parametrize("target", ["/svc/" + "a" * 1020, "/svc/?" + "q=1&" * 300, "/" * 1025])
def test_a_longer_target_is_414(gateway, target):
    refused(get(gateway.port, target), 414, "http.target_too_long")


def test_a_target_without_end_is_414_without_its_end(gateway):
    with Client(gateway.port) as client:
        client.send(b"GET /svc/" + b"a" * 3000)
        refused(client.read_response(), 414, "http.target_too_long")


def test_as_many_fields_as_allowed_pass(gateway):
    assert get(gateway.port, "/svc/x", [(f"X-{n}", "v") for n in range(19)]).status == 200


def test_one_field_more_is_431(gateway):
    refused(get(gateway.port, "/svc/x", [(f"X-{n}", "v") for n in range(20)]), 431, "http.too_many_fields")


def test_a_head_longer_than_the_limit_is_431(gateway):
    assert get(gateway.port, "/svc/x", [("X-Long", "v" * 3900)]).status == 200
    refused(get(gateway.port, "/svc/x", [("X-Long", "v" * 4097)]), 431, "http.head_too_large")


def test_a_head_without_end_is_431_without_its_end(gateway):
    with Client(gateway.port) as client:
        client.send(b"GET /svc/x HTTP/1.1\r\nHost: a\r\nX-Long: " + b"v" * 5000)
        refused(client.read_response(), 431, "http.head_too_large")


def test_trailers_without_end_are_431(gateway):
    with Client(gateway.port) as client:
        client.send(head("POST", "/svc/x", [("Transfer-Encoding", "chunked")]) + b"1\r\nx\r\n0\r\nX-Long: " + b"v" * 100_000)
        assert client.read_response().status == 431


def test_the_defaults_are_as_written():
    """128 fields, 64 KiB of head, 16 KiB of target."""
    with Echo() as upstream:
        config = CONFIG.format(url=upstream.url).replace("limits: { body: 1000B, head: 4KiB, target: 1KiB, fields: 20 }", "")
        with Gateway(config) as gateway:
            assert get(gateway.port, "/svc/x", [(f"X-{n}", "v") for n in range(127)]).status == 200
            refused(get(gateway.port, "/svc/x", [(f"X-{n}", "v") for n in range(128)]), 431, "http.too_many_fields")
            assert get(gateway.port, "/svc/" + "a" * (16384 - 5)).status == 200
            refused(get(gateway.port, "/svc/" + "a" * 16384), 414, "http.target_too_long")
            assert get(gateway.port, "/svc/x", [("X-Long", "v" * 65000)]).json()["headers"]
            refused(get(gateway.port, "/svc/x", [("X-Long", "v" * 65536)]), 431, "http.head_too_large")
            with Client(gateway.port) as client:
                client.send(head("POST", "/svc/x", [("Content-Length", 128 * 1024 * 1024 + 1)]))
                refused(client.read_response(), 413, "http.body_too_large")


@pytest.mark.parametrize("rate, said", [
    ("500", 'expected bytes a second such as 500B/s or 10KiB/s, or none'),
    ("500B", 'expected bytes a second such as 500B/s or 10KiB/s, or none'),
    ("0B/s", 'expected bytes a second such as 500B/s or 10KiB/s, or none'),
    ("slow/s", 'expected bytes a second such as 500B/s or 10KiB/s, or none'),
    ("2048GiB/s", "2048GiB/s is too much: at most 1024GiB/s"),
])
@pytest.mark.parametrize("place", ["limits: {{ min_rate: {} }}\nroutes: [{{ match: /x, respond: {{ body: ok }} }}]",
                                   "routes: [{{ match: /x, limits: {{ min_rate: {} }}, respond: {{ body: ok }} }}]"])
def test_a_rate_says_bytes_and_seconds(rate, said, place):
    out = check(place.format(rate))
    assert out.code == 1 and said in out.text


@pytest.mark.parametrize("rate", ["none", "1B/s", "10KiB/s", "500B/s"])
def test_a_rate_may_be_set_for_the_file_and_for_a_route(rate):
    out = check(f"limits: {{ min_rate: {rate} }}\nroutes: [{{ match: /x, limits: {{ min_rate: {rate} }}, respond: {{ body: ok }} }}]")
    assert out.code == 0, out.text
