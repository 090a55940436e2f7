"""`edit`: documents changed as they are, with everything else byte for byte."""
import json
import re

import pytest

from support.client import fetch, get
from support.gateway import Gateway
from support.upstream import Echo, Scripted, answering

DOCUMENT = (b'{ "id": 12345678901234567890, "secret": "s", "user": {"eMail": "a@b", "Name":"\\u0041da", "pin": 7},\n'
            b'  "items": [ {"name":"x", "price": 1.50, "cost": 1}, {"name":"y","price":2e0,"cost":2} ], "rate": 2.0 }')


def edited(edit, document, more=""):
    """The document after an edit of the answer, and the gateway's answer as a whole."""
    text = f"""
services: {{ svc: {{URL}} }}
routes:
  - match: /**
    use:
      - transform:
          response:
            edit: {edit}
            {more}
    forward: {{ service: svc }}
"""
    with Scripted(answering(document, headers=[("Content-Type", "application/vnd.api+json; v=1"), ("ETag", '"a"')])) as upstream, \
            Gateway(text.replace("{URL}", upstream.url)) as gateway:
        answer = get(gateway.port, "/a?q=1")
        return answer.body, answer


def test_what_no_edit_touches_is_copied_as_it_stands():
    body, answer = edited('{ remove: [$.secret, "$.items[*].cost"], rename: { $.user.eMail: email }, move: { $.user.pin: $.pin }, '
                          'set: { $.source: portico, $.user.ip: "{client.ip}" }, map: { "$.items[*].price": { amount: $value } } }', DOCUMENT)
    assert json.loads(body) == {
        "id": 12345678901234567890, "user": {"email": "a@b", "Name": "Ada", "ip": "127.0.0.1"}, "pin": 7, "rate": 2.0, "source": "portico",
        "items": [{"name": "x", "price": {"amount": 1.5}}, {"name": "y", "price": {"amount": 2.0}}]}
    for piece in (b"12345678901234567890", b'"\\u0041da"', b"1.50", b"2e0", b"2.0"):
        assert piece in body
    assert answer.get("Content-Type") == "application/vnd.api+json; v=1" and answer.get("ETag") not in (None, '"a"')


def test_keep_leaves_only_what_it_names():
    body, _ = edited('{ keep: [$.id, "$.items[*].name"] }', DOCUMENT)
    assert json.loads(body) == {"id": 12345678901234567890, "items": [{"name": "x"}, {"name": "y"}]}


def test_the_root_may_be_a_list():
    body, _ = edited('{ remove: "$[*].a", set: { "$[*].b": $.length } }', b'[{"a":1},{"b":2,"a":3}]')
    assert json.loads(body) == [{}, {"b": 2}]


def test_a_value_that_is_not_there_is_not_set():
    body, _ = edited('{ set: { $.a: $.missing, $.b: "{query.none}", $.c: { get: $.missing, default: null }, $.d: [ $.missing ] } }', b'{"a":1}')
    assert json.loads(body) == {"a": 1, "b": "", "c": None, "d": [None]}


def test_a23_something_else_in_the_way_is_told_without_the_services_names_or_passed_over():
    body, answer = edited('{ set: { "$..list[0].b": 1 } }', b'{"s3cr3t":{"list":"text"}}')
    assert (answer.status, answer.code) == (502, "response.mapping") and b"s3cr3t" not in answer.body
    body, answer = edited('{ set: { $.a.b: 1, $.c: 2 }, on_mismatch: skip }', b'{"a":"text"}')
    assert json.loads(body) == {"a": "text", "c": 2}


def test_what_was_passed_over_is_counted():
    text = """
services: { svc: URL }
policies: { lenient: { transform: { response: { edit: { set: { $.a.b: 1 }, on_mismatch: skip } } } } }
routes: [{ match: /**, use: [lenient], forward: { service: svc } }]
"""
    with Scripted(answering(b'{"a":[]}')) as upstream, Gateway(text.replace("URL", upstream.url)) as gateway:
        get(gateway.port, "/")
        get(gateway.port, "/")
        metrics = get(gateway.admin_port, "/metrics").body.decode()
        assert re.search(r'portico_transform_mismatches_total\{policy="lenient"\} 2\b', metrics)


@pytest.mark.parametrize("body", [b"no json", b"{", b'{"a":1,"a":2}'])
def test_what_is_not_json_is_refused(body):
    assert edited("{ remove: $.a }", body)[1].code == "response.not_json"


REQUEST = """
services: { svc: URL }
routes:
  - match: /**
    use: [{ transform: { request: { edit: { remove: $.admin, set: { $.tenant: "{header.x-tenant}" } } AS } } }]
    forward: { service: svc }
"""


def sent(as_form, headers, body):
    """What the service gets of a request."""
    with Echo() as echo, Gateway(REQUEST.replace("URL", echo.url).replace(" AS", as_form)) as gateway:
        assert fetch(gateway.port, "POST", "/", [("X-Tenant", "acme"), *headers], body).status == 200
        return echo.last.body, echo.last.get("Content-Type")


FORM = [("Content-Type", "application/x-www-form-urlencoded")]
LD = [("Content-Type", "application/ld+json")]


@pytest.mark.parametrize("as_form,headers,body,made,type_of", [
    ("", LD, b'{"n": 2.0,"admin":true}', b'{"n": 2.0,"tenant":"acme"}', "application/ld+json"),
    ("", FORM, b"n=2.0&admin=true&n=3", b"n=2.0&n=3&tenant=acme", "application/x-www-form-urlencoded"),
    ("", FORM, b"Admin=1&n=2&admin[]=3& admin=4&admin%00x=5&TENANT=6&tenant[a]=7&admins=8", b"n=2&admins=8&tenant=acme", "application/x-www-form-urlencoded"),
    (", as: json", FORM, b"n=2.0&admin=true", b'{"n":"2.0","tenant":"acme"}', "application/json"),
    (", as: form", LD, b'{"n": 2.0,"admin":true}', b"n=2.0&tenant=acme", "application/x-www-form-urlencoded"),
])
def test_a_requests_body_stays_what_it_was_unless_as_says_otherwise(as_form, headers, body, made, type_of):
    got, content_type = sent(as_form, headers, body)
    assert (got.replace(b", ", b",").replace(b" }", b"}"), content_type) == (made, type_of)


def test_lines_are_edited_one_by_one():
    lines = b'{"a":1,"b":2.0}\n[]\n{"b":3}'
    with Scripted(answering(lines, headers=[("Content-Type", "application/x-ndjson")])) as upstream, Gateway(f"""
services: {{ svc: {upstream.url} }}
routes: [{{ match: /**, use: [{{ transform: {{ response: {{ lines: {{ edit: {{ remove: $.a }} }} }} }} }}], forward: {{ service: svc }} }}]
""") as gateway:
        assert get(gateway.port, "/").body == b'{"b":2.0}\n[]\n{"b":3}\n'
