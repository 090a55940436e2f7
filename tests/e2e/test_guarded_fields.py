"""Header fields as guards see them: one reading of a name and of an address, wherever the field stands."""
import hashlib
from contextlib import ExitStack

import pytest

from support.client import Client, chunk, fetch, get, head
from support.gateway import Gateway, check, explain
from support.pages import Page, Pages
from support.upstream import Echo, Scripted


def fields(answer):
    """What the service behind an Echo saw, by lower-case name."""
    seen = {}
    for name, value in answer.json()["headers"]:
        seen.setdefault(name.lower(), []).append(value)
    return seen


# Who the client is.

FORWARDED = """
workers: 1
trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]
policies:
  inner: {{ ip_access: {{ allow: [127.0.0.0/8, 10.0.0.0/8] }} }}
  nobody: {{ ip_access: {{ allow: [10.0.0.0/8, unix] }} }}
  few: {{ rate_limit: {{ limit: 2, window: 60s, key: client.ip }} }}
services: {{ svc: {url} }}
routes:
  - {{ match: /inner, use: [inner], respond: {{ body: "{{client.ip}}" }} }}
  - {{ match: /unix, use: [nobody], respond: {{ body: "<{{client.ip}}>" }} }}
  - {{ match: /few, use: [few], respond: {{ body: ok }} }}
  - {{ match: /path/**, forward: {{ service: svc, path: "/{{client.ip}}" }} }}
  - {{ match: /**, forward: {{ service: svc }} }}
"""


@pytest.fixture(scope="module")
def behind_proxies():
    with Echo() as upstream, Gateway(FORWARDED.format(url=upstream.url)) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def proxies_of():
    """A gateway whose proxies name the client in a header, by that header."""
    with ExitStack() as stack:
        upstream = stack.enter_context(Echo())
        made = {}

        def of(header):
            if header not in made:
                made[header] = stack.enter_context(Gateway(FORWARDED.format(url=upstream.url) + f"forwarding: {{ client_ip_from: {header} }}\n"))
            return made[header]

        yield of


UNREADABLE = [("X-Forwarded-For", "unknown"), ("X-Forwarded-For", "8.8.8.8, _hidden"), ("X-Forwarded-For", ""), ("X-Forwarded-For", "008.8.8.8"),
              ("X-Forwarded-For", "fe80::1%eth0"), ("Forwarded", "for=_x"), ("Forwarded", 'for="[2001:db8::1%25eth0]"'), ("Forwarded", "for =8.8.8.8"),
              ("Forwarded", "for=10.0.0.9, by=10.0.0.1"), ("X-Real-IP", "8.8.8.8, 1.1.1.1")]


@pytest.mark.parametrize("field", UNREADABLE, ids=lambda f: ": ".join(f))
def test_a81_a_client_of_whom_a_trusted_proxy_says_no_readable_address_has_none(proxies_of, field):
    gateway = proxies_of(field[0])
    answer = get(gateway.port, "/inner", [field])
    assert (answer.status, answer.code) == (403, "policy.forbidden")
    assert get(gateway.port, "/unix", [field]).body == b"<>"
    assert get(gateway.port, "/path/x", [field]).status == 400


@pytest.mark.parametrize("header,value", [("X-Forwarded-For", "8.8.8.8"), ("Forwarded", "for=8.8.8.8"), ("X-Real-IP", "8.8.8.8"), ("CF-Connecting-IP", "8.8.8.8"),
                                          ("X-Own-Client", "8.8.8.8")])
def test_t80_one_header_names_the_client_and_no_other_is_asked(proxies_of, header, value):
    gateway = proxies_of(header)
    others = [(name, v) for name, v in (("X-Forwarded-For", "10.1.1.1"), ("Forwarded", "for=10.1.1.1"), ("X-Real-IP", "10.1.1.1"), ("True-Client-IP", "10.1.1.1"))
              if name != header]
    assert get(gateway.port, "/inner", [*others, (header, value)]).status == 403
    seen = fields(get(gateway.port, "/x", [*others, (header, value)]))
    assert seen["x-forwarded-for"] == ["8.8.8.8, 127.0.0.1"] and seen["x-real-ip"] == ["8.8.8.8"]
    # Missing, it says nothing: the client is who asks.
    assert get(gateway.port, "/inner", others).body == b"127.0.0.1"
    assert header.lower() in ("x-forwarded-for", "x-real-ip") or header.lower() not in seen


def test_t80_a_header_that_nobody_may_name_the_client_in_is_told():
    ran = check("forwarding: { client_ip_from: X-Real-IP }\nroutes: [{ match: /, respond: {} }]\n")
    assert ran.code == 0 and "[idle-client-ip-from]" in ran.out
    ran = check("trusted_proxies: [10.0.0.0/8]\nforwarding: { client_ip_from: 'X Y' }\nroutes: [{ match: /, respond: {} }]\n")
    assert ran.code == 1 and "[bad-header-name]" in ran.out


@pytest.mark.parametrize("header", ["Authorization", "Cookie", "Content-Type", "host", "Connection", "X-Forwarded-Host", "x_forwarded_proto"])
def test_no_header_is_asked_for_the_client_that_requests_need_for_something_else(header):
    ran = check(f"trusted_proxies: [10.0.0.0/8]\nforwarding: {{ client_ip_from: {header} }}\nroutes: [{{ match: /, respond: {{}} }}]\n")
    assert ran.code == 1 and "[no-client-address]" in ran.out


STRANGERS = ["Client-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Original-URL", "X-Rewrite-URL", "X-Original-Host", "Proxy", "Client-Cert",
             "Client-Cert-Chain", "X-Client-Cert", "X-SSL-Client-Verify", "SSL-Client-S-DN", "x_original.url", "CLIENT_IP", "Forwarded", "X-Forwarded-Anything"]


@pytest.mark.parametrize("name", STRANGERS)
def test_t5_what_strangers_may_not_say_reaches_no_service(behind_proxies, name):
    seen = fields(get(behind_proxies.port, "/x", [(name, "forged")]))
    assert all("forged" not in values for values in seen.values()), seen
    with Client(behind_proxies.port) as client:
        client.send_head("POST", "/x", [("Transfer-Encoding", "chunked")])
        client.send(b"2\r\nok\r\n0\r\n" + f"{name}: forged\r\nX-Fine: kept\r\n\r\n".encode())
        assert client.read_response().json()["trailers"] == [["X-Fine", "kept"]]


@pytest.mark.parametrize("name", ["X-Http-Method-Override", "X-Original", "Proxyx", "SSL", "X-SSL", "Clientip", "X-Client", "Ssl-Clientx"])
def test_t5_names_beside_those_pass(behind_proxies, name):
    assert fields(get(behind_proxies.port, "/x", [(name, "own")]))[name.lower()] == ["own"]


def test_t27_t91_the_service_is_told_the_clients_address_and_port():
    with Echo() as upstream, Gateway(FORWARDED.format(url=upstream.url)) as gateway:
        seen = fields(get(gateway.port, "/x", host="a.test"))
        assert seen["x-real-ip"] == ["127.0.0.1"] and seen["x-forwarded-port"] == ["80"]
        seen = fields(get(gateway.port, "/x", [("X-Forwarded-For", "8.8.8.8"), ("X-Forwarded-Proto", "https")], host="a.test"))
        assert seen["x-real-ip"] == ["8.8.8.8"] and seen["x-forwarded-port"] == ["443"]
        assert fields(get(gateway.port, "/x", host="a.test:8080"))["x-forwarded-port"] == ["8080"]
        assert fields(get(gateway.port, "/x", [("X-Forwarded-Port", "8443")], host="a.test:8080"))["x-forwarded-port"] == ["8443"]
        for bad in ("0", "65536", "80x", "-1", ""):
            assert fields(get(gateway.port, "/x", [("X-Forwarded-Port", bad)], host="a.test:8080"))["x-forwarded-port"] == ["8080"]
        assert "x-real-ip" not in fields(get(gateway.port, "/x", [("X-Forwarded-For", "unknown")]))


def test_a81_such_a_client_is_unknown_to_the_service_and_in_the_log(behind_proxies):
    seen = fields(get(behind_proxies.port, "/logged", [("X-Forwarded-For", "6.6.6.6, unknown, 10.0.0.1")]))
    assert seen["x-forwarded-for"] == ["unknown, 10.0.0.1, 127.0.0.1"]
    assert behind_proxies.access_line(lambda e: e["path"] == "/logged")["client"] == "unknown"


def test_a81_a_limit_counts_all_clients_without_an_address_as_one(behind_proxies):
    ask = lambda value: get(behind_proxies.port, "/few", [("X-Forwarded-For", value)]).status
    assert [ask("unknown"), ask("_a"), ask("_b"), ask("8.8.8.8")] == [200, 200, 429, 200]


def test_a_client_whose_address_can_be_read_is_judged_by_it(behind_proxies):
    ask = lambda value: get(behind_proxies.port, "/inner", [("X-Forwarded-For", value)])
    assert ask("8.8.8.8").status == 403
    assert ask("10.0.0.1, 10.0.0.2").body == b"10.0.0.1"
    assert ask("8.8.8.8, 10.0.0.1:80").status == 403
    assert get(behind_proxies.port, "/inner").body == b"127.0.0.1"


def test_a81_explain_says_that_the_client_has_no_address():
    text = explain(FORWARDED.format(url="http://127.0.0.1:1"), "GET", "/inner", ["X-Forwarded-For: unknown"]).text
    assert "from a client without an address" in text and "403" in text


# A header that a service judges must be the one that counts behind.

FORWARD_AUTH = """
workers: 1
services: {{ svc: {url}, auth: {{ endpoints: [{auth}], internal: true }} }}
policies:
  fa: {{ forward_auth: {{ service: auth, send: [X-Session, Cookie, Authorization] }} }}
  key: {{ api_key: {{ keys: [{{ name: acme, sha256: {digest} }}] }} }}
  session: {{ forward_auth: {{ service: auth, send: [X-Session], copy: {{ X-User: sub }} }} }}
routes:
  - {{ match: /any/**, use: [{{ any_of: [session, key] }}], forward: {{ service: svc }} }}
  - {{ match: /**, use: [fa], forward: {{ service: svc }} }}
"""


@pytest.fixture(scope="module")
def judged():
    def decide(request):
        names = [v for n, v in request.headers if n.lower() == "x-session"]
        return Page(status=200 if names == ["mallory"] else 401, value={}, headers=[("X-User", "mallory")])
    digest = hashlib.sha256(b"k").hexdigest()
    with Echo() as upstream, Pages({"/": decide}) as auth:
        with Gateway(FORWARD_AUTH.format(url=upstream.url, auth=auth.url, digest=digest)) as gateway:
            yield gateway, auth


@pytest.mark.parametrize("second", ["X-Session", "X_Session", "x.session", "X-SESSION"])
def test_a76_a_judged_header_that_stands_twice_in_any_spelling_is_refused_without_a_question(judged, second):
    gateway, auth = judged
    before = len(auth.requests)
    answer = get(gateway.port, "/x", [("X-Session", "mallory"), (second, "admin")])
    assert (answer.status, answer.code) == (401, "forward_auth.multiple")
    assert "X-Session" in answer.json()["detail"]
    assert len(auth.requests) == before


def test_a76_one_in_another_spelling_is_what_is_judged(judged):
    gateway, _ = judged
    assert get(gateway.port, "/x", [("X_Session", "admin")]).status == 401
    assert fields(get(gateway.port, "/x", [("X_Session", "mallory")]))["x_session"] == ["mallory"]


def test_a76_cookies_may_stand_twice_and_what_ends_here_is_not_counted(judged):
    gateway, auth = judged
    seen = fields(get(gateway.port, "/x", [("Cookie", "a=1"), ("Cookie", "b=2"), ("X-Session", "mallory")]))
    assert seen["cookie"] == ["a=1", "b=2"]
    seen = fields(get(gateway.port, "/x", [("X_Session", "mallory"), ("X-Session", "admin"), ("Connection", "X-Session")]))
    assert "x-session" not in seen and seen["x_session"] == ["mallory"]


def test_a76_another_spelling_is_a_credential_for_any_of_too(judged):
    gateway, _ = judged
    assert get(gateway.port, "/any/x", [("X_Session", "admin"), ("X-API-Key", "k")]).status == 401
    assert get(gateway.port, "/any/x", [("X-API-Key", "k")]).status == 200


# Every spelling of every name.

NAMES = """
workers: 1
managed_headers: [X-User-ID]
services: {{ svc: {url} }}
policies:
  set: {{ transform: {{ request: {{ headers: {{ set: {{ X-Tenant: "{{request.method}}" }}, remove: X-Internal, copy: {{ X-A: X-B }} }} }} }} }}
routes:
  - {{ match: /set/**, use: [set], forward: {{ service: svc }} }}
  - {{ match: /**, forward: {{ service: svc }} }}
"""


@pytest.fixture(scope="module")
def named():
    with Echo() as upstream, Gateway(NAMES.format(url=upstream.url)) as gateway:
        yield gateway


@pytest.mark.parametrize("name", ["X_Request_ID", "x.request.id", "X_Forwarded_For", "X.Forwarded.For", "X.Real~IP", "X_User_ID", "X.User.ID", "x|user|id",
                                  "X!User#ID", "X'User*ID", "X`User^ID", "X$User%ID", "X&User+ID", "Content.Length", "Keep_Alive", "Proxy_Authorization", "HTTP2_Settings"])
def test_t4_a84_every_spelling_of_what_the_gateway_writes_is_taken_off(named, name):
    seen = fields(get(named.port, "/x", [(name, "forged"), ("X-Other", "stays")]))
    assert name.lower() not in seen and seen["x-other"] == ["stays"]
    assert len(seen["x-request-id"]) == 1 and seen["x-forwarded-for"] == ["127.0.0.1"]
    assert with_trailers(named, "/x", [], [(name, "forged"), ("X-Other", "stays")]) == ["X-Other"]


def test_a84_what_a_policy_sets_removes_or_copies_has_no_second_spelling(named):
    seen = fields(get(named.port, "/set/x", [("X_Tenant", "forged"), ("x.tenant", "forged"), ("X_Internal", "1"), ("X-A", "a"), ("X_B", "forged")]))
    assert seen["x-tenant"] == ["GET"] and seen["x-b"] == ["a"]
    assert not seen.keys() & {"x_tenant", "x.tenant", "x_internal", "x_b"}


SPELLINGS = """
services: {{ svc: http://127.0.0.1:1 }}
policies:
  staff: {{ jwt: {{ algorithms: [HS256], secret: {secret}, claims_to_headers: {{ X-User-ID: sub }} }} }}
  partner: {{ jwt: {{ algorithms: [HS256], secret: {secret}, claims_to_headers: {{ {other}: sub }} }} }}
  shape: {{ transform: {{ request: {{ headers: {{ set: {{ {other}: "{{claims.sub}}" }} }} }} }} }}
routes: [{{ match: /**, use: {use}, forward: {{ service: svc }} }}]
"""


@pytest.mark.parametrize("use", ["[staff, shape]", "[{ any_of: [staff, partner] }]", "[{ any_of: [staff, partner] }, shape]"])
def test_a84_two_policies_of_a_route_that_set_one_name_in_two_spellings_are_refused(use):
    told = check(SPELLINGS.format(secret="x" * 32, other="X_User_ID", use=use))
    assert told.code == 1 and "two-spellings" in told.text and "write X-User-ID in both places" in told.text
    assert check(SPELLINGS.format(secret="x" * 32, other="x-user-id", use=use)).code == 0


# Trailers and interim responses are no way around.

SIDES = """
workers: 1
services: {{ svc: {url} }}
policies:
  shape:
    transform:
      request: {{ headers: {{ set: {{ X-Tenant: acme }}, remove: {{ regex: "x-internal.*" }}, append: {{ X-Hop: gw }} }} }}
      response:
        - {{ when: {{ status: 5xx }}, headers: {{ remove: X-Debug }} }}
        - {{ headers: {{ remove: [X-Internal, Set-Cookie], set: {{ X-Frame-Options: DENY }} }} }}
  key: {{ api_key: {{ keys: [{{ name: acme, sha256: {digest} }}] }} }}
  tenant: {{ rate_limit: {{ limit: 100, window: 1s, key: header.X-Plan }} }}
  kind: {{ transform: {{ request: {{ when: {{ headers: {{ X-Kind: internal }} }}, query: {{ set: {{ kind: internal }} }} }} }} }}
  asked: {{ forward_auth: {{ service: svc, path: "/may?t={{header.X-Team}}" }} }}
  pages: {{ cors: {{ origins: [https://a.example] }} }}
  add: {{ transform: {{ request: {{ headers: {{ add: {{ X-Default: gw }}, append: {{ X-App: gw }} }} }} }} }}
routes:
  - {{ match: /shape/**, use: [pages, shape], forward: {{ service: svc }} }}
  - {{ match: /key/**, use: [key], forward: {{ service: svc }} }}
  - {{ match: /plan/**, use: [tenant], forward: {{ service: svc }} }}
  - {{ match: /kind/**, use: [kind], forward: {{ service: svc }} }}
  - {{ match: /asked/**, use: [asked], forward: {{ service: svc }} }}
  - {{ match: /add/**, use: [add], forward: {{ service: svc }} }}
  - {{ match: {{ path: /beta/**, headers: {{ X-Beta: "1" }} }}, forward: {{ service: svc }} }}
  - {{ match: /**, forward: {{ service: svc }} }}
"""


def with_trailers(gateway, target, headers, trailers):
    """The trailers that the service got, of those that were sent."""
    body = chunk(b"hi") + b"0\r\n" + "".join(f"{n}: {v}\r\n" for n, v in trailers).encode() + b"\r\n"
    with Client(gateway.port) as client:
        client.send(head("POST", target, list(headers) + [("Transfer-Encoding", "chunked")]) + body)
        return [n for n, _ in client.read_response("POST").json()["trailers"]]


@pytest.fixture(scope="module")
def sides():
    with Echo() as upstream, Gateway(SIDES.format(url=upstream.url, digest=hashlib.sha256(b"k").hexdigest())) as gateway:
        yield gateway


def test_a10_a_requests_trailer_repeats_nothing_that_a_policy_sets_or_removes(sides):
    sent = [("X-Tenant", "evil"), ("X_Tenant", "evil"), ("X-Internal-Role", "evil"), ("X.Hop", "evil"), ("X-Checksum", "1")]
    assert with_trailers(sides, "/shape/x", [], sent) == ["X-Checksum"]
    # What a rule of some route writes is nowhere a trailer: the service is the same.
    assert with_trailers(sides, "/x", [], [("X-Tenant", "evil"), ("X-Checksum", "1")]) == ["X-Checksum"]


def test_a77_a_requests_trailer_bears_no_credential_and_nothing_by_which_it_was_judged(sides):
    assert with_trailers(sides, "/key/x", [("X-API-Key", "k")], [("X-API-Key", "other"), ("x_api_key", "other"), ("X-Sum", "1")]) == ["X-Sum"]
    assert with_trailers(sides, "/plan/x", [("X-Plan", "free")], [("X-Plan", "gold"), ("X-Sum", "1")]) == ["X-Sum"]
    assert with_trailers(sides, "/beta/x", [], [("X-Beta", "1"), ("X-Sum", "1")]) == ["X-Sum"]
    assert with_trailers(sides, "/kind/x", [("X-Kind", "other")], [("X_Kind", "internal"), ("X-Sum", "1")]) == ["X-Sum"]
    assert with_trailers(sides, "/asked/x", [("X-Team", "a")], [("X-Team", "b"), ("X-Sum", "1")]) == ["X-Sum"]


def test_what_connection_names_is_gone_before_any_policy_judges_or_adds(sides):
    def target(headers):
        return get(sides.port, "/kind/x", headers).json()["target"]
    assert target([("X-Kind", "internal")]) == "/kind/x?kind=internal"
    assert target([("X-Kind", "internal"), ("Connection", "close, x-kind")]) == "/kind/x"
    assert target([("X-Kind", "other"), ("X_Kind", "internal"), ("Connection", "X_Kind")]) == "/kind/x"
    seen = fields(get(sides.port, "/add/x", [("X-Default", "client"), ("X-App", "client"), ("Connection", "X-Default, X-App")]))
    assert (seen["x-default"], seen["x-app"]) == (["gw"], ["gw"])
    assert fields(get(sides.port, "/add/x", [("X-Default", "client")]))["x-default"] == ["client"]


def test_what_connection_names_is_no_trailer_either(sides):
    assert with_trailers(sides, "/x", [("Connection", "X-Hop, TE"), ("TE", "trailers")], [("x-hop", "1"), ("X-Sum", "1")]) == ["X-Sum"]
    final = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n2\r\nok\r\n0\r\nx-hop: 1\r\nX-Sum: 1\r\n\r\n")
    with service_side(b"", final) as upstream, Gateway(SIDES.format(url=upstream.url, digest="0" * 64)) as gateway:
        answer = get(gateway.port, "/x")
        assert [n for n, _ in answer.trailers] == ["X-Sum"] and answer.get("X-Hop") is None


def service_side(interim, final):
    def script(connection):
        connection.read_request()
        connection.send(interim + final)
        connection.wait_for_close()
    return Scripted(script)


def test_a10_a_responses_trailer_repeats_nothing_that_a_policy_sets_or_removes():
    final = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Frame-Options: ALLOW\r\nX_Internal: 1\r\nX-Debug: 1\r\n"
             b"Access-Control-Allow-Origin: *\r\nServer-Timing: db\r\n\r\n")
    with service_side(b"", final) as upstream, Gateway(SIDES.format(url=upstream.url, digest="0" * 64)) as gateway:
        answer = get(gateway.port, "/shape/x")
        assert [n for n, _ in answer.trailers] == ["Server-Timing"]
        assert answer.all("x-frame-options") == ["DENY"]


def test_a90_what_a_policy_removes_from_responses_stands_in_no_interim_response():
    interim = (b"HTTP/1.1 103 Early Hints\r\nX-Internal: secret\r\nx_internal: secret\r\nLink: </a>\r\nSet-Cookie: a=b\r\nX-Frame-Options: ALLOW\r\n"
               b"X-Debug: 1\r\nAccess-Control-Allow-Origin: *\r\n\r\n")
    final = b"HTTP/1.1 200 OK\r\nX-Internal: secret\r\nContent-Length: 2\r\n\r\nok"
    with service_side(interim, final) as upstream, Gateway(SIDES.format(url=upstream.url, digest="0" * 64)) as gateway:
        answer = get(gateway.port, "/shape/x")
        assert answer.status == 200 and "x-internal" not in answer.names()
        assert [i.status for i in answer.interim] == [103]
        assert sorted(answer.interim[0].names()) == ["link", "via"]
    with service_side(interim, final) as upstream, Gateway(SIDES.format(url=upstream.url, digest="0" * 64)) as gateway:
        assert "x-internal" in get(gateway.port, "/x").interim[0].names()


@pytest.mark.parametrize("rule", ["remove: [session]", "remove: [{{ regex: s.* }}]", "set: {{ session: x }}"])
def test_a90_a_cookie_that_a_policy_removes_or_sets_stands_in_no_interim_response(rule):
    config = ("services: {{ svc: {url} }}\nroutes: [{{ match: /**, use: [{{ transform: {{ response: {{ cookies: {{ RULE }} }} }} }}], forward: {{ service: svc }} }}]\n")
    interim = b"HTTP/1.1 103 Early Hints\r\nSet-Cookie: session=secret\r\nLink: </a>\r\n\r\n"
    final = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=secret\r\nContent-Length: 2\r\n\r\nok"
    with service_side(interim, final) as upstream, Gateway(config.replace("RULE", rule).format(url=upstream.url)) as gateway:
        answer = get(gateway.port, "/x")
        assert answer.status == 200 and "session=secret" not in answer.all("set-cookie")
        assert sorted(answer.interim[0].names()) == ["link", "via"]


# Conditions that guard a change are the service's to judge.

CONDITIONS = """
workers: 1
services: {{ svc: {url} }}
policies:
  shape: {{ transform: {{ response: {{ edit: {{ remove: $.secret }} }} }} }}
  some: {{ fields: {{ allow: [id] }} }}
routes:
  - {{ match: /t/**, use: [shape], forward: {{ service: svc }} }}
  - {{ match: /f/**, use: [some], forward: {{ service: svc }} }}
"""


def stored(request):
    """A resource with the tag "v1": changed only where the conditions allow it."""
    got = {n.lower(): v for n, v in request.headers}
    if request.method not in ("GET", "HEAD") and (got.get("if-none-match") == "*" or got.get("if-match", '"v1"') != '"v1"'):
        return Page(status=412, value={})
    return Page({"id": 1, "secret": 2}, headers=[("ETag", '"v1"')])


@pytest.mark.parametrize("path", ["/t/x", "/f/x?fields=id"])
def test_a89_a_condition_on_a_change_reaches_the_service(path):
    with Pages({path.split("?")[0]: stored}) as upstream, Gateway(CONDITIONS.format(url=upstream.url)) as gateway:
        ask = lambda method, *headers: fetch(gateway.port, method, path, headers, body=b"{}" if method in ("PUT", "POST") else None)
        for method in ("PUT", "DELETE", "PATCH", "POST"):
            assert ask(method, ("If-None-Match", "*")).status == 412
        assert ask("PUT", ("If-Match", '"v2"')).status == 412
        assert ask("PUT", ("If-Match", '"v1"')).status == 200
        # Its own tag of a changed body: the service does not know it and refuses, so that nothing is overwritten.
        own = ask("GET").get("etag")
        assert own != '"v1"' and ask("PUT", ("If-Match", own)).status == 412
        # What reads is judged here, by the tag of what was sent.
        assert ask("GET", ("If-None-Match", own)).status == 304
        assert "if-none-match" not in upstream.requests[-1].names()


# OPTIONS and Max-Forwards.

HOPS = """
workers: 1
services: {{ svc: {url} }}
policies: {{ nobody: {{ ip_access: {{ deny: [127.0.0.0/8] }} }} }}
routes:
  - {{ match: {{ path: /some, methods: [GET, OPTIONS] }}, forward: {{ service: svc }} }}
  - {{ match: {{ path: /some, methods: [PUT] }}, forward: {{ service: svc }} }}
  - {{ match: /shut, use: [nobody], forward: {{ service: svc }} }}
  - {{ match: /**, forward: {{ service: svc }} }}
"""


@pytest.fixture(scope="module")
def hops():
    with Echo() as upstream, Gateway(HOPS.format(url=upstream.url)) as gateway:
        yield gateway, upstream


def test_a95_options_goes_on_with_one_hop_less(hops):
    gateway, _ = hops
    ask = lambda value: fields(fetch(gateway.port, "OPTIONS", "/x", [("max-forwards", value)]))["max-forwards"]
    assert [ask("5"), ask("1"), ask("007")] == [["4"], ["0"], ["6"]]
    assert ask("9" * 40) == [str(2 ** 64 - 2)]


def test_a95_options_without_a_hop_left_is_answered_here_behind_the_guards(hops):
    gateway, upstream = hops
    before = len(upstream.requests)
    answer = fetch(gateway.port, "OPTIONS", "/some", [("Max-Forwards", "0")])
    assert (answer.status, answer.get("allow")) == (204, "GET, HEAD, OPTIONS, PUT")
    assert fetch(gateway.port, "OPTIONS", "/x", [("Max-Forwards", "0")]).get("allow") == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    assert fetch(gateway.port, "OPTIONS", "/shut", [("Max-Forwards", "0")]).status == 403
    assert len(upstream.requests) == before


def test_a95_explain_says_so():
    ask = lambda value: explain(HOPS.format(url="http://127.0.0.1:1"), "OPTIONS", "/some", [f"Max-Forwards: {value}"]).out
    assert "answer    204 Allow: GET, HEAD, OPTIONS, PUT" in ask(0) and "upstream" not in ask(0)
    assert "Max-Forwards: 4" in ask(5)


def test_a95_of_other_methods_it_passes_and_trace_is_not_served(hops):
    gateway, _ = hops
    assert fields(get(gateway.port, "/x", [("Max-Forwards", "0")]))["max-forwards"] == ["0"]
    assert fetch(gateway.port, "TRACE", "/x", [("Max-Forwards", "0")]).status == 501


@pytest.mark.parametrize("sent", [["-1"], ["x"], [""], ["3", "0"], ["1, 2"]])
def test_a95_one_that_is_no_number_is_refused(hops, sent):
    gateway, _ = hops
    assert fetch(gateway.port, "OPTIONS", "/x", [("Max-Forwards", v) for v in sent]).status == 400


# Families of addresses.

def test_a11_a_rule_for_all_of_ipv6_is_no_rule_for_ipv4():
    config = """
policies: { six: { ip_access: { allow: ["::/0"] } }, no-six: { ip_access: { deny: ["::/0"] } } }
routes:
  - { match: /six, use: [six], respond: {} }
  - { match: /no-six, use: [no-six], respond: {} }
"""
    with Gateway("workers: 1\n" + config) as gateway:
        assert [get(gateway.port, "/six").status, get(gateway.port, "/no-six").status] == [403, 200]


@pytest.mark.parametrize("config", [
    'managed_headers: ["*"]\nroutes: [{ match: /x, respond: {} }]',
    'routes: [{ match: /x, use: [{ transform: { request: { headers: { remove: "*" } } } }], respond: {} }]',
    'routes: [{ match: /x, use: [{ transform: { response: { headers: { set: { "*": a } } } } }], respond: {} }]',
    'routes: [{ match: { path: /x, headers: { "*": a } }, respond: {} }]',
    'routes: [{ match: /x, respond: { headers: { "*": a } } }]',
])
def test_t14_a_sign_for_all_headers_is_no_headers_name(config):
    """It would be taken for a header of that name, which nobody sends, and do nothing."""
    told = check(config + "\n")
    assert told.code == 1 and '"*" is not a header' in told.text, told.text
