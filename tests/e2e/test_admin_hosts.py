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
