"""forward_auth: another service decides, by a question that no client can forge, and nobody passes while it cannot."""
import threading

import pytest

from support.client import Client, fetch, get
from support.gateway import Gateway, check, explain
from support.upstream import Echo, Scripted, eventually, unused_port

CONFIG = """
policies:
  web: {{ cors: {{ origins: https://app.test }} }}
  ask: {{ forward_auth: {{ service: auth, path: /verify, copy: {{ X-User-ID: sub, X-Groups: {{ list: groups }}, X-Note: ~ }} }} }}
  plain: {{ forward_auth: {{ service: auth, send: [X-Ticket], copy: [X-Plan] }} }}
  lenient: {{ forward_auth: {{ service: auth, copy: {{ X-Guest: name }}, on_failure: allow, timeout: 100ms }} }}
  by_path: {{ forward_auth: {{ service: auth, path: "/may/{{id}}?m={{request.method}}" }} }}
  by_team: {{ forward_auth: {{ service: auth, path: "/may?t={{query.t}}&k={{header.X-Kind}}", on_failure: allow }} }}
  dead: {{ forward_auth: {{ service: dead }} }}
  dead_open: {{ forward_auth: {{ service: dead, copy: {{ X-Ghost: sub }}, on_failure: allow }} }}
  slow: {{ forward_auth: {{ service: auth, path: /slow, timeout: 100ms }} }}
  hang: {{ forward_auth: {{ service: auth, path: /slow }} }}
  key: {{ api_key: {{ keys: [{{ name: robot, sha256: "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" }}] }} }}
  either: {{ any_of: [key, ask] }}
  shadow: {{ mode: shadow, forward_auth: {{ service: auth, send: [X-Ticket] }} }}
services:
  svc: {url}
  auth: {{ endpoints: ["{auth}"], internal: true }}
  dead: {{ endpoints: ["http://127.0.0.1:{dead}"], internal: true }}
routes:
  - {{ match: "/ask/**", use: [web, ask], forward: {{ service: svc, path: "/{{claims.sub}}" }} }}
  - {{ match: "/either", use: [either], forward: {{ service: svc, path: "/{{claims.sub}}" }} }}
  - {{ match: "/plain/**", use: [plain], forward: {{ service: svc }} }}
  - {{ match: /lenient, use: [lenient], forward: {{ service: svc }} }}
  - {{ match: "/by/{{id}}", use: [by_path], forward: {{ service: svc }} }}
  - {{ match: /team, use: [by_team], forward: {{ service: svc }} }}
  - {{ match: /dead, use: [dead], forward: {{ service: svc }} }}
  - {{ match: /dead-open, use: [dead_open], forward: {{ service: svc }} }}
  - {{ match: /slow, use: [slow], forward: {{ service: svc }} }}
  - {{ match: /hang, use: [hang], forward: {{ service: svc }} }}
  - {{ match: /shadow, use: [shadow], forward: {{ service: svc }} }}
  - {{ match: /open, forward: {{ service: svc }} }}
"""


class Auth(Scripted):
    """Answers with what the test put into `reply`: status line, headers, body."""

    def __init__(self):
        self.reply = ("200 OK", [("X-User-ID", "alice")], b"")
        self.release = threading.Event()
        super().__init__(self._talk)

    def _talk(self, connection):
        while True:
            request = connection.read_request()
            if request.target == "/slow":
                self.release.wait(5)
                return
            status, headers, body = self.reply
            connection.answer(body, status, headers)

    @property
    def last(self):
        return self.requests[-1]


@pytest.fixture(scope="module")
def running():
    holder, dead = unused_port()
    with holder, Echo() as upstream, Auth() as auth:
        with Gateway(CONFIG.format(url=upstream.url, auth=auth.url, dead=dead)) as gateway:
            yield gateway, upstream, auth
            auth.release.set()


@pytest.fixture
def setup(running):
    running[2].reply = ("200 OK", [("X-User-ID", "alice")], b"")
    return running


def test_whoever_it_names_is_the_identity(setup):
    gateway, upstream, auth = setup
    auth.reply = ("204 No Content", [("X-User-ID", "alice"), ("X-Groups", "staff, admins"), ("X-Note", "hello"), ("X-Secret", "s")], b"")
    answer = get(gateway.port, "/ask/x", [("Authorization", "Bearer t"), ("X-Request-ID", "who-1")])
    assert answer.status == 200
    seen = upstream.last
    assert seen.target == "/alice"
    assert seen.all("X-User-ID") == ["alice"] and seen.all("X-Groups") == ["staff, admins"] and seen.all("X-Note") == ["hello"]
    assert not seen.all("X-Secret")
    assert gateway.access_line(lambda e: e["request_id"] == "who-1")["subject"] == "alice"


def test_r14_the_question_is_a_message_of_its_own(setup):
    gateway, _, auth = setup
    with Client(gateway.port) as client:
        client.send_head("POST", "/ask/a%20b?q=1", [("Authorization", "Bearer t"), ("Cookie", "c=1"), ("Transfer-Encoding", "chunked"), ("Expect", "100-continue"),
                                                    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"),
                                                    ("Content-Type", "text/plain"), ("X-Other", "o"), ("Trailer", "X-T"), ("TE", "trailers")])
        client.send(b"5\r\nhello\r\n0\r\n\r\n")
        assert client.read_response().status == 200
    asked = auth.last
    assert asked.method == "GET" and asked.target == "/verify" and asked.length == 0 and not asked.chunked
    assert asked.get("Authorization") == "Bearer t" and asked.get("Cookie") == "c=1"
    assert asked.get("X-Forwarded-Method") == "POST" and asked.get("X-Forwarded-Uri") == "/ask/a%20b?q=1"
    assert asked.get("X-Request-ID") and asked.get("traceparent") and asked.get("Host") == auth.authority
    for name in ("Transfer-Encoding", "Content-Length", "Expect", "Content-Type", "X-Other", "Trailer", "TE", "Connection"):
        assert not asked.all(name), name


def test_r5_forwarding_headers_are_the_gateways_own(setup):
    gateway, _, auth = setup
    get(gateway.port, "/ask/x", [("X-Forwarded-Prefix", "/admin"), ("X-Forwarded-Uri", "/public"), ("X_Forwarded_Method", "HEAD"), ("X-Forwarded-For", "10.0.0.1"),
                                 ("X-Forwarded-Host", "evil"), ("X-Forwarded-Proto", "https"), ("X-Real-IP", "10.0.0.1"), ("Authorization", "t")])
    asked = auth.last
    assert asked.get("X-Forwarded-Uri") == "/ask/x" and asked.get("X-Forwarded-For") == "127.0.0.1" and asked.get("X-Forwarded-Host") == "gateway.test"
    assert asked.get("X-Forwarded-Proto") == "http" and asked.get("X-Forwarded-Method") == "GET"
    for name in ("X-Forwarded-Prefix", "X_Forwarded_Method", "X-Real-IP"):
        assert not asked.all(name), name


def test_the_path_that_is_judged_is_the_one_that_is_sent(setup):
    gateway, _, auth = setup
    get(gateway.port, "/ask/b/../%61dmin", [("Authorization", "t")])
    assert auth.last.get("X-Forwarded-Uri") == "/ask/admin"


@pytest.mark.parametrize("name", ["X-User-ID", "x_user_id", "X-USER-ID"])
@pytest.mark.parametrize("path", ["/ask/x", "/open", "/plain/x", "/dead-open", "/lenient"])
def test_r4_a_client_never_names_itself(setup, path, name):
    gateway, upstream, auth = setup
    auth.reply = ("200 OK", [("X-User-ID", "alice")], b"")
    assert get(gateway.port, path, [(name, "root"), ("X-Ghost", "root"), ("X-Groups", "admins"), ("X-Note", "n")]).status == 200
    seen = upstream.last
    assert seen.all("X-User-ID") == (["alice"] if path == "/ask/x" else []) and not seen.all("x_user_id")
    assert not seen.all("X-Groups") and not seen.all("X-Note") and not seen.all("X-Ghost")


@pytest.mark.parametrize("headers", [[], [("X-User-ID", "")], [("X-Note", "n")], [("X-User-ID", "alice"), ("x-user-id", "root")], [("X-User-ID", "caf\xe9")]])
def test_an_answer_that_names_nobody_or_two_lets_nobody_pass(setup, headers):
    gateway, upstream, auth = setup
    auth.reply = ("200 OK", headers, b"")
    before = len(upstream.requests)
    answer = get(gateway.port, "/ask/x")
    assert answer.status == 503 and answer.code == "forward_auth.unavailable"
    assert len(upstream.requests) == before


def test_a_refusal_goes_to_the_client_as_it_is(setup):
    gateway, upstream, auth = setup
    auth.reply = ("401 Unauthorized", [("WWW-Authenticate", "Bearer realm=x"), ("Content-Type", "text/html"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"),
                                       ("X-Inner", "10.0.0.9"), ("Connection", "close"), ("Access-Control-Allow-Origin", "*")], b"<p>sign in</p>")
    before = len(upstream.requests)
    with Client(gateway.port) as client:
        answer = client.get("/ask/x", [("Origin", "https://app.test"), ("X-Request-ID", "no-1")])
        assert answer.status == 401 and answer.body == b"<p>sign in</p>" and answer.get("Content-Type") == "text/html"
        assert answer.get("WWW-Authenticate") == "Bearer realm=x" and answer.all("Set-Cookie") == ["a=1", "b=2"]
        assert not answer.all("X-Inner") and not answer.all("Connection")
        assert answer.get("Access-Control-Allow-Origin") == "https://app.test"  # R31: a page can read it
        auth.reply = ("200 OK", [("X-User-ID", "alice")], b"")
        assert client.get("/ask/x").status == 200  # the connection goes on
    line = gateway.access_line(lambda e: e["request_id"] == "no-1")
    assert line["code"] == "forward_auth.denied" and line["refused_by"] == "ask" and line["status"] == 401
    assert len(upstream.requests) == before + 1


def test_r31_a_preflight_asks_nobody(setup):
    gateway, _, auth = setup
    before = len(auth.requests)
    answer = fetch(gateway.port, "OPTIONS", "/ask/x", [("Origin", "https://app.test"), ("Access-Control-Request-Method", "POST")])
    assert answer.status == 204 and len(auth.requests) == before


@pytest.mark.parametrize("status", ["302 Found", "303 See Other", "307 Temporary Redirect"])
def test_a_login_redirect_goes_to_the_client(setup, status):
    gateway, _, auth = setup
    auth.reply = (status, [("Location", "https://login.test/?back=1"), ("Set-Cookie", "state=x")], b"")
    answer = get(gateway.port, "/ask/x")
    assert answer.status == int(status[:3]) and answer.get("Location") == "https://login.test/?back=1" and answer.get("Set-Cookie") == "state=x"


def test_a_403_is_handed_on_to_head_without_its_body(setup):
    gateway, _, auth = setup
    auth.reply = ("403 Forbidden", [("Content-Type", "text/plain")], b"no")
    answer = fetch(gateway.port, "HEAD", "/ask/x")
    assert answer.status == 403 and answer.body == b""


@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error", "304 Not Modified", "429 Too Many Requests"])
def test_any_other_answer_is_none(setup, status):
    gateway, _, auth = setup
    auth.reply = (status, [], b"")
    answer = get(gateway.port, "/ask/x")
    assert answer.status == 503 and answer.code == "forward_auth.unavailable"
    assert b"127.0.0.1" not in answer.body


@pytest.mark.parametrize("path", ["/dead", "/slow"])
def test_while_it_cannot_be_asked_nobody_passes(setup, path):
    gateway, upstream, _ = setup
    before = len(upstream.requests)
    answer = get(gateway.port, path, [("X-Request-ID", f"away{path[1:]}")])
    assert answer.status == 503 and answer.code == "forward_auth.unavailable" and len(upstream.requests) == before
    line = gateway.access_line(lambda e: e["request_id"] == f"away{path[1:]}")
    assert line["code"] == "forward_auth.unavailable" and "upstream." in line["detail"]


def test_with_allow_everybody_passes_as_nobody(setup):
    gateway, upstream, _ = setup
    before = gateway.metric("portico_forward_auth_failures_total", policy="dead_open")
    answer = get(gateway.port, "/dead-open", [("X-Ghost", "root"), ("X-Request-ID", "open-1")])
    assert answer.status == 200 and not upstream.last.all("X-Ghost")
    gateway.expect_metric(before + 1, "portico_forward_auth_failures_total", policy="dead_open")
    line = gateway.access_line(lambda e: e["request_id"] == "open-1")
    assert "passed without a decision" in line["detail"] and "subject" not in line


def test_a_refusal_is_one_with_allow_too(setup):
    gateway, _, auth = setup
    auth.reply = ("403 Forbidden", [], b"")
    assert get(gateway.port, "/lenient").status == 403


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "414 URI Too Long", "429 Too Many Requests", "431 Request Header Fields Too Large"])
def test_a36_with_allow_no_client_opens_the_door_by_a_request_that_cannot_be_judged(setup, status):
    gateway, upstream, auth = setup
    before = len(upstream.requests)
    auth.reply = (status, [], b"")
    answer = get(gateway.port, "/lenient?" + "a" * 9000)
    assert (answer.status, answer.code) == (503, "forward_auth.unavailable") and len(upstream.requests) == before


def test_a36_with_allow_a_service_that_fails_lets_pass(setup):
    gateway, _, auth = setup
    auth.reply = ("500 Internal Server Error", [], b"")
    assert get(gateway.port, "/lenient").status == 200


def test_only_listed_headers_are_seen(setup):
    gateway, upstream, auth = setup
    auth.reply = ("200 OK", [("X-Plan", "gold")], b"")
    get(gateway.port, "/plain/x", [("X-Ticket", "7"), ("Authorization", "secret"), ("Cookie", "c")])
    assert auth.last.target == "/" and auth.last.get("X-Ticket") == "7"
    assert not auth.last.all("Authorization") and not auth.last.all("Cookie")
    assert upstream.last.all("X-Plan") == ["gold"]


def test_what_ends_at_the_gateway_is_not_judged(setup):
    gateway, upstream, auth = setup
    get(gateway.port, "/plain/x", [("X-Ticket", "7"), ("Connection", "X-Ticket")])
    assert not auth.last.all("X-Ticket") and not upstream.last.all("X-Ticket")


def test_two_credentials_are_refused_before_anybody_is_asked(setup):
    gateway, _, auth = setup
    before = len(auth.requests)
    answer = get(gateway.port, "/ask/x", [("Authorization", "a"), ("Authorization", "b")])
    assert answer.status == 401 and answer.code == "forward_auth.multiple" and len(auth.requests) == before


@pytest.mark.parametrize("target,headers,said", [
    ("/team?t=1&t=2", [], "Send query.t once."), ("/team?t=1&T=2", [], "Send query.t once."), ("/team?x;t=2&t=1", [], "Send query.t once."),
    ("/team?[t]=2&t=1", [], "Send query.t once."), ("/team?t[]=2", [], "Send query.t in this spelling."),
    ("/team", [("X-Kind", "a"), ("X-Kind", "b")], "Send header.X-Kind once."), ("/team", [("X-Kind", "a"), ("X_Kind", "b")], "Send header.X-Kind once."),
    ("/team", [("X_Kind", "b")], "Send header.X-Kind in this spelling.")])
def test_a_value_of_the_path_that_is_there_twice_in_any_spelling_is_refused_without_a_question(setup, target, headers, said):
    gateway, upstream, auth = setup
    before = len(auth.requests), len(upstream.requests)
    answer = get(gateway.port, target, headers)
    assert (answer.status, answer.code, answer.json()["detail"]) == (400, "route.value_refused", said)
    assert (len(auth.requests), len(upstream.requests)) == before


def test_a_value_of_the_path_that_is_there_once_is_asked_about(setup):
    gateway, _, auth = setup
    auth.reply = ("200 OK", [], b"")
    assert get(gateway.port, "/team?t=1&other=2", [("X-Kind", "a")]).status == 200
    assert auth.last.target == "/may?t=1&k=a"
    assert get(gateway.port, "/team").status == 200 and auth.last.target == "/may"


def test_the_path_is_a_template(setup):
    gateway, _, auth = setup
    assert fetch(gateway.port, "DELETE", "/by/a%20b?client=1").status == 200
    assert auth.last.target == "/may/a%20b?m=DELETE"


def test_in_any_of_it_is_asked_only_where_its_credential_is_the_first(setup):
    gateway, upstream, auth = setup
    before = len(auth.requests)
    assert get(gateway.port, "/either", [("X-API-Key", "secret"), ("Cookie", "c=1")]).status == 200
    assert upstream.last.target == "/robot" and len(auth.requests) == before
    assert get(gateway.port, "/either").status == 401 and len(auth.requests) == before
    assert get(gateway.port, "/either", [("Cookie", "c=1")]).status == 200
    assert upstream.last.target == "/alice" and len(auth.requests) == before + 1
    auth.reply = ("401 Unauthorized", [("WWW-Authenticate", "Cookie")], b"")
    answer = get(gateway.port, "/either", [("Cookie", "c=1")])
    assert answer.status == 401 and answer.get("WWW-Authenticate") == "Cookie"


def test_a_client_that_leaves_takes_its_question_along(setup):
    gateway, upstream, auth = setup
    before, asked = len(upstream.requests), len(auth.requests)
    client = Client(gateway.port)
    client.send_head("GET", "/hang")
    auth.wait(lambda: len(auth.requests) > asked, "the question")
    question = next(c for c in auth.connections if auth.last in c.requests)
    client.reset()
    assert eventually(lambda: question.sock.recv(1) == b"", "the question's end")
    assert len(upstream.requests) == before


def test_shadow_lets_pass_and_says_what_it_would_have_done(setup):
    gateway, _, auth = setup
    auth.reply = ("401 Unauthorized", [], b"")
    assert get(gateway.port, "/shadow", [("X-Request-ID", "sh-1")]).status == 200
    line = gateway.access_line(lambda e: e["request_id"] == "sh-1")
    assert line["shadow"] == "shadow:answered" and "code" not in line
    gateway.expect_metric(1, "portico_policy_decisions_total", policy="shadow", decision="shadow_refused")


def test_its_time_is_measured(setup):
    gateway, _, _ = setup
    before = gateway.metric("portico_forward_auth_seconds_count", policy="ask")
    get(gateway.port, "/ask/x")
    gateway.expect_metric(before + 1, "portico_forward_auth_seconds_count", policy="ask")


def test_a_service_with_a_fixed_answer_decides_too():
    text = """
services:
  s: { respond: { body: "{header.x-user}" } }
  everybody: { internal: true, respond: { status: 200, headers: { X-User: "{header.x-name}" } } }
  nobody: { internal: true, respond: { status: 403, headers: { Content-Type: text/plain }, body: "closed for today" } }
routes:
  - { match: /open, use: [{ forward_auth: { service: everybody, copy: { X-User: sub } } }], respond: { body: { who: "{claims.sub}" } } }
  - { match: /closed, use: [{ forward_auth: { service: nobody } }], respond: {} }
"""
    with Gateway(text) as gateway:
        assert get(gateway.port, "/open", [("X-Name", "ada")]).json() == {"who": "ada"}
        answer = get(gateway.port, "/closed")
        assert (answer.status, answer.get("Content-Type"), answer.body) == (403, "text/plain", b"closed for today")


ONE = """
services: {{ s: http://127.0.0.1:9, auth: {{ endpoints: ["http://127.0.0.1:9"], internal: true }}, open: "http://127.0.0.1:9", fixed: {{ respond: {{ status: 200 }} }} }}
routes: [{{ match: "/x/{{id}}", use: [{{ forward_auth: {settings} }}], forward: {{ service: s, path: "{path}" }} }}]
"""


@pytest.mark.parametrize("settings,said", [
    ("{ path: /x }", 'needs the key "service"'),
    ("{ service: auht }", 'did you mean "auth"?'),
    ("{ service: auth, send: [Host] }", "belongs to the client's own message"),
    ("{ service: auth, send: [Content-Length] }", "belongs to the client's own message"),
    ("{ service: auth, send: [X-Forwarded-For] }", "is written by the gateway itself"),
    ("{ service: auth, copy: [Cookie] }", "cannot be a managed header"),
    ("{ service: auth, copy: [X-Request-ID] }", "is written by the gateway itself"),
    ("{ service: auth, copy: [X-A, x_a] }", "stands here twice"),
    ("{ service: auth, copy: { X-A: sub, X-B: sub } }", "two headers bear the claim sub"),
    ("{ service: auth, copy: { X-A: a.b } }", "a claim's name such as sub"),
    ("{ service: auth, copy: { X-A: { lists: a } } }", "a claim's name such as sub"),
    ("{ service: auth, on_failure: open }", "one of deny allow"),
    ("{ service: auth, timeout: 1 }", "1s or 1m"),
    ("{ service: auth, path: verify }", "a path begins with"),
    ('{ service: auth, path: "/{name}" }', "{name} names nothing that is known on this route"),
    ('{ service: auth, path: "/{claims.sub}" }', "{claims.sub} has no value here"),
])
def test_what_is_wrong_is_said(settings, said):
    ran = check(ONE.format(settings=settings, path="/"))
    assert ran.code == 1 and said in ran.text, ran.text


@pytest.mark.parametrize("settings,said", [
    ("{ service: open }", "write internal: true"),
    ("{ service: fixed }", "decides about every request alike"),
    ("{ service: auth, on_failure: allow }", "everybody passes"),
])
def test_what_is_risky_is_warned_of(settings, said):
    # By its name the service is reached where there is a route to {service} alone.
    ran = check(ONE.format(settings=settings, path="/").replace("routes: [", 'routes: [{ match: "/{service}/**", open: true, forward: { service: "{service}" } }, '))
    assert ran.code == 0 and said in ran.text, ran.text


@pytest.mark.parametrize("settings,good", [
    ("{ service: auth, copy: { X-A: sub } }", True), ("{ service: auth, copy: [X-A] }", False), ("{ service: auth }", False),
    ("{ service: auth, copy: { X-A: sub }, on_failure: allow }", False)])
def test_an_identity_is_guaranteed_only_where_one_is_mapped_and_needed(settings, good):
    assert (check(ONE.format(settings=settings, path="/{claims.sub}")).code == 0) == good


def test_explain_says_what_would_be_asked():
    said = explain(ONE.format(settings='{ service: auth, path: "/may/{id}" }', path="/"), "GET", "/x/7").text
    assert "would ask auth: GET /may/7" in said


def test_explain_shows_no_credential_of_a_service_that_is_sent_everything():
    sent = ["X-Session: SEKRET1", "X-API-Key: SEKRET2", "Authorization: Bearer SEKRET3", "Accept: a/b", "User-Agent: probe"]
    said = explain(ONE.format(settings='{ service: auth, send: "*" }', path="/"), "GET", "/x/7", sent).text
    assert "SEKRET" not in said and "X-Session" in said and "a/b" in said and "probe" in said, said
