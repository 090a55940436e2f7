"""Conditions on bodies that cannot be read: what says that it is JSON or a form and is none is refused, never passed over."""
import pytest

from support.client import fetch, get
from support.gateway import Gateway
from support.upstream import Scripted

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
# What a body is, and what it says that it is.
UNREADABLE = {
    "twice": (b'{"role":"admin","role":"admin"}', JSON),
    "deep": (b'{"role":"admin","x":' + b"[" * 65 + b"]" * 65 + b"}", JSON),
    "half a surrogate": (b'{"role":"admin","x":"\\ud800"}', JSON),
    "a bad byte": (b'{"role":"admin","x":"\xff"}', JSON),
    "behind it": (b'{"role":"admin"}{}', JSON),
    "suffix": (b'{"role":"admin",}', "application/merge-patch+json; charset=utf-8"),
    "capitals": (b'{"role":"admin",}', "Application/JSON"),
    "text/json": (b'{"role":"admin",}', "text/json"),
    "utf-16": ('{"role":"admin"}'.encode("utf-16-le"), JSON + "; charset=utf-16"),
    "one of two": (b'{"role":"admin",}', "text/plain, " + JSON),
    "no type": (b' \r\n{"role":"admin",}', None),
    "behind nothing": ('\ufeff{"role":"admin"}'.encode("utf-16-le"), ";, " + JSON),
}
FORMS = {
    "pairs": (b"role=admin" + b"&a=1" * 1000, FORM),
    "a bracket": (b"[x]=1&role=admin", FORM),
}


@pytest.fixture(scope="module")
def requests():
    def answers(connection):
        while True:
            connection.answer(connection.read_request().body, headers=[("Content-Type", "text/plain")])
    with Scripted(answers) as svc, Gateway(f"""
services: {{ svc: {svc.url} }}
routes:
  - match: {{ path: /when, methods: [POST] }}
    use: [{{ transform: {{ request: {{ when: {{ body: "$.role" }}, edit: {{ remove: $.role }} }} }} }}]
    forward: {{ service: svc }}
  - match: {{ path: /always, methods: [POST] }}
    use: [{{ transform: {{ request: {{ edit: {{ remove: $.role }} }} }} }}]
    forward: {{ service: svc }}
  - match: {{ path: /head, methods: [POST] }}
    use: [{{ transform: {{ request: {{ when: {{ body: "$.role == 'admin'" }}, headers: {{ remove: [X-Any] }} }} }} }}]
    forward: {{ service: svc }}
  - match: {{ path: /type, methods: [POST] }}
    use: [{{ transform: {{ request: {{ when: {{ content_type: {JSON} }}, edit: {{ remove: $.role }} }} }} }}]
    forward: {{ service: svc }}
  - match: {{ path: /by-header, methods: [POST] }}
    use: [{{ transform: {{ request: {{ when: {{ headers: {{ X-Role: admin }} }}, body: {{ state: refused }} }} }} }}]
    forward: {{ service: svc }}
  - match: {{ path: /by-query, methods: [POST] }}
    use: [{{ transform: {{ request: {{ when: {{ query: {{ role: admin }} }}, body: {{ state: refused }} }} }} }}]
    forward: {{ service: svc }}
""") as gateway:
        yield gateway


@pytest.mark.parametrize("body", [b"role[]=admin&a=1", b"Role=admin", b"a=1;role=admin", b"%72ole=user&ROLE=admin"])
@pytest.mark.parametrize("path", ["/when", "/head"])
def test_a20_a_form_that_names_what_is_asked_for_in_another_spelling_is_refused(requests, path, body):
    answer = post(requests, path, body, [FORM])
    assert (answer.status, answer.code) == (400, "route.value_refused")


def test_a20_a_form_that_names_it_twice_is_judged(requests):
    assert post(requests, "/when", b"role=user&role=admin&a=1", [FORM]).body == b"a=1"
    assert post(requests, "/when", b"%72ole=admin&a=1", [FORM]).body == b"a=1"


@pytest.mark.parametrize("name", ["X-Role", "x_role", "X.Role"])
def test_a20_a_condition_asks_for_a_header_in_every_spelling(requests, name):
    assert fetch(requests.port, "POST", "/by-header", [("Content-Type", JSON), (name, "admin")], b"{}").body == b'{"state":"refused"}'
    assert fetch(requests.port, "POST", "/by-header", [("Content-Type", JSON), (name, "user")], b"{}").body == b"{}"


@pytest.mark.parametrize("query,holds", [("role=admin", True), ("Role=admin", True), ("role[]=admin", True), ("role=user&role=admin", True), ("role=user", False),
                                         ("a=1;role=admin", True), ("", False)])
def test_a20_a_condition_asks_for_a_pair_in_every_spelling(requests, query, holds):
    answer = post(requests, "/by-query?" + query, b"{}", [JSON])
    assert answer.body == (b'{"state":"refused"}' if holds else b"{}")


def post(gateway, path, body, types):
    return fetch(gateway.port, "POST", path, [("Content-Type", t) for t in types if t], body)


@pytest.mark.parametrize("name", [*UNREADABLE, *FORMS])
@pytest.mark.parametrize("path", ["/when", "/always", "/head"])
def test_a20_a_body_that_claims_to_be_what_it_is_not_is_refused(requests, path, name):
    body, kind = {**UNREADABLE, **FORMS}[name]
    answer = post(requests, path, body, [kind])
    assert (answer.status, answer.code) == (400, "body.not_json")


@pytest.mark.parametrize("path", ["/when", "/always"])
@pytest.mark.parametrize("body,kind,sent", [
    pytest.param(b'\xef\xbb\xbf{"role":"admin","a":1}', JSON, b'{"a":1}', id="t24-mark"),
    (b"name=Andr%E9&role=admin", FORM, b"name=Andr%E9"),
])
def test_a20_what_can_be_read_is_read(requests, path, body, kind, sent):
    answer = post(requests, path, body, [kind])
    assert (answer.status, answer.body) == (200, sent)


@pytest.mark.parametrize("body,kind", [(b'{"role":', "text/plain"), (b"\x00\x01role", "application/octet-stream"), (b"role=admin", None), (b"", JSON)])
def test_what_says_that_it_is_something_else_passes_a_condition_as_it_is(requests, body, kind):
    answer = post(requests, "/when", body, [kind])
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize("types", [["text/plain", JSON], [JSON, "text/plain"], ["text/plain, " + JSON]])
def test_a_condition_on_the_type_holds_for_each_that_is_named(requests, types):
    answer = post(requests, "/type", b'{"role":"admin","a":1}', types)
    assert (answer.status, answer.body) == (200, b'{"a":1}')
    assert post(requests, "/when", UNREADABLE["twice"][0], types).status == 400


@pytest.fixture(scope="module")
def responses():
    bodies = dict(enumerate(UNREADABLE.values()))
    others = {"mark": (b'\xef\xbb\xbf{"id":1,"role":"s"}', JSON), "text": (b"role", "text/plain"), "untyped": (b"role", None), "empty": (b"", JSON)}

    def answers(connection):
        while True:
            name = connection.read_request().target.rsplit("/", 1)[1]
            body, kind = others[name] if name in others else bodies[int(name)]
            connection.answer(body, headers=[("Content-Type", kind)] if kind else [])
    with Scripted(answers) as svc, Gateway(f"""
services: {{ svc: {svc.url} }}
routes:
  - match: /when/**
    use: [{{ transform: {{ response: {{ when: {{ body: "$.role" }}, edit: {{ remove: $.role }} }} }} }}]
    forward: {{ service: svc }}
  - match: /fields/**
    use: [{{ fields: {{ allow: [id], default: [id] }} }}]
    forward: {{ service: svc }}
""") as gateway:
        yield gateway


@pytest.mark.parametrize("name", range(len(UNREADABLE)), ids=list(UNREADABLE))
def test_a20_an_answer_that_claims_to_be_json_and_is_none_is_refused(responses, name):
    answer = get(responses.port, f"/when/{name}")
    assert (answer.status, answer.code) == (502, "response.not_json")


def test_t24_a20_an_answer_behind_a_byte_order_mark_is_read(responses):
    assert get(responses.port, "/when/mark").body == get(responses.port, "/fields/mark").body == b'{"id":1}'


@pytest.mark.parametrize("name,body", [("text", b"role"), ("untyped", b"role"), ("empty", b"")])
def test_an_answer_that_says_that_it_is_something_else_passes_as_it_is(responses, name, body):
    answer = get(responses.port, f"/when/{name}")
    assert (answer.status, answer.body) == (200, body)
