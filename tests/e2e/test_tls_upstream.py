"""Services behind TLS: whom the gateway believes, what it says of the others, and that nothing is lost or cut on the way."""
import hashlib
import os
import ssl
import threading
import time

import pytest

from support.client import Client, fetch, get
from support.gateway import Gateway, check, explain
from support.tls import Authority, Secure, SecureEcho, end_in_order, serving
from support.upstream import Echo, Scripted, answering, eventually
from support.wire import Incomplete

BACKENDS = pytest.mark.parametrize("backend", ["uring", "epoll"])


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def local(ca):
    """A certificate for where the tests' services are."""
    return ca.issue("127.0.0.1", "localhost")


def config(*upstreams, tls="", more="", file=""):
    urls = ", ".join(u if isinstance(u, str) else u.url for u in upstreams)
    part = f", tls: {{ {tls} }}" if tls else ""
    return f"""
workers: 1
services: {{ svc: {{ endpoints: [{urls}]{part}{more} }} }}
routes: [{{ match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}" }} }}]
{file}
"""


def refusal(gateway, code="upstream.tls", status=502):
    """The answer tells the code only, the log what was wrong."""
    answer = get(gateway.port, "/svc/x")
    assert (answer.status, answer.code) == (status, code)
    line = gateway.access_line(lambda e: e.get("code") == code)
    for word in ("certificate", "127.0.0.1", "alert"):
        assert word not in answer.json()["detail"]
    return line["detail"]


@BACKENDS
def test_a_service_with_a_trusted_certificate_is_reached(ca, local, backend):
    with SecureEcho(context=serving(local)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}"), env={"PORTICO_IO": backend}) as gateway:
            with Client(gateway.port) as client:
                for n in range(20):
                    seen = client.get(f"/svc/{n}").json()
                    assert seen["connection"] == 0 and seen["target"] == f"/{n}"
            assert dict(seen["headers"])["Host"] == upstream.authority
            gateway.expect_metric(1, "portico_upstream_connects_total", service="svc")
            gateway.expect_metric(19, "portico_upstream_reuses_total", service="svc")
        assert upstream.names == [None]  # an address is no name


def test_a_name_is_asked_for_and_verified_and_the_host_stays_as_configured(ca):
    with SecureEcho(context=serving(ca.issue("users.internal"))) as upstream:
        tls = f"ca: {ca.cert_file}, server_name: Users.Internal"
        with Gateway(config(upstream, tls=tls)) as gateway:
            assert dict(get(gateway.port, "/svc/x").json()["headers"])["Host"] == upstream.authority
        assert upstream.names == ["users.internal"]


def test_the_endpoints_own_name_is_verified(ca, local):
    with SecureEcho(context=serving(local)) as upstream:
        url = f"https://localhost:{upstream.port}"
        with Gateway(config(url, tls=f"ca: {ca.cert_file}")) as gateway:
            assert dict(get(gateway.port, "/svc/x").json()["headers"])["Host"] == f"localhost:{upstream.port}"
        assert upstream.names == ["localhost"]


def test_a_certificate_for_another_name_is_refused(ca):
    with SecureEcho(context=serving(ca.issue("other.internal"))) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}, server_name: users.internal")) as gateway:
            assert "its certificate is not for users.internal but for other.internal" in refusal(gateway)
        assert upstream.requests == [] and len(upstream.refused) == 1


def test_an_expired_certificate_is_refused(ca):
    with SecureEcho(context=serving(ca.issue("127.0.0.1", from_days=-10, to_days=-1))) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}")) as gateway:
            assert "its certificate expired on 2" in refusal(gateway)


@pytest.mark.parametrize("settings", ["system", "other"])
def test_an_unknown_authority_is_refused(ca, local, settings, tmp_path):
    with SecureEcho(context=serving(local)) as upstream:
        other = Authority(tmp_path, "Other CA")
        with Gateway(config(upstream, tls=f"ca: {other.cert_file}" if settings == "other" else "")) as gateway:
            assert "issued by an authority that is not trusted: CN=Test CA" in refusal(gateway)


def test_the_systems_authorities_are_trusted_where_none_are_named(ca, local):
    with SecureEcho(context=serving(local)) as upstream:
        with Gateway(config(upstream), env={"SSL_CERT_FILE": ca.cert_file}) as gateway:
            assert get(gateway.port, "/svc/x").status == 200


def test_verify_false_believes_anybody_and_check_warns(tmp_path):
    nobody = Authority(tmp_path, "Nobody")
    with SecureEcho(context=serving(nobody.issue("elsewhere", to_days=-1, from_days=-2))) as upstream:
        text = config(upstream, tls="verify: false")
        with Gateway(text) as gateway:
            assert get(gateway.port, "/svc/x").status == 200
        told = check(text)
        assert told.code == 0 and "tls-unverified" in told.text


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_gateways_own_certificate_is_shown_where_one_is_wanted(ca, local, version):
    own = ca.issue("gateway", file="own")
    with SecureEcho(context=serving(local, wanted_client=ca, newest=version)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}, cert: {own.cert_file}, key: {own.key_file}")) as gateway:
            assert get(gateway.port, "/svc/x").status == 200
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}")) as gateway:
            wanted = "handshake failure" if version == ssl.TLSVersion.TLSv1_2 else "certificate required"
            assert f'it sent the alert "{wanted}"' in refusal(gateway)


def test_a_service_that_speaks_no_tls_is_told_from_one_that_is_refused(ca):
    with Scripted(lambda c: c.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")) as upstream:
        with Gateway(config(f"https://{upstream.authority}", tls=f"ca: {ca.cert_file}")) as gateway:
            assert "what it sent is not TLS" in refusal(gateway)


def test_a_service_that_closes_in_the_handshake_is_told(ca):
    with Scripted(lambda c: c.sock.recv(10000)) as upstream:
        with Gateway(config(f"https://{upstream.authority}", tls=f"ca: {ca.cert_file}")) as gateway:
            assert "it closed the connection during the handshake" in refusal(gateway)


def test_a_handshake_that_takes_too_long_is_a_connect_timeout(ca):
    with Scripted(lambda c: c.wait_for_close()) as upstream:
        text = config(f"https://{upstream.authority}", tls=f"ca: {ca.cert_file}", more=", timeouts: { connect: 200ms }")
        with Gateway(text) as gateway:
            started = time.monotonic()
            assert "the TLS handshake took too long" in refusal(gateway, "upstream.connect_timeout", 504)
            assert 0.15 < time.monotonic() - started < 3


def test_another_endpoint_is_asked_where_one_is_not_believed(ca, local, tmp_path):
    wrong = Authority(tmp_path, "Other CA").issue("127.0.0.1", file="wrong")
    with SecureEcho("bad", context=serving(wrong)) as bad, SecureEcho("good", context=serving(local)) as good:
        with Gateway(config(bad, good, tls=f"ca: {ca.cert_file}")) as gateway:
            for n in range(6):
                answer = fetch(gateway.port, "POST", "/svc/x", body=b"%d" % n)
                assert answer.json()["upstream"] == "good"
        assert bad.requests == []


def test_a_service_may_have_endpoints_of_both_kinds(ca, local):
    with SecureEcho("tls", context=serving(local)) as secure, Echo("plain") as plain:
        with Gateway(config(secure, plain, tls=f"ca: {ca.cert_file}")) as gateway:
            seen = [get(gateway.port, "/svc/x").json()["upstream"] for _ in range(8)]
        assert sorted(set(seen)) == ["plain", "tls"]


@BACKENDS
@pytest.mark.parametrize("size", [0, 1, 1000, 16384, 16385, 131073, 1 << 20, 8 << 20])
def test_bodies_pass_whole_both_ways(ca, local, size, backend):
    body = os.urandom(size)
    digest = hashlib.sha256(body).hexdigest()

    def script(connection):
        while True:
            request = connection.read_request()
            assert request.sha256 == digest and request.length == size
            connection.answer(body)

    with Secure(script, serving(local)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}"), env={"PORTICO_IO": backend}) as gateway, Client(gateway.port) as client:
            for _ in range(2):
                answer = client.request("PUT", "/svc/x", body=body)
                assert (answer.status, answer.length, answer.sha256) == (200, size, digest)
        assert len(upstream.connections) == 1


def test_a_slow_client_holds_the_service_back(ca, local):
    sent = []

    def script(connection):
        connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 << 20))
        for _ in range(64):
            connection.send(bytes(1 << 20))
            sent.append(1)

    with Secure(script, serving(local)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}")) as gateway, Client(gateway.port, receive_buffer=1 << 16) as client:
            client.send_head("GET", "/svc/x")
            eventually(lambda: len(sent) > 0, "the first part")
            time.sleep(0.3)
            assert len(sent) < 40
            assert client.read_response().length == 64 << 20


def test_a_body_until_close_ends_where_the_service_says_so_and_is_broken_where_it_does_not(ca, local):
    def script(connection):
        request = connection.read_request()
        connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the close")
        if request.target == "/whole":
            end_in_order(connection)
        else:
            connection.half_close()  # of TCP alone, as somebody on the way could do it

    with Secure(script, serving(local)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}")) as gateway:
            assert get(gateway.port, "/svc/whole").body == b"until the close"
            with pytest.raises((Incomplete, ConnectionError)):
                get(gateway.port, "/svc/cut")
            line = gateway.access_line(lambda e: e["path"] == "/svc/cut")
            assert line["code"] == "upstream.closed" and "the connection was cut" in line["detail"]


def test_the_gateway_says_its_end_in_order(ca, local):
    ended = threading.Event()

    def script(connection):
        connection.read_request()
        connection.answer(b"ok")
        if connection.sock.recv(1) == b"":  # an end without close_notify would raise
            ended.set()

    with Secure(script, serving(local)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}", more=", idle_connection: 100ms")) as gateway:
            assert get(gateway.port, "/svc/x").status == 200
            assert ended.wait(5)


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_kept_connection_that_the_service_has_closed_is_not_used(ca, local, method, in_order):
    def script(connection):
        connection.read_request()
        connection.answer(b"%d" % connection.number)
        if in_order:
            end_in_order(connection)

    with Secure(script, serving(local)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}")) as gateway:
            assert get(gateway.port, "/svc/1").body == b"0"
            upstream.wait_idle()
            time.sleep(0.05)
            answer = fetch(gateway.port, method, "/svc/2", body=b"x" if method == "POST" else None)
            assert (answer.status, answer.body) == (200, b"1")


def test_a_get_is_sent_again_where_a_kept_connection_dies_under_it(ca, local):
    def script(connection):
        connection.read_request()
        connection.answer(b"%d" % connection.number)
        if connection.number == 0:
            connection.read_request()

    with Secure(script, serving(local)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}")) as gateway:
            assert get(gateway.port, "/svc/1").body == b"0"
            assert get(gateway.port, "/svc/2").body == b"1"
            assert gateway.access_line(lambda e: e["path"] == "/svc/2")["retry"] == "stale_connection"


def test_a_second_connection_resumes_the_session_of_the_first(ca, local):
    def script(connection):
        connection.read_request()
        connection.answer(b"ok", headers=[("Connection", "close")])

    with Secure(script, serving(local)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}")) as gateway:
            for _ in range(4):
                assert get(gateway.port, "/svc/x").status == 200
        assert upstream.resumed == [False, True, True, True]


@pytest.mark.parametrize("timeout,code", [("first_byte", "upstream.first_byte_timeout"), ("total", "upstream.total_timeout")])
def test_a_service_that_goes_silent_is_timed_as_ever(ca, local, timeout, code):
    def script(connection):
        connection.read_request()
        connection.wait_for_close()

    with Secure(script, serving(local)) as upstream:
        text = config(upstream, tls=f"ca: {ca.cert_file}", more=f", timeouts: {{ {timeout}: 200ms }}")
        with Gateway(text) as gateway:
            answer = get(gateway.port, "/svc/x")
            assert (answer.status, answer.code) == (504, code)


def test_a_client_that_leaves_takes_the_connection_with_it(ca, local):
    left = threading.Event()

    def script(connection):
        connection.read_request()
        try:
            connection.wait_for_close()
        except OSError:
            pass
        left.set()

    with Secure(script, serving(local)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}", file="timeouts: { half_close: 10ms }")) as gateway:
            with Client(gateway.port) as client:
                client.send_head("GET", "/svc/x")
                upstream.wait(lambda: upstream.requests, "the request")
            assert left.wait(5)


def test_a_reload_keeps_connections_of_equal_settings_and_drops_those_of_others(ca, local, tmp_path):
    with SecureEcho(context=serving(local)) as upstream:
        text = config(upstream, tls=f"ca: {ca.cert_file}")
        with Gateway(text) as gateway:
            assert get(gateway.port, "/svc/x").json()["connection"] == 0
            gateway.reload()
            assert get(gateway.port, "/svc/x").json()["connection"] == 0
            gateway.reload(text.replace("}, ", "},  ") + "limits: { fields: 64 }\n")
            assert get(gateway.port, "/svc/x").json()["connection"] == 0
            # The same file under the same name, with another authority in it.
            other = Authority(tmp_path, "Other CA")
            other.write_to(ca.cert_file)
            gateway.reload()
            assert "not trusted" in refusal(gateway)
            ca.write_to(ca.cert_file)
            gateway.reload()
            assert get(gateway.port, "/svc/x").json()["connection"] > 0


def test_a_reload_with_a_bad_file_changes_nothing(ca, local):
    with SecureEcho(context=serving(local)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}")) as gateway:
            with open(ca.cert_file, "w", encoding="ascii") as f:
                f.write("half a certif")
            said = gateway.reload(refused=True)
            assert any("holds no certificate in PEM form" in line for line in said)
            assert get(gateway.port, "/svc/x").status == 200


BAD = [
    ("https://127.0.0.1", "ca: /nowhere/ca.pem", "/nowhere/ca.pem cannot be read: No such file or directory"),
    ("https://127.0.0.1", "ca: {key}", "holds no certificate in PEM form"),
    ("https://127.0.0.1", "cert: {cert}", 'cert and key go together: "key" is missing'),
    ("https://127.0.0.1", "cert: {cert}, key: {ca_key}", "is not the key of the certificate"),
    ("https://127.0.0.1", "cert: {cert}, key: {cert}", "holds no private key in PEM form"),
    ("https://127.0.0.1", "server_name: https://x", "expected a host name or an IP address"),
    ("https://127.0.0.1", "ca_file: x", 'unknown key "ca_file"'),
    ("http://127.0.0.1:80", "verify: true", "nothing here would be encrypted"),
]


@pytest.mark.parametrize("url,tls,message", BAD)
def test_a_fault_of_the_settings_is_told_at_its_place(ca, local, url, tls, message):
    tls = tls.format(cert=local.cert_file, key=local.key_file, ca_key=ca.key_file)
    told = check(config(url, tls=tls))
    assert told.code == 1 and message in told.text and "portico.yaml:3:" in told.text


def test_explain_shows_https_endpoints():
    told = explain(config("https://users.internal", "http://10.0.0.1:8080"), "GET", "/svc/x")
    assert told.code == 0
    assert "https://users.internal\n" in told.out and "http://10.0.0.1:8080\n" in told.out and "Host: users.internal\n" in told.out


def test_a_stream_of_small_answers_is_not_delayed(ca, local):
    with Secure(answering(b"ok"), serving(local)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}")) as gateway, Client(gateway.port) as client:
            client.get("/svc/x")
            started = time.monotonic()
            for _ in range(50):
                assert client.get("/svc/x").status == 200
            assert time.monotonic() - started < 1.5  # a delayed acknowledgement each would take 2 s


def test_workers_share_the_settings(ca, local):
    with SecureEcho(context=serving(local)) as upstream:
        with Gateway(config(upstream, tls=f"ca: {ca.cert_file}").replace("workers: 1", "workers: 4")) as gateway:
            wrong = []

            def ask():
                for n in range(10):
                    with Client(gateway.port) as client:
                        body = os.urandom(3000)
                        answer = client.request("POST", f"/svc/{n}", body=body)
                        if answer.status != 200 or answer.json()["sha256"] != hashlib.sha256(body).hexdigest():
                            wrong.append(answer.status)

            threads = [threading.Thread(target=ask) for _ in range(12)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            assert wrong == []
