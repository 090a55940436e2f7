"""The admin listener and names that others point here: only addresses, `localhost` and `admin.hosts` are answered."""
import pytest

from support.client import Client, fetch, get
from support.gateway import Gateway, check

ADMIN = """
listeners: [{{ address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0, hosts: {hosts} }}
workers: 1
routes: [{{ match: /, respond: {{}} }}]
"""


def test_a12_the_admin_listener_answers_only_to_addresses_localhost_and_its_hosts():
    with Gateway(ADMIN.format(hosts="[Gateway.Internal]")) as gateway:
        for page in ("/metrics", "/live", "/ready", "/", "/nothing"):
            for host in ("evil.example", "evil.example:9090", "localhost.evil.example", "127.0.0.1.evil.example", "127.1", "xgateway.internal"):
                answer = get(gateway.admin_port, page, host=host)
                assert (answer.status, b"portico_" in answer.body) == (403, False), (page, host)
        for host in ("127.0.0.1", "127.0.0.1:9090", "[::1]:9090", "10.1.2.3", "localhost", "LOCALHOST:1", "localhost.", "gateway.internal:9090", "GATEWAY.internal."):
            assert get(gateway.admin_port, "/live", host=host).status == 200, host
        assert get(gateway.admin_port, "http://evil.example/metrics", host="evil.example").status == 403
        assert fetch(gateway.admin_port, "POST", "/live", host="evil.example").status == 403
        # Who names no host is no browser: probes of HTTP/1.0 are answered.
        with Client(gateway.admin_port) as client:
            client.send(b"GET /live HTTP/1.0\r\n\r\n")
            assert client.read_response().status == 200


def test_a12_a_reload_changes_the_hosts():
    with Gateway(ADMIN.format(hosts="a.internal")) as gateway:
        assert get(gateway.admin_port, "/live", host="b.internal").status == 403
        gateway.reload(ADMIN.format(hosts="[b.internal]"))
        assert get(gateway.admin_port, "/live", host="b.internal").status == 200
        assert get(gateway.admin_port, "/live", host="a.internal").status == 403


@pytest.mark.parametrize("host", ["http://a", "a:9090", "'*'", "''", "a b"])
def test_a12_a_host_of_the_admin_listener_is_a_name(host):
    told = check(ADMIN.format(hosts=host))
    assert told.code == 1 and "host name such as gateway.internal" in told.text


@pytest.mark.parametrize("field", [("Via", "1.1 portico"), ("X-Forwarded-For", "1.2.3.4"), ("Forwarded", "for=1.2.3.4"), ("x_forwarded_host", "a"), ("X-Real-IP", "1.2.3.4")])
def test_t84_the_admin_pages_answer_nobody_through_a_proxy(field):
    with Gateway("routes: [{ match: /, respond: {} }]\n") as gateway:
        for path in ("/metrics", "/ready", "/live"):
            answer = get(gateway.admin_port, path, [field], host="localhost")
            assert answer.status == 403 and b"through a proxy" in answer.body
        assert get(gateway.admin_port, "/metrics", host="localhost").status == 200


@pytest.mark.parametrize("admin,service,refused", [
    ("127.0.0.1:9901", "http://127.0.0.1:9901", True), ("0.0.0.0:9901", "http://127.0.0.1:9901", True), ("0.0.0.0:9901", "http://localhost:9901", True),
    ("127.0.0.1:9901", "http://localhost:9901", True), ("127.0.0.1:9901", "http://0.0.0.0:9901", True), ('"[::]:9901"', "http://[::1]:9901", True),
    ("10.1.2.3:9901", "http://10.1.2.3:9901", True), ("127.0.0.1:9901", "http://[::ffff:127.0.0.1]:9901", True), ("127.0.0.1:9901", "http://localhost.:9901", True), ("127.0.0.2:9901", "http://localhost:9901", True), ("127.0.0.1:9901", "http://127.0.0.1:9902", False), ("127.0.0.1:9901", "http://10.0.0.1:9901", False)])
def test_t84_a_service_at_the_admins_address_is_a_load_error(admin, service, refused):
    ran = check(f"admin: {{ address: {admin} }}\nservices: {{ s: \"{service}\" }}\nroutes: [{{ match: /**, forward: {{ service: s }} }}]\n")
    assert ("[admin-as-service]" in ran.out) == refused, ran.text


def test_two_equal_endpoints_are_warned_of():
    ran = check("services: { s: { endpoints: [http://a.test:80, http://b.test, http://A.test] } }\nroutes: [{ match: /**, forward: { service: s } }]\n")
    assert ran.code == 0 and ran.out.count("[equal-endpoints]") == 1, ran.text
