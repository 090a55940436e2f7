"""The admin pages, the metrics and the access log: what is said of each request, and that nothing breaks a line of it."""
import json
import os
import re
import signal
import time

import pytest

from support.client import Client, fetch, get, head
from support.gateway import Gateway, check
from support.tokens import SECRET, hs
from support.upstream import Echo, Scripted, eventually, unused_port

CONFIG = """
services: {{ svc: {url} }}
policies: {{ watched: {{ ip_access: {{ deny: [127.0.0.1] }}, mode: shadow }} }}
routes:
  - {{ name: general, match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}" }} }}
  - {{ name: fixed, match: /fixed, respond: {{ body: ok }} }}
  - {{ name: shadowed, match: /shadowed, use: [watched], respond: {{ body: ok }} }}
"""


@pytest.fixture(scope="module")
def echo():
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        yield gateway, upstream


@pytest.fixture
def gateway(echo):
    return echo[0]


def line_of(gateway, request_id):
    """The line of the access log for one request."""
    return gateway.access_line(lambda e: e["request_id"] == request_id)


def test_live_and_ready(gateway):
    assert get(gateway.admin_port, "/live").status == 200
    answer = get(gateway.admin_port, "/ready")
    assert answer.status == 200 and answer.json()["ready"] is True


def test_the_admin_pages_are_read_only(gateway):
    answer = fetch(gateway.admin_port, "POST", "/metrics")
    assert answer.status == 405 and "GET" in answer.get("allow")


def test_an_unknown_admin_page_is_404_and_names_those_that_there_are(gateway):
    answer = get(gateway.admin_port, "/nothing")
    assert answer.status == 404 and b"/metrics" in answer.body


def test_the_admin_listener_never_forwards(echo):
    gateway, upstream = echo
    before = len(upstream.requests)
    assert get(gateway.admin_port, "/svc/x").status == 404 and len(upstream.requests) == before


def test_the_public_listener_has_no_admin_pages(gateway):
    for page in ("/metrics", "/live", "/ready"):
        assert get(gateway.port, page).status == 404


def test_metrics_are_prometheus_text(gateway):
    get(gateway.port, "/svc/x")
    answer = get(gateway.admin_port, "/metrics")
    assert answer.status == 200 and answer.get("content-type").startswith("text/plain; version=0.0.4")
    families, samples = {}, 0
    for line in answer.body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in families and kind in ("counter", "gauge", "histogram")
            families[name] = kind
        elif not line.startswith("#"):
            matched = re.fullmatch(r'([a-z_:][a-z0-9_:]*)(\{[a-z_]+="(?:[^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*\})? (-?[0-9.e+-]+|\+Inf|NaN)', line)
            assert matched, line
            family = re.sub(r"_(bucket|sum|count)$", "", matched[1]) if matched[1] not in families else matched[1]
            assert family in families, line
            samples += 1
    assert samples > 10


def test_requests_are_counted_by_route_service_and_class(gateway):
    labels = {"route": "general", "service": "svc", "status": "2xx"}
    before = gateway.metric("portico_requests_total", **labels)
    for _ in range(5):
        get(gateway.port, "/svc/x")
    gateway.expect_metric(before + 5, "portico_requests_total", **labels)


def test_errors_are_counted_by_code(gateway):
    before = gateway.metric("portico_errors_total", code="route.service_not_found")
    get(gateway.port, "/nobody/x")
    gateway.expect_metric(before + 1, "portico_errors_total", code="route.service_not_found")


def test_open_connections_are_counted(echo):
    with Gateway(CONFIG.format(url=echo[1].url)) as gateway:
        base = gateway.metric("portico_connections_open")
        clients = [Client(gateway.port) for _ in range(5)]
        gateway.expect_metric(base + 5, "portico_connections_open")
        for client in clients:
            client.close()
        gateway.expect_metric(base, "portico_connections_open")


def test_a_histogram_of_durations_adds_up(gateway):
    before = gateway.metric("portico_request_duration_seconds_count", route="fixed")
    get(gateway.port, "/fixed")
    gateway.expect_metric(before + 1, "portico_request_duration_seconds_count", route="fixed")
    samples = {k: v for k, v in gateway.metrics().items() if k.startswith("portico_request_duration_seconds") and 'route="fixed"' in k}
    buckets = [v for k, v in samples.items() if "_bucket" in k]
    assert buckets == sorted(buckets)
    assert samples['portico_request_duration_seconds_count{route="fixed"}'] == buckets[-1] > 0


def test_a_line_says_everything_of_a_request(echo):
    gateway, upstream = echo
    body = b"x" * 1000
    answer = fetch(gateway.port, "POST", "/svc/some/path?secret=1", [("X-Request-ID", "line-1")], body=body, host="Shop.Example:81")
    line = line_of(gateway, "line-1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert line["trace_id"] == "", "none is made"
    assert line["client"] == "127.0.0.1" and line["method"] == "POST" and line["path"] == "/svc/some/path"
    assert line["host"].lower().startswith("shop.example") and line["status"] == 200
    assert line["route"] == "general" and line["service"] == "svc" and line["endpoint"] == upstream.authority
    assert "code" not in line and line["attempts"] == 1 and "retry" not in line
    assert line["bytes_in"] == 1000 and line["bytes_out"] >= answer.length
    us = line["us"]
    assert us["total"] > 0 and all(us[part] >= 0 for part in ("connect", "first_byte", "body"))
    assert us.get("head", 0) + us["connect"] + us["first_byte"] + us["body"] <= us["total"] + 3


def test_the_query_is_not_logged(gateway):
    """It may hold what nobody should read in a log."""
    get(gateway.port, "/svc/x?token=topsecret", [("X-Request-ID", "line-2")])
    line_of(gateway, "line-2")
    assert not any(b"topsecret" in line for line in gateway.stdout)


def test_credentials_are_not_logged(gateway):
    get(gateway.port, "/svc/x", [("X-Request-ID", "line-3"), ("Authorization", "Bearer topsecret"), ("Cookie", "sid=topsecret")])
    line_of(gateway, "line-3")
    assert not any(b"topsecret" in line for line in gateway.stdout + [s.encode() for s in gateway.stderr])


def test_a_fixed_answer_has_a_route_and_no_service(gateway):
    get(gateway.port, "/fixed", [("X-Request-ID", "line-4")])
    line = line_of(gateway, "line-4")
    assert line["route"] == "fixed" and "service" not in line and "endpoint" not in line and line["status"] == 200


def test_a_refusal_has_a_code(gateway):
    get(gateway.port, "/nobody/x", [("X-Request-ID", "line-5")])
    line = line_of(gateway, "line-5")
    assert line["status"] == 404 and line["code"] == "route.service_not_found"


def test_a_malformed_request_has_a_line_too(gateway):
    with Client(gateway.port) as client:
        client.send(b"GET /malformed HTTP/1.1\r\nBad Name: x\r\n\r\n")
        request_id = client.read_response().get("x-request-id")
    line = line_of(gateway, request_id)
    assert line["status"] == 400 and line["code"] == "http.bad_header"
    assert line["trace_id"] == ""


def test_a_shadow_policy_says_what_it_would_have_done(gateway):
    assert get(gateway.port, "/shadowed", [("X-Request-ID", "line-6")]).status == 200
    line = line_of(gateway, "line-6")
    assert line["status"] == 200 and "watched" in line["shadow"] and "policy.forbidden" in line["shadow"]
    gateway.expect_metric(1, "portico_policy_decisions_total", policy="watched", decision="shadow_refused")


def test_every_request_has_exactly_one_line(gateway):
    with Client(gateway.port) as client:
        client.send(b"".join(head("GET", f"/svc/{n}", [("X-Request-ID", f"many-{n}")]) for n in range(100)))
        for _ in range(100):
            client.read_response()
    line_of(gateway, "many-99")
    ids = [json.loads(line)["request_id"] for line in gateway.stdout]
    assert [i for i in ids if i.startswith("many-")] == [f"many-{n}" for n in range(100)]


ODD = [("path", "/svc/%22%7D%0A"), ("path", "/svc/\"}],"), ("path", "/svc/\xe9\xff\\\""), ("path", "/svc/%E2%80%A8%F0%9F%98%80"), ("host", "a\"b"), ("method", "M'#$%&"),
       ("path", "/svc/\x7f"), ("path", "/svc/<script>")]


@pytest.mark.parametrize("where,text", ODD)
def test_nothing_that_a_client_sends_breaks_a_line(gateway, where, text):
    parts = {"method": "GET", "path": "/svc/x", "host": "a.test", where: text}
    request_id = "odd-" + str(ODD.index((where, text)))
    with Client(gateway.port) as client:
        client.send(f"{parts['method']} {parts['path']} HTTP/1.1\r\nHost: {parts['host']}\r\nX-Request-ID: {request_id}\r\nX-Quote: \"\\\r\n\r\n".encode("latin-1"))
        client.half_close()
        client.read_to_close()
    count = len(gateway.access_lines(0))
    get(gateway.port, "/fixed", [("X-Request-ID", "after-" + request_id)])
    line_of(gateway, "after-" + request_id)
    assert len(gateway.stdout) > count
    for line in gateway.stdout:
        assert line.endswith(b"}\n") and json.loads(line.decode("utf-8"))["us"]


def test_a_log_without_access_is_empty():
    with Gateway("log: { access: false }\nroutes: [{ match: /x, respond: { body: ok } }]\n") as gateway:
        for _ in range(5):
            assert get(gateway.port, "/x").status == 200
        time.sleep(0.05)
        assert gateway.stdout == []


def test_a_log_file_is_written_and_opened_anew_on_usr1(tmp_path):
    path = tmp_path / "access.log"
    with Gateway(f"log: {{ file: {path} }}\nroutes: [{{ match: /x, respond: {{ body: ok }} }}]\n") as gateway:
        get(gateway.port, "/x", [("X-Request-ID", "first")])
        eventually(lambda: path.exists() and b"first" in path.read_bytes(), "the first line")
        os.rename(path, tmp_path / "rotated.log")
        gateway.process.send_signal(signal.SIGUSR1)
        time.sleep(0.1)
        get(gateway.port, "/x", [("X-Request-ID", "second")])
        eventually(lambda: path.exists() and b"second" in path.read_bytes(), "the line in the new file")
        assert b"second" not in (tmp_path / "rotated.log").read_bytes()


def test_a_slow_reader_of_the_log_does_not_stop_the_gateway():
    with Gateway("routes: [{ match: /x, respond: { body: ok } }]\n") as gateway:
        with gateway.changed:  # the thread that reads the log waits for this
            with Client(gateway.port) as client:
                for _ in range(20):
                    client.send(b"".join(head("GET", "/x", [("X-Request-ID", "r" * 100)]) for _ in range(50)))
                    for _ in range(50):
                        assert client.read_response().status == 200
        gateway.access_lines(1000)


def test_the_upstreams_insides_are_in_the_log_and_not_in_the_answer():
    holder, port = unused_port()
    with holder, Gateway(CONFIG.format(url=f"http://127.0.0.1:{port}")) as gateway:
        answer = get(gateway.port, "/svc/x")
        assert answer.status == 502 and str(port).encode() not in answer.body
        line = gateway.access_lines()[0]
        assert line["endpoint"] == f"127.0.0.1:{port}" and line["code"] == "upstream.refused"


def test_the_times_of_a_line_tell_where_the_time_went():
    def script(connection):
        connection.read_request()
        time.sleep(0.15)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        time.sleep(0.1)
        connection.send(b"cd")

    with Scripted(script) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        assert get(gateway.port, "/svc/x").body == b"abcd"
        us = gateway.access_lines()[0]["us"]
    assert us["first_byte"] >= 140_000 and us["body"] >= 90_000 and us["total"] >= 240_000 and us["connect"] < 100_000


def test_a63_long_texts_of_clients_fill_no_log(gateway):
    """15 KB of path are 1 KiB of log."""
    path = "/fixed/" + "x" * 15000
    assert get(gateway.port, path, [("X-Request-ID", "long-path")]).status == 404
    line = line_of(gateway, "long-path")
    assert line["path"] == path[:1024] and line["path_bytes"] == len(path)
    get(gateway.port, "/fixed", [("X-Request-ID", "short-path")])
    assert "path_bytes" not in line_of(gateway, "short-path")


HIDDEN = "\x7f\u009b\u0085\u202e\u2066\u200f\u061c\u2028\u2029\u0000\x1b"


@pytest.mark.parametrize("where", ["sub", "kid"])
def test_t58_controls_and_direction_marks_of_a_token_are_escaped_in_the_log(where):
    """A terminal that shows the log obeys none of them, and a reader sees the text in its order."""
    text = f"a{HIDDEN}b\u00e9\u4e16"
    token = hs({"sub": text if where == "sub" else "u", "exp": int(time.time()) + 60}, SECRET, **({"kid": text} if where == "kid" else {}))
    config = f"routes: [{{ name: r, match: /x, use: [{{ jwt: {{ algorithms: [HS256], secret: {SECRET} }} }}], respond: {{}} }}]\n"
    with Gateway(config) as gateway:
        status = get(gateway.port, "/x", [("Authorization", f"Bearer {token}")]).status
        line = gateway.access_line(lambda e: e["path"] == "/x")
        raw = gateway.stdout[0].decode()
        assert not any(c in raw for c in HIDDEN) and raw.endswith("}\n")
        if where == "sub":
            assert status == 200 and line["subject"] == text and "\u00e9\u4e16" in raw


def degraded(gateway):
    return get(gateway.admin_port, "/ready").json().get("degraded", [])


def test_t42_a_name_that_does_not_resolve_stands_in_ready_and_in_the_detail():
    config = ("services: { svc: 'http://nobody.invalid:80' }\nroutes: [{ match: /x, forward: { service: svc } }]\n")
    with Gateway(config) as gateway:
        eventually(lambda: any(d.startswith("service svc: nobody.invalid does not resolve: ") for d in degraded(gateway)), "the name in /ready")
        answer = get(gateway.port, "/x")
        assert answer.status == 503 and b"nobody.invalid" not in answer.body
        line = gateway.access_line(lambda e: e["path"] == "/x")
        assert line["detail"].startswith("service svc: nobody.invalid does not resolve: ") and len(line["detail"]) > len("service svc: nobody.invalid does not resolve: ")
        gateway.reload("routes: [{ match: /x, respond: {} }]\n")
        assert degraded(gateway) == []


def test_t42_keys_that_were_never_fetched_stand_in_ready_with_the_reason():
    holder, port = unused_port()  # held, so that nobody else gets it
    url = f"http://127.0.0.1:{port}/keys"
    config = (f"policies: {{ p: {{ jwt: {{ algorithms: [RS256], issuer: 'https://id.test', audience: a, jwks: {{ url: '{url}' }} }} }} }}\n"
              "routes: [{ match: /x, use: [p], respond: {} }]\n")
    with Gateway(config) as gateway:
        eventually(lambda: any(d.startswith(f"keys of {url}: could not be fetched: upstream.refused: GET {url}") for d in degraded(gateway)), "the keys in /ready")
        assert get(gateway.admin_port, "/ready").status == 200
        gateway.reload("routes: [{ match: /x, respond: {} }]\n")
        eventually(lambda: degraded(gateway) == [], "nothing once the policy is gone")
    holder.close()


def test_t60_a_wrong_url_of_a_discovery_document_is_named_with_its_status():
    with Scripted(lambda c: (c.read_request(), c.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))) as issuer:
        config = (f"routes: [{{ match: /x, use: [{{ jwt: {{ algorithms: [RS256], audience: a, oidc: {{ issuer: '{issuer.url}' }} }} }}], respond: {{}} }}]\n")
        with Gateway(config) as gateway:
            line = gateway.wait_for_line(f"portico: the keys of {issuer.url} could not be fetched: ")
            assert f"GET {issuer.url}/.well-known/openid-configuration: it answered with status 404, where 200 is wanted" in line


@pytest.mark.parametrize("answer, detail", [
    (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP/1.0 or HTTP/1.1: it begins \"SSH-2.0-OpenSSH_9.2\""),
    (b"HTTP/1.1 abc No\r\n\r\n", "the answer has no status of three digits from 100 to 599 behind its version: it begins \"HTTP/1.1 abc No\""),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "the answer's body has no one length: Content-Length: \"5\", Content-Length: \"6\""),
    (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "the answer's head is not valid HTTP ("),
])
def test_t60_a_broken_answer_is_told_with_what_came(answer, detail):
    with Scripted(lambda c: (c.read_request(), c.send(answer))) as upstream:
        with Gateway(f"services: {{ svc: {upstream.url} }}\nroutes: [{{ match: /x, forward: {{ service: svc }} }}]\n") as gateway:
            got = get(gateway.port, "/x")
            assert got.status == 502 and b"SSH" not in got.body
            line = gateway.access_line(lambda e: e["path"] == "/x")
            assert line["code"] == "upstream.protocol" and line["detail"].startswith(detail), line["detail"]


def test_t88_a_route_without_a_name_keeps_it_where_another_one_comes_before():
    limited = "{ match: { path: '/users/{id}', methods: GET, host: api.example.com }, use: [{ rate_limit: { key: all-of, limit: 1, window: 1h } }], respond: {} }".replace("all-of", "header.x-k")
    name = "GET api.example.com/users/{id}"
    with Gateway(f"routes: [{limited}]\n") as gateway:
        ask = lambda: get(gateway.port, "/users/7", [("X-K", "a")], host="api.example.com").status
        assert (ask(), ask()) == (200, 429)
        gateway.reload(f"routes: [{{ match: /new, respond: {{}} }}, {limited}]\n")
        assert ask() == 429, "its limit goes on"
        assert get(gateway.port, "/new").status == 200
        assert {line["route"] for line in gateway.access_lines(4)} == {name, "/new"}
        gateway.expect_metric(3, "portico_request_duration_seconds_count", route=name)


REDACTED = """
log: {{ redact: [code, "**"] }}
services: {{ svc: {url} }}
routes:
  - {{ name: login, match: {{ path: "/login/{{user}}/{{password}}", methods: [GET] }}, forward: {{ service: svc }} }}
  - {{ name: invite, match: "/invite/{{Code}}/to/{{who}}", respond: {{ body: "{{Code}}" }} }}
  - {{ name: files, match: "/files/{{id}}/**", respond: {{ body: ok }} }}
  - {{ name: odd, match: "/odd/{{token:[0-9]+}}", encoded: allow, respond: {{ body: ok }} }}
  - {{ name: host, match: {{ host: only.test, path: "/only/{{code}}" }}, respond: {{ body: ok }} }}
  - {{ name: beta, match: {{ path: "/beta/{{secret}}", headers: {{ X-Beta: "1" }} }}, respond: {{ body: ok }} }}
"""


@pytest.mark.parametrize("method,target,path", [
    ("GET", "/login/bob/hunter2", "/login/bob/…"), ("GET", "//login/./bob/%68unter2?password=hunter2", "/login/bob/…"), ("GET", "/login/hunter2/hunter2", "/login/hunter2/…"),
    ("GET", "/invite/hunter2/to/bob", "/invite/…/to/bob"), ("GET", "/files/7/hunter2/x", "/files/7/…"), ("GET", "/files/7/", "/files/7/"), ("GET", "/files/7", "/files/7"),
    ("GET", "/odd/7", "/odd/…"), ("GET", "/odd/hunter", "/odd/…"),
    ("POST", "/login/bob/hunter2", "/login/bob/…"), ("GET", "/beta/hunter2", "/beta/…"), ("GET", "/login/bob/hunter2%2F", "/login/bob/…"),
    ("GET", "/login/bob/hunter2/", "/login/bob/…/"), ("GET", "/login/bob/hunter2/x", "/login/bob/…/x"), ("GET", "/invite/hunter2", "/invite/…"), ("GET", "/invite/hunter2/too/bob", "/invite/…/too/bob"),
    ("GET", "/only/hunter2", "/only/…"), ("GET", "/lo/hunter2", "/lo/hunter2"), ("POST", "/files/7/", "/files/7/")])
def test_t85_the_log_shows_no_parameter_of_a_path_that_is_to_be_redacted(method, target, path):
    """Nor where no route took the request, whatever is missing."""
    with Echo() as upstream, Gateway(REDACTED.format(url=upstream.url)) as gateway:
        fetch(gateway.port, method, target, [("X-Request-ID", "redacted")])
        line = line_of(gateway, "redacted")
        assert line["path"] == path and ("hunter2" not in json.dumps(line) or "hunter2" in path), line
        if line["status"] == 200 and line["route"] == "login":
            assert upstream.requests[0].target.endswith(path[:-1] + "hunter2") or "?" in target, "the service gets it as it is"


@pytest.mark.parametrize("paths,targets,shown", [
    (["/invite/{token}", "/join/{id}"], ["/invite/abcdefgh", "/join/1", "/invite/x", "/join/12345678901234567890"], ["/invite/…", "/join/1", "/invite/…", "/join/12345678901234567890"]),
    (["/reset/{token}", "/reset"], ["/reset/1234567890", "/reset", "/reset"], ["/reset/…", "/reset", "/reset"]),
])
def test_a_parameter_of_another_path_of_the_route_holds_nothing_of_an_earlier_request(paths, targets, shown):
    with Gateway("workers: 1\nroutes: [{ match: { path: ['" + "', '".join(paths) + "'] }, respond: { body: ok } }, { match: '/users/{id}', respond: {} }]\n") as gateway:
        for number, (target, path) in enumerate(zip(targets, shown)):
            get(gateway.port, "/users/" + "7" * 40)
            assert get(gateway.port, target, [("X-Request-ID", f"uneven-{number}")]).status == 200
            assert line_of(gateway, f"uneven-{number}")["path"] == path


def test_what_several_routes_hide_of_one_path_is_hidden_together():
    routes = ", ".join(f"{{ match: {{ path: '{p}', methods: [GET] }}, respond: {{}} }}" for p in ("/s/{token}/x", "/s/**"))
    with Gateway(f"log: {{ redact: '**' }}\nroutes: [{routes}]\n") as gateway:
        fetch(gateway.port, "POST", "/s/hunter/x", [("X-Request-ID", "overlap")])
        line = line_of(gateway, "overlap")
        assert line["status"] == 405 and line["path"].startswith("/s/…") and "hunter" not in line["path"] and "x" not in line["path"], line


def test_a_redacted_name_that_no_path_has_is_warned_of():
    ran = check("log: { redact: [cod, '{pin}'] }\nroutes: [{ match: '/invite/{code}', respond: {} }]\n")
    assert "write pin" in ran.text, ran.text
    ran = check("log: { redact: cod }\nroutes: [{ match: '/invite/{code}', respond: {} }]\n")
    assert ran.code == 0 and "no route has a parameter {cod}" in ran.text, ran.text
