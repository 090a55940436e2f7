"""`fields`: a client asks for some fields of a JSON answer and gets just those."""
import gzip
import json

import pytest

from support.client import fetch, get
from support.gateway import Gateway, check
from support.upstream import Scripted, answering

ORDER = (b'{"id":12345678901234567890,"name":{"first":"Ada","last":"Lovelace","secret":1},'
         b'"items":[{"id":1, "price":2.50},{"price":3}],"internal":true}')
JSON = [("Content-Type", "application/json; charset=utf-8"), ("ETag", '"one"')]
CONFIG = """
services: {{ orders: {{ endpoints: [{url}] }} }}
policies:
  chosen: {{ fields: {{ allow: [id, "name(first,last)", items.id, items.price], max_body: 10KiB }} }}
  small: {{ fields: {{ allow: [id, name, items], default: [id, name.first], parameter: only }} }}
routes:
  - {{ match: "/orders/{{id}}", use: [chosen], forward: {{ service: orders, path: "/o/{{id}}?v=1&{{query}}" }} }}
  - {{ match: /plain/**, use: [chosen], forward: {{ service: orders }} }}
  - {{ match: /small, use: [small], forward: {{ service: orders }} }}
  - match: /fixed
    use: [chosen]
    respond: {{ body: {{ id: 1, name: {{ first: a, secret: b }}, hidden: true }} }}
  - match: /several
    use: [chosen]
    aggregate:
      calls: {{ order: {{ service: orders, path: /o/1 }} }}
      body: {{ id: $order.id, name: $order.name, hidden: 1 }}
  - match: /shaped
    use:
      - chosen
      - transform: {{ response: {{ body: {{ id: $.id, name: {{ first: {{ literal: {{ a: 1 }} }} }}, more: 1 }} }} }}
    forward: {{ service: orders }}
"""


def serving(body=ORDER, headers=JSON, status="200 OK"):
    return Scripted(answering(body, status=status, headers=headers))


@pytest.fixture
def running():
    with serving() as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        yield gateway, upstream


def test_only_what_is_asked_for_is_sent_in_the_order_of_the_document(running):
    gateway, upstream = running
    answer = get(gateway.port, "/orders/7?fields=items.id,name(first),id")
    assert (answer.status, answer.body) == (200, b'{"id":12345678901234567890,"name":{"first":"Ada"},"items":[{"id":1},{}]}')
    assert answer.get("Content-Length") == str(len(answer.body))
    assert answer.get("ETag") not in (None, '"one"')


def test_without_the_parameter_the_answer_is_the_services_own(running):
    gateway, upstream = running
    answer = get(gateway.port, "/orders/7?a=1")
    assert (answer.body, answer.get("ETag")) == (ORDER, '"one"')
    assert upstream.requests[0].target == "/o/7?v=1&a=1"


@pytest.mark.parametrize("query, sent", [
    ("fields=id", "/o/7?v=1"),
    ("a=1&fields=id&b=2&fiel%64s=name", "/o/7?v=1&a=1&b=2"),
])
def test_the_service_does_not_see_the_parameter(running, query, sent):
    gateway, upstream = running
    assert get(gateway.port, "/orders/7?" + query).status == 200
    assert upstream.requests[0].target == sent


def test_the_parameter_adds_up(running):
    gateway, _ = running
    assert json.loads(get(gateway.port, "/plain/x?fields=id&fields=name%28last%29").body) == {
        "id": 12345678901234567890, "name": {"last": "Lovelace"}}


def test_a_name_allowed_in_part_stands_for_that_part(running):
    gateway, _ = running
    assert json.loads(get(gateway.port, "/orders/7?fields=name,items").body) == {
        "name": {"first": "Ada", "last": "Lovelace"}, "items": [{"id": 1, "price": 2.5}, {"price": 3}]}


@pytest.mark.parametrize("fields, said", [
    ("internal", "`internal` is not among"),
    ("id,name.secret", "`name.secret` is not among"),
    ("", "a name is missing"),
    ("name(first", "a closing parenthesis is missing"),
    ("a," * 2100, "it is too long"),
])
def test_what_is_not_allowed_is_refused_and_the_answer_says_what_is(running, fields, said):
    gateway, upstream = running
    answer = get(gateway.port, "/orders/7?fields=" + fields)
    problem = json.loads(answer.body)
    assert (answer.status, problem["code"]) == (400, "route.value_refused")
    assert said in problem["detail"] and "It takes: id, name.first, name.last, items.id, items.price." in problem["detail"]
    assert not upstream.requests


def test_a_default_holds_where_nobody_asks(running):
    gateway, _ = running
    assert json.loads(get(gateway.port, "/small").body) == {"id": 12345678901234567890, "name": {"first": "Ada"}}
    assert json.loads(get(gateway.port, "/small?only=items.price&fields=x").body) == {"items": [{"price": 2.5}, {"price": 3}]}


def test_answers_of_the_configuration_are_projected_too(running):
    gateway, _ = running
    assert get(gateway.port, "/fixed?fields=id,name").body == b'{"id":1,"name":{"first":"a"}}'


def test_the_answer_of_an_aggregate_is_projected_and_tagged_as_it_is_sent(running):
    gateway, _ = running
    answer = get(gateway.port, "/several?fields=id,name.first")
    assert answer.body == b'{"id":12345678901234567890,"name":{"first":"Ada"}}'
    assert answer.get("ETag") != get(gateway.port, "/several").get("ETag")
    again = get(gateway.port, "/several?fields=id,name.first", headers=[("If-None-Match", answer.get("ETag"))])
    assert (again.status, again.body) == (304, b"")


def test_a_transform_behind_it_makes_the_document_that_is_asked(running):
    gateway, _ = running
    assert get(gateway.port, "/shaped?fields=name").body == b'{"name":{"first":{"a":1}}}'


def test_head_has_no_length_of_another_body(running):
    gateway, _ = running
    answer = fetch(gateway.port, "HEAD", "/orders/7?fields=id")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.get("Content-Length") != str(len(ORDER)) and answer.get("ETag") != '"one"'


@pytest.mark.parametrize("status, headers", [
    ("404 Not Found", JSON),
    ("200 OK", [("Content-Type", "text/plain")]),
    ("200 OK", []),
])
def test_what_is_no_good_json_answer_passes(status, headers):
    with serving(status=status, headers=headers) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        assert get(gateway.port, "/orders/7?fields=id").body == ORDER


@pytest.mark.parametrize("body, code", [
    (b"<html>", "response.not_json"), (b'{"id":1,"id":2}', "response.not_json"), (b'{"id":1', "response.not_json"),
    (b'"' + b"x" * 20000 + b'"', "response.too_large"),
])
def test_json_that_is_none_or_too_long_is_refused(body, code):
    with serving(body) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        answer = get(gateway.port, "/orders/7?fields=id")
        assert (answer.status, json.loads(answer.body)["code"]) == (502, code)


def test_a_compressed_answer_is_asked_too():
    headers = [*JSON, ("Content-Encoding", "gzip")]
    with serving(gzip.compress(ORDER, mtime=0), headers) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        answer = get(gateway.port, "/orders/7?fields=id", headers=[("Accept-Encoding", "gzip, zstd")])
        assert answer.get("Content-Encoding") == "gzip"
        assert gzip.decompress(answer.body) == b'{"id":12345678901234567890}'
        assert upstream.requests[0].get("Accept-Encoding") == "gzip"
        plain = get(gateway.port, "/orders/7?fields=id")
        assert (plain.get("Content-Encoding"), plain.body) == (None, b'{"id":12345678901234567890}')


@pytest.mark.parametrize("settings, message", [
    ("{}", 'fields needs the key "allow"'),
    ("{ allow: [] }", "the list is empty"),
    ("{ allow: [$.a] }", '"$.a" is a path, and names are wanted here'),
    ("{ allow: ['items[*].id'] }", "names lead through lists: items.id"),
    ("{ allow: [id, 'a..b'] }", '"a..b" does not name fields: a name is missing'),
    ("{ allow: id, default: name.first }", "`name` is not in allow"),
    ("{ allow: id, parameter: '' }", "the parameter needs a name"),
])
def test_settings_that_cannot_be_are_told(settings, message):
    told = check("listeners: [{ address: 127.0.0.1:0 }]\n"
                 f"routes: [{{ match: /x, use: [{{ fields: {settings} }}], respond: {{ body: a }} }}]")
    assert told.code == 1 and message in told.text
