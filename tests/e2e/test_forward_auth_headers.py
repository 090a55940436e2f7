"""forward_auth: what the service that decides is sent, and what of its answer the client and the service behind get."""
import pytest

from support.client import Client, get
from support.gateway import Gateway, check
from support.tokens import SECRET, claims, hs
from support.upstream import Echo, Scripted, answering

CONFIG = """
policies:
  session: { forward_auth: { service: auth, client_headers: [Set-Cookie, X-Told] } }
  token: { forward_auth: { service: auth, copy: [Authorization] } }
  lenient: { forward_auth: { service: auth, copy: [authorization], on_failure: allow, timeout: 200ms } }
  everything: { forward_auth: { service: auth, send: "*" } }
  mapped: { forward_auth: { service: auth, copy: { X-User: sub }, client_headers: [Set-Cookie] } }
  shadow: { mode: shadow, forward_auth: { service: auth, copy: [Authorization, X-User], on_failure: allow } }
  shadow_mapped: { mode: shadow, forward_auth: { service: auth, copy: { Authorization: ~, X-User: sub } } }
  shadow_of_two: { mode: shadow, any_of: [key, bearing] }
  bearing: { forward_auth: { service: auth, copy: { Authorization: ~, X-Bearer: sub } } }
  roles: { forward_auth: { service: auth, send: [X-Session], copy: [X-User, X-Role], on_failure: allow } }
  shadow_roles: { mode: shadow, forward_auth: { service: auth, send: [X-Session], copy: [X-User, X-Role] } }
  tok: { jwt: { algorithms: [HS256], secret: SECRET, claims_to_headers: { X-User: sub } } }
  passed_on: { jwt: { algorithms: [HS256], secret: SECRET, forward_token: true } }
  key: { api_key: { keys: [{ name: robot, sha256: "9698efd14d048613fd0d45a73d1c4e4abf86c26f356600d8478f1b03d17182f1" }] } }
services:
  svc: SVC
  told: TOLD
  auth: { endpoints: ["AUTH"], internal: true }
routes:
  - { match: "/session/**", use: [session], forward: { service: told } }
  - { match: /own, use: [session, { ip_access: { deny: [127.0.0.1] } }], respond: {} }
  - { match: /either, use: [{ any_of: [key, mapped] }], forward: { service: told } }
  - { match: /token, use: [token], forward: { service: svc } }
  - { match: /lenient, use: [lenient], forward: { service: svc } }
  - { match: /everything, use: [everything], forward: { service: svc } }
  - { match: /open, forward: { service: svc } }
  - { match: /shadow, use: [shadow], forward: { service: svc } }
  - { match: /shadow/mapped, use: [shadow_mapped], forward: { service: svc } }
  - { match: /shadow/either, use: [shadow_of_two], forward: { service: svc } }
  - { match: /shadow/tok, use: [shadow, passed_on], forward: { service: svc } }
  - { match: /shadow/roles, use: [tok, shadow_roles], forward: { service: svc } }
  - { match: /roles, use: [tok, roles], forward: { service: svc } }
  - { match: /passed-on, use: [{ any_of: [passed_on, bearing] }], forward: { service: svc } }
  - { match: /asked, use: [{ any_of: [{ forward_auth: { service: auth, copy: { X-A: sub } } }, { forward_auth: { service: auth, send: [X-Session], copy: { X-B: sub } } }] }], forward: { service: svc } }
"""
SIGNED = ("Authorization", "Bearer " + hs(claims("alice")))


@pytest.fixture(scope="module")
def running():
    class Auth(Scripted):
        reply = ("200 OK", [])

        def talk(self, connection):
            while True:
                connection.read_request()
                connection.answer(b"", *self.reply)

        def __init__(self):
            super().__init__(self.talk)

    own = [("Set-Cookie", "app=1"), ("X-Told", "the service")]
    with Echo() as svc, Auth() as auth, Scripted(answering(b"ok", headers=own)) as told:
        with Gateway(CONFIG.replace("SECRET", f'"{SECRET}"').replace("SVC", svc.url).replace("TOLD", told.url).replace("AUTH", auth.url)) as gateway:
            yield gateway, svc, auth


def test_t14_a_session_that_is_renewed_reaches_the_browser(running):
    gateway, _, auth = running
    auth.reply = ("200 OK", [("Set-Cookie", "sid=new; Path=/"), ("set-cookie", "csrf=x"), ("X-Told", "auth"), ("X-Secret", "s"), ("X-User", "alice")])
    answer = get(gateway.port, "/session/a")
    assert answer.all("set-cookie") == ["app=1", "sid=new; Path=/", "csrf=x"] and answer.all("x-told") == ["the service"] and answer.get("x-secret") is None
    # The gateway's own answers bear it too: the session is as good as renewed.
    answer = get(gateway.port, "/own")
    assert answer.status == 403 and answer.all("set-cookie") == ["sid=new; Path=/", "csrf=x"] and answer.get("x-told") == "auth"
    assert get(gateway.port, "/either", [("Cookie", "c=1")]).all("set-cookie") == ["app=1", "sid=new; Path=/", "csrf=x"]
    assert get(gateway.port, "/either", [("X-API-Key", "key-of-the-robot-which-is-long")]).all("set-cookie") == ["app=1"]


def test_t14_a_token_for_the_service_takes_the_place_of_the_clients(running):
    gateway, svc, auth = running
    auth.reply = ("200 OK", [("Authorization", "Bearer inner")])
    assert get(gateway.port, "/token", [("Authorization", "Bearer outer")]).status == 200
    assert svc.last.all("Authorization") == ["Bearer inner"] and auth.requests[-1].all("Authorization") == ["Bearer outer"]
    auth.reply = ("200 OK", [])
    assert get(gateway.port, "/token", [("Authorization", "Bearer outer")]).status == 200
    assert svc.last.all("Authorization") == []
    # On other routes it is the client's own.
    assert get(gateway.port, "/open", [("Authorization", "Bearer outer")]).status == 200
    assert svc.last.all("Authorization") == ["Bearer outer"]


def test_a_decision_that_did_not_come_leaves_no_token_of_the_clients(running):
    gateway, svc, auth = running
    auth.reply = ("500 Oops", [("Authorization", "Bearer inner")])
    assert get(gateway.port, "/lenient", [("Authorization", "Bearer outer")]).status == 200
    assert svc.last.all("Authorization") == []


def test_t14_everything_is_sent_but_what_belongs_to_the_message(running):
    gateway, svc, auth = running
    auth.reply = ("200 OK", [])
    kept = [("Accept", "a/b"), ("Accept", "c/d"), ("X-Other", "o"), ("X-Odd", "1"), ("Cookie", "a=1"), ("User-Agent", "u"), ("Origin", "https://a.test"), ("Authorization", "t")]
    left = [("Expect", "100-continue"), ("Range", "bytes=0-"), ("If-None-Match", '"a"'), ("If-Modified-Since", "x"), ("Content-Type", "text/plain"), ("Content-MD5", "x"), ("TE", "trailers"),
            ("Upgrade", "x"), ("X-Hop", "1"), ("X-Forwarded-User", "root"), ("Connection", "x-hop")]
    with Client(gateway.port) as client:
        client.send_head("POST", "/everything", [*kept, *left, ("Transfer-Encoding", "chunked")])
        client.send(b"1\r\nx\r\n0\r\n\r\n")
        assert client.read_response().status == 200
    asked = auth.requests[-1]
    for name in dict(kept):
        assert asked.all(name) == [v for n, v in kept if n == name], name
    for name in [*dict(left), "Transfer-Encoding"]:
        assert not asked.all(name) or name == "Connection" and "x-hop" not in asked.all(name)[0].lower(), name
    assert len(asked.all("X-Request-ID")) == len(asked.all("Host")) == 1
    assert get(gateway.port, "/everything", [("Authorization", "a"), ("authorization", "b")]).status == 401


@pytest.mark.parametrize("headers,seen", [
    ([("X_Tenant", "theirs")], [("X-Tenant", "theirs")]), ([("x.odd!name", "1")], [("x-odd-name", "1")]), ([("X_Request_ID", "mine"), ("X_Forwarded_Uri", "/b")], []), ([("Keep_Alive", "x"), ("Proxy_Authorization", "x")], []),
    ([("X-Tenant", "mine"), ("x-tenant", "theirs")], [("X-Tenant", "mine"), ("x-tenant", "theirs")])])
def test_whoever_is_sent_everything_sees_each_header_by_its_usual_name(running, headers, seen):
    gateway, _, auth = running
    auth.reply = ("200 OK", [])
    assert get(gateway.port, "/everything", headers).status == 200
    known = {"Host", "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-ID", "Via"}
    assert [(n, v) for n, v in auth.requests[-1].headers if n not in known and n.lower() != "connection"] == seen


def test_two_spellings_of_one_name_are_refused_where_everything_is_sent(running):
    gateway, _, auth = running
    before = len(auth.requests)
    for headers in ([("X-Tenant", "mine"), ("X_Tenant", "theirs")], [("x.tenant", "mine"), ("Accept", "a/b"), ("X_TENANT", "theirs")]):
        answer = get(gateway.port, "/everything", headers)
        assert answer.status == 401 and answer.code == "forward_auth.multiple" and "-tenant once" in answer.json()["detail"].lower(), answer.body
        assert answer.all("WWW-Authenticate") == ['Bearer realm="Restricted"'], "RFC 9110 §15.5.2"
    assert len(auth.requests) == before


def test_where_services_are_asked_about_credentials_and_none_is_there_the_answer_names_the_ways(running):
    answer = get(running[0].port, "/asked")
    assert answer.status == 401 and answer.code == "any_of.missing"
    assert answer.all("WWW-Authenticate") == ['Bearer realm="Restricted"', 'ApiKey header="X-Session"']


@pytest.mark.parametrize("path", ["/shadow", "/shadow/mapped", "/shadow/either"])
@pytest.mark.parametrize("reply", [("401 No", []), ("200 OK", []), ("200 OK", [("Authorization", "Bearer inner"), ("X-User", "bob"), ("X-Bearer", "bob")]), ("503 Oops", []), ("400 Bad", [])])
def test_in_shadow_the_clients_credential_stays_where_it_is(running, path, reply):
    gateway, svc, auth = running
    auth.reply = reply
    told = f"sh{path.replace('/', '-')}-{reply[0][:3]}-{len(reply[1])}"
    assert get(gateway.port, path, [("Authorization", "Bearer outer"), ("X-Request-ID", told)]).status == 200
    assert svc.last.all("Authorization") == ["Bearer outer"]
    line = gateway.access_line(lambda e: e["request_id"] == told)
    assert "code" not in line and "refused_by" not in line


def test_behind_one_in_shadow_the_credential_is_judged_as_without_it(running):
    gateway, svc, auth = running
    auth.reply = ("200 OK", [("Authorization", "Bearer inner")])
    assert get(gateway.port, "/shadow/tok", [SIGNED]).status == 200 and svc.last.all("Authorization") == [SIGNED[1]]


def test_what_a_policy_before_has_set_gives_way_to_the_answer_also_where_that_says_nothing(running):
    gateway, svc, auth = running
    for reply, user in ((("200 OK", [("X-User", "bob")]), ["bob"]), (("200 OK", [("X-Role", "r")]), []), (("503 Oops", [("X-User", "bob")]), [])):
        auth.reply = reply
        assert get(gateway.port, "/roles", [SIGNED, ("X-Session", "1")]).status == 200
        assert svc.last.all("X-User") == user, reply
        # In shadow it stays what it is.
        assert get(gateway.port, "/shadow/roles", [SIGNED]).status == 200
        assert svc.last.all("X-User") == ["alice"], reply


def test_a_token_that_is_passed_on_stays_though_another_policy_would_have_judged_it(running):
    gateway, svc, _ = running
    assert get(gateway.port, "/passed-on", [SIGNED]).status == 200 and svc.last.all("Authorization") == [SIGNED[1]]


@pytest.mark.parametrize("settings,code,said", [
    ('send: ["*", X-A]', "bad-header-name", 'write send: "*"'), ("client_headers: [Content-Length]", "bad-header", "belongs"), ("client_headers: [Connection]", "bad-header", "belongs"),
    ("client_headers: [Transfer_Encoding]", "bad-header", "belongs"), ("client_headers: [keep.alive]", "bad-header", "belongs"), ("client_headers: [X_Request_ID]", "bad-header", "belongs"),
    ("send: [Transfer_Encoding]", "bad-header", "belongs"), ("send: [proxy_authorization]", "bad-header", "belongs"),
    ("client_headers: ['a b']", "bad-header-name", ""), ('client_headers: "*"', "bad-header-name", '"*" is not a header'), ('copy: "*"', "bad-header-name", '"*" is not a header'),
    ("copy: { '*': sub }", "bad-header-name", '"*" is not a header'), pytest.param('headers: "*"', "unknown-key", 'did you mean "send"?', id="t14-all-by-another-key"), ("copy: [Cookie]", "unmanageable-header", ""),
    ("copy: [Authorization, authorization]", "duplicate-header", "")])
def test_what_cannot_be_sent_or_given_is_a_load_error(settings, code, said):
    ran = check("services: { s: { endpoints: ['http://127.0.0.1:1'], internal: true } }\nroutes: [{ match: /x, use: [{ forward_auth: { service: s, " + settings + " } }], respond: {} }]\n")
    assert ran.code == 1 and f"[{code}]" in ran.out and said in ran.out, ran.text


def test_a_copied_authorization_is_managed_nowhere_else():
    # Where a jwt of another route reads it.
    config = f"""
policies:
  token: {{ forward_auth: {{ service: auth, copy: {{ Authorization: ~ }} }} }}
  known: {{ jwt: {{ algorithms: [HS256], secret: "{SECRET}" }} }}
services: {{ auth: {{ endpoints: ["http://127.0.0.1:1"], internal: true }} }}
routes:
  - {{ match: /a, use: [token], respond: {{}} }}
  - {{ match: /b, use: [known], respond: {{ body: "{{claims.sub}}" }} }}
"""
    with Gateway(config) as gateway:
        assert get(gateway.port, "/b", [("Authorization", "Bearer " + hs(claims("alice")))]).body == b"alice"
