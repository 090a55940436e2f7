"""Body templates and paths in strings, in the real binary: the rows of LANGUAGE.md section 9 about bodies, and who is blamed.

The language itself is tested beside its code (gateway/body_*_test.cc) and in docs/templates.md.
"""
import json

import pytest

from support.client import get
from support.gateway import Gateway, check
from support.pages import Page, Pages
from support.tokens import SECRET, claims, hs

CONFIG = """
services: {{ up: "{up}" }}
policies: {{ signed-in: {{ jwt: {{ algorithms: [HS256], secret: "{secret}" }} }} }}
routes:
  - match: /**
    use:
      - signed-in
      - transform: {{ response: {{ body: {body} }} }}
    forward: {{ service: up }}
"""


def shaped(body, document, name="Ada"):
    """What `body` makes of an answer for someone of that name."""
    token = [("Authorization", "Bearer " + hs(claims("u-1", name=name)))]
    with Pages({"/a": Page(body=document)}) as up, Gateway(CONFIG.format(up=up.url, secret=SECRET, body=body)) as gateway:
        return get(gateway.port, "/a", token)


@pytest.mark.parametrize("body,document,made", [
    ('{ label: "{claims.name} owes {$.total}" }', b'{"total":12.50}', b'{"label":"Ada owes 12.50"}'),
    ('{ label: "{claims.name} owes $.total" }', b'{"total":12.50}', b'{"label":"Ada owes $.total"}'),
    ("{ price: { value: $.amount, default: 1, date: $.at } }", b'{"amount":3}', b'{"price":{"value":3,"default":1}}'),
    ('{ tags: "$.tags[*].name" }', b'{"tags":[]}', b'{"tags":[]}'),
    ('{ tags: "$.tags[*].name" }', b'{}', b'{"tags":[]}'),
    ("{ secret: pa$$word }", b"{}", b'{"secret":"pa$$word"}'),
    ("{ secret: $$word }", b"{}", b'{"secret":"$word"}'),
    ("{ a: $.x, b: $.y, c: 2.0, d: [$.x, $.y] }", b'{"y":null}', b'{"b":null,"c":2.0,"d":[null,null]}'),
    ("{ literal: { get: $.x, when: now } }", b'{"x":1}', b'{"get":1,"when":"now"}'),
])
def test_a_decided_case_of_bodies(body, document, made):
    answer = shaped(body, document)
    assert answer.status == 200 and answer.body == made


@pytest.mark.parametrize("body,document,path", [
    ("$.a.b", b"{}", "$.a.b"),
    ("{ a: { get: $.x.y, required: true } }", b"{}", "$.x.y"),
    ("{ a: { for_each: $.x, item: $item.id } }", b'{"x":7}', "$.x"),
    ('{ a: "{$.x}!" }', b'{"x":[1]}', "$.x"),
    ("{ a: { get: $.x, cast: integer } }", b'{"x":"seven"}', "$.x"),
    ("{ a: { for_each: $.x, item: { get: $item.d, date: { to: epoch_s } } } }", b'{"x":[{"d":"2021-02-29"}]}', "$.x[*].d"),
])
def test_an_answer_that_does_not_fit_is_502_and_names_the_path(body, document, path):
    answer = shaped(body, document)
    assert answer.status == 502 and answer.code == "answer.mapping"
    assert json.loads(answer.body)["detail"].startswith(path + " ")


@pytest.mark.parametrize("body,said", [
    ('{ label: "{claims.name} owes $.total" }', "was {$.total} meant?"),
    ('{ label: "${claims.sub}" }', "did you mean {claims.sub}?"),
    ('{ a: "$.x[" }', "this is no JSONPath"),
    ("{ a: { get: $.x, defualt: 1 } }", 'did you mean "default"?'),
    ("{ a: 0x1F }", "JSON cannot spell the number 0x1F"),
    ("{ a: $usr.x }", "nothing is known as $usr here"),
])
def test_check_says_what_is_wrong_or_odd(body, said):
    ran = check(CONFIG.format(up="http://127.0.0.1:9", secret=SECRET, body=body))
    assert said in ran.text
    assert ran.code == (0 if "meant" in said else 1), ran.text


CALLS = """
services: {{ orders: "{up}", products: "{up}" }}
routes:
  - match: /page
    aggregate:
      calls:
        order: {{ service: orders, path: /order }}
        product: {{ service: products, path: "/products/{{$order.id}}?of={{calls.order.status}}&no={{$order.none}}", headers: {{ X-Total: $order.total }} }}
      body: {{ name: $product.name, order: $order.id }}
"""


@pytest.mark.parametrize("order,path", [(b'{"id":7,"total":2.50}', "/products/7?of=200"), (b'{"id":"a b|c"}', "/products/a%20b%7Cc?of=200")])
def test_a_calls_value_is_one_segment_of_the_next_calls_path(order, path):
    with Pages({"/order": Page(body=order), path.split("?")[0]: {"name": "Engine"}}) as up, Gateway(CALLS.format(up=up.url)) as gateway:
        assert json.loads(get(gateway.port, "/page").body)["name"] == "Engine"
        seen = next(request for request in up.requests if request.target.startswith("/products"))
        assert seen.target == path
        assert [v for n, v in seen.headers if n.lower() == "x-total"] == (["2.50"] if b"2.50" in order else [])


@pytest.mark.parametrize("order", [b'{"id":".."}', b'{"id":""}', b'{"id":null}', b"{}", b'{"id":["x"]}', b'{"id":"a/b"}', b'{"id":"../admin"}'])
def test_a_calls_value_that_cannot_stand_in_a_path_is_502(order):
    with Pages({"/order": Page(body=order)}) as up, Gateway(CALLS.format(up=up.url)) as gateway:
        answer = get(gateway.port, "/page")
        assert answer.status == 502 and not any(request.target.startswith("/products") for request in up.requests)
