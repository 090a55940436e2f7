"""ip_access: who may come in, by the address that is really the client's."""
import pytest

from support.client import fetch, get
from support.gateway import Gateway
from support.upstream import Echo

CONFIG = """
trusted_proxies: [127.0.0.0/8]
policies:
  inner: {{ ip_access: {{ allow: [10.0.0.0/8, "2001:db8::/32"], deny: [10.66.0.0/16] }} }}
  outside: {{ ip_access: {{ deny: [192.0.2.0/24] }} }}
services: {{ svc: {url} }}
routes:
  - {{ match: /inner, use: [inner], forward: {{ service: svc }} }}
  - {{ match: /outside, use: [outside], forward: {{ service: svc }} }}
  - {{ match: /both, use: [outside, inner], forward: {{ service: svc }} }}
  - {{ match: /in-place, use: [{{ ip_access: {{ allow: 10.0.0.1 }} }}], respond: {{ body: ok }} }}
  - {{ match: "/dynamic/{{service}}", use: [inner], forward: {{ service: "{{service}}" }} }}
"""


@pytest.fixture(scope="module")
def setup():
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        yield gateway, upstream


@pytest.mark.parametrize("path,client,status", [
    ("/inner", "10.1.2.3", 200), ("/inner", "10.66.1.1", 403), ("/inner", "11.0.0.1", 403), ("/inner", "2001:db8::1", 200), ("/inner", "2001:db9::1", 403),
    ("/inner", "::ffff:10.1.2.3", 200), ("/outside", "192.0.2.7", 403), ("/outside", "192.0.3.7", 200), ("/both", "10.1.2.3", 200), ("/both", "192.0.2.7", 403),
    ("/both", "8.8.8.8", 403), ("/in-place", "10.0.0.1", 200), ("/in-place", "10.0.0.2", 403)])
def test_the_clients_address_decides(setup, path, client, status):
    gateway, upstream = setup
    before = len(upstream.requests)
    answer = get(gateway.port, path, [("X-Forwarded-For", client)])
    assert answer.status == status
    if status == 403:
        assert answer.code == "policy.forbidden" and answer.json()["title"] == "Forbidden"
        assert len(upstream.requests) == before


def test_what_stands_left_of_the_client_does_not_count(setup):
    gateway, _ = setup
    assert get(gateway.port, "/inner", [("X-Forwarded-For", "10.1.2.3, 8.8.8.8")]).status == 403


def test_a_policy_speaks_before_the_service_is_known_to_be_missing(setup):
    gateway, _ = setup
    assert get(gateway.port, "/dynamic/nobody", [("X-Forwarded-For", "8.8.8.8")]).status == 403
    assert get(gateway.port, "/dynamic/nobody", [("X-Forwarded-For", "10.1.2.3")]).status == 404


def test_a_refusal_leaves_the_body_unread_and_the_connection_in_step(setup):
    gateway, _ = setup
    assert fetch(gateway.port, "POST", "/inner", [("X-Forwarded-For", "8.8.8.8")], body=b"x" * 100_000).status == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X_Forwarded_For"])
def test_a_stranger_cannot_write_an_address_of_its_own(header):
    config = "routes: [{ match: /x, use: [{ ip_access: { allow: 10.0.0.1 } }], respond: { body: ok } }]\n"
    with Gateway(config) as gateway:
        value = "for=10.0.0.1" if header == "Forwarded" else "10.0.0.1"
        assert get(gateway.port, "/x", [(header, value)]).status == 403


def test_the_code_and_the_route_stand_in_the_log(setup):
    gateway, _ = setup
    get(gateway.port, "/inner", [("X-Forwarded-For", "8.8.8.8"), ("X-Request-ID", "refused-1")])
    line = gateway.access_line(lambda e: e["request_id"] == "refused-1")
    assert line["code"] == "policy.forbidden" and line["client"] == "8.8.8.8" and line["status"] == 403
