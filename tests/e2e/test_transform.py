"""`transform` as the storefront of MISSION.md uses it: a legacy answer in the shape of its second version."""
import hashlib

import pytest

from support.client import fetch, get
from support.gateway import Gateway, check
from support.upstream import Echo, Scripted, answering

# As MISSION.md has it, but for the service's address and the limit's store.
STOREFRONT = """
services: {{ legacy-users: {{ endpoints: [{url}], internal: true }} }}
routes:
  - name: user-v2
    match: {{ path: "/api/v2/users/{{user_id}}", methods: [GET] }}
    use:
      - transform:
          response:
            body:
              id: $.userId
              email: $.emailAddress
              name: {{ first: $.firstName, last: $.lastName }}
              created_at: $.createdDate
              metadata: {{ source: legacy-transform, version: "2.0" }}
    forward: {{ service: legacy-users, path: "/users/{{user_id}}" }}
"""
LEGACY = (b'{"userId":"42","emailAddress":"ada@example.com","firstName":"Ada","lastName":"Lovelace",'
          b'"createdDate":"2019-03-01T12:00:00Z"}')
V2 = (b'{"id":"42","email":"ada@example.com","name":{"first":"Ada","last":"Lovelace"},'
      b'"created_at":"2019-03-01T12:00:00Z","metadata":{"source":"legacy-transform","version":"2.0"}}')


def test_the_legacy_answer_leaves_in_the_shape_of_its_second_version_byte_for_byte():
    with Scripted(answering(LEGACY, headers=[("Content-Type", "application/json")])) as upstream, \
            Gateway(STOREFRONT.format(url=upstream.url)) as gateway:
        answer = get(gateway.port, "/api/v2/users/42")
        assert (answer.status, answer.body) == (200, V2)
        assert answer.get("Content-Length") == str(len(V2))
        assert answer.get("Content-Type") == "application/json"
        assert upstream.requests[0].target == "/users/42"


KEY = """
policies:
  key:
    api_key: { from: { header: X-Key }, keys: [{ name: ada, sha256: "%s" }], claims_to_headers: { X-User-ID: sub } }
"""


def keyed(routes):
    return KEY % hashlib.sha256(b"k1").hexdigest() + routes


def test_a_header_that_is_renamed_or_copied_from_an_identity_is_no_clients_anywhere():
    with Echo() as echo, Gateway(keyed(f"""
services: {{ svc: {echo.url} }}
routes:
  - match: /chain/**
    use:
      - key
      - transform: {{ request: {{ when: {{ query: {{ v: "2" }} }}, headers: {{ copy: {{ X-U1: X-U2 }}, rename: {{ X-User-ID: X-U1 }} }} }} }}
    forward: {{ service: svc }}
  - {{ match: /plain, forward: {{ service: svc }} }}
""")) as gateway:
        forged = [("X-U1", "evil"), ("x_u2", "evil"), ("X-User-ID", "evil")]
        get(gateway.port, "/plain", forged)
        assert [echo.last.get(n) for n in ("X-U1", "x_u2", "X-User-ID")] == [None] * 3
        get(gateway.port, "/chain/x?v=1", [*forged, ("X-Key", "k1")])
        assert [echo.last.get(n) for n in ("X-U1", "x_u2", "X-User-ID")] == [None, None, "ada"]
        get(gateway.port, "/chain/x?v=2", [*forged, ("X-Key", "k1")])
        assert [echo.last.get(n) for n in ("X-U1", "x_u2", "X-User-ID")] == ["ada", None, None]


@pytest.mark.parametrize("headers", ['set: { X-User-ID: "{query.u}" }', 'append: { x_user_id: "{header.x-in}" }', "rename: { X-In: X-User-ID }", "copy: { X-In: X-User-ID }"])
def test_an_identitys_header_with_a_clients_value_is_warned_of(headers):
    said = check(keyed(f"""
services: {{ svc: http://127.0.0.1:9 }}
routes:
  - {{ match: /in/**, use: [key], forward: {{ service: svc }} }}
  - {{ match: /out/**, use: [{{ transform: {{ request: {{ headers: {{ {headers} }} }} }} }}], forward: {{ service: svc }} }}
"""))
    assert said.code == 0 and "here a client chooses what it says" in said.text, said.text


def test_an_aggregates_header_with_a_clients_value_is_warned_of_and_an_identity_cannot_become_authorization():
    text = """
services: { svc: http://127.0.0.1:9 }
routes:
  - { match: /in/**, use: [key], forward: { service: svc } }
  - { match: /out, aggregate: { calls: { a: { service: svc, path: /, headers: { X-User-ID: "{query.u}" } } }, body: $a } }
"""
    said = check(keyed(text))
    assert said.code == 0 and "here a client chooses what it says" in said.text, said.text
    said = check(keyed("""
services: { svc: http://127.0.0.1:9 }
routes: [{ match: /in/**, use: [key, { transform: { request: { headers: { rename: { X-User-ID: Authorization } } } } }], forward: { service: svc } }]
"""))
    assert said.code == 1 and "Authorization cannot be managed" in said.text, said.text


def test_an_answer_with_an_identity_in_it_is_nobody_elses():
    def shared(connection):
        while True:
            connection.read_request()
            connection.answer(b'{"a":1}', "200 OK", [("Content-Type", "application/json"), ("Cache-Control", "public, max-age=60")])
    with Scripted(shared) as svc, Gateway(keyed(f"""
services: {{ svc: {svc.url} }}
routes:
  - match: /mine
    use: [key, {{ transform: {{ response: {{ body: {{ who: "{{claims.sub}}", a: $.a }} }} }} }}]
    forward: {{ service: svc }}
  - match: /said
    use: [key, {{ transform: {{ response: {{ headers: {{ set: {{ X-Who: "{{claims.sub}}", Cache-Control: private }} }} }} }} }}]
    forward: {{ service: svc }}
  - match: /all
    use: [key, {{ transform: {{ response: {{ body: {{ a: $.a }} }} }} }}]
    forward: {{ service: svc }}
""")) as gateway:
        answer = get(gateway.port, "/mine", [("X-Key", "k1")])
        assert answer.json() == {"who": "ada", "a": 1} and answer.all("Cache-Control") == ["private, no-cache"]
        assert get(gateway.port, "/said", [("X-Key", "k1")]).all("Cache-Control") == ["private"]
        assert get(gateway.port, "/all", [("X-Key", "k1")]).all("Cache-Control") == ["public, max-age=60"]


def test_a_part_that_nobody_asked_for_is_no_answer():
    def part(connection):
        while True:
            connection.read_request()
            connection.answer(b'{"a":1}', "206 Partial Content", [("Content-Type", "application/json"), ("Content-Range", "bytes 0-6/100")])
    with Scripted(part) as svc, Gateway(f"""
services: {{ svc: {svc.url} }}
routes: [{{ match: /x, use: [{{ transform: {{ response: {{ body: {{ a: $.a }} }} }} }}], forward: {{ service: svc }} }}]
""") as gateway:
        answer = get(gateway.port, "/x", [("Range", "bytes=0-6")])
        assert (answer.status, answer.code) == (502, "response.mapping")


def test_the_log_says_which_transform_could_not_do_its_work_and_where_the_body_was_no_json():
    def answers(connection):
        while True:
            request = connection.read_request()
            connection.answer(b'{"a":1, <html>' if "bad" in request.target else b'{"a":1}', "200 OK", [("Content-Type", "application/json")])
    with Scripted(answers) as svc, Gateway(f"""
services: {{ svc: {svc.url} }}
policies:
  outer: {{ transform: {{ response: {{ body: {{ b: {{ get: $.b, required: true }} }} }} }} }}
  inner: {{ transform: {{ response: {{ body: {{ a: $.a }} }} }} }}
routes: [{{ match: /**, use: [outer, inner], forward: {{ service: svc }} }}]
""") as gateway:
        assert get(gateway.port, "/good").status == 502
        line = gateway.access_line(lambda e: e["path"] == "/good")
        assert (line["refused_by"], line["code"]) == ("outer", "response.mapping") and "$.b" in line["detail"]
        assert get(gateway.port, "/bad").status == 502
        line = gateway.access_line(lambda e: e["path"] == "/bad")
        assert (line["refused_by"], line["code"]) == ("inner", "response.not_json") and "at byte 8" in line["detail"], line


def test_what_is_made_of_a_requests_header_varies_by_it():
    def answers(connection):
        while True:
            connection.read_request()
            connection.answer(b'{"a":1}', "200 OK", [("Content-Type", "application/json"), ("Vary", "X-Kind")])
    with Scripted(answers) as svc, Gateway(f"""
services: {{ svc: {svc.url} }}
routes:
  - match: /t
    use:
      - transform: {{ response: {{ headers: {{ set: {{ X-K: "{{header.x-kind}}" }} }}, body: {{ l: "{{header.Accept-Language}}", a: $.a, again: "{{header.accept-language}}" }} }} }}
    forward: {{ service: svc }}
  - match: /a
    aggregate:
      calls: {{ a: {{ service: svc, path: "/{{header.x-shop}}", headers: {{ Accept-Language: "{{header.accept-language}}" }} }} }}
      body: $a
""") as gateway:
        asked = [("Accept-Language", "de"), ("X-Kind", "k"), ("X-Shop", "s")]
        answer = get(gateway.port, "/t", asked)
        assert answer.json() == {"l": "de", "a": 1, "again": "de"} and answer.all("Vary") == ["X-Kind", "Accept-Language"]
        assert get(gateway.port, "/a", asked).all("Vary") == ["x-shop", "accept-language"]
