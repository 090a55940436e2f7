"""Body templates and paths in strings, in the real binary: the rows of LANGUAGE.md section 9 about bodies, and who is blamed.

The language itself is tested beside its code (gateway/body_*_test.cc) and in docs/templates.md.
"""
import hashlib
import json

import pytest

from support.client import get
from support.gateway import Gateway, check
from support.pages import Page, Pages
from support.tokens import SECRET, claims, hs
from support.upstream import Echo

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
    assert answer.status == 502 and answer.code == "response.mapping"
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


def test_what_stands_around_a_variable_of_the_environment_is_a_template_still():
    key = hashlib.sha256(b"key").hexdigest()
    config = f"""
services: {{ svc: URL }}
policies:
  in: {{ api_key: {{ keys: [{{ name: u-7, sha256: {key} }}] }} }}
  not-own: {{ authorize: {{ claims: {{ none: {{ sub: "${{P}}{{id}}" }} }} }} }}
routes:
  - {{ match: "/none/{{id}}", use: [in, not-own], forward: {{ service: svc }} }}
  - {{ match: "/base/{{id}}", forward: {{ service: svc, path: "${{BASE:-/v1}}/users/{{id}}?k=${{ODD}}&n={{query.n}}" }} }}
  - {{ match: /head, use: [in, {{ transform: {{ request: {{ headers: {{ set: {{ X-Who: "${{P}}{{claims.sub}} ${{ODD}}" }} }} }} }} }}], forward: {{ service: svc }} }}
  - {{ match: "/to/{{id}}", redirect: {{ to: "${{SITE}}/x/{{id}}#part" }} }}
  - {{ match: "/body/{{id}}", respond: {{ body: {{ a: "${{ODD}} {{id}}", b: "${{DOLLAR}}", c: "$${{{{id}}" }} }} }}
"""
    env = {"P": "u-", "ODD": "{id}}", "SITE": "https://a.test", "DOLLAR": "$.x"}
    with Echo() as upstream, Gateway(config.replace("URL", upstream.url), env=env) as gateway:
        signed = [("X-API-Key", "key")]
        assert get(gateway.port, "/none/7", signed).status == 403 and get(gateway.port, "/none/8", signed).status == 200
        assert get(gateway.port, "/base/a%20b?n=1").json()["target"] == "/v1/users/a%20b?k={id}}&n=1".replace("{id}}", "%7Bid%7D%7D")
        assert ["X-Who", "u-u-7 {id}}"] in get(gateway.port, "/head", signed + [("X-Who", "root")]).json()["headers"]
        assert get(gateway.port, "/to/7").get("location") == "https://a.test/x/7#part"
        assert get(gateway.port, "/body/7").json() == {"a": "{id}} 7", "b": "$.x", "c": "${7"}
    ran = check('routes: [{ match: /x, respond: { body: { a: "$.a.${HOME}" } } }]\n')
    assert ran.code == 1 and "a JSONPath holds no variable" in ran.text


def test_what_the_file_says_of_a_cookie_refuses_no_request():
    config = """
services: { svc: URL }
routes:
  - { match: /x, use: [{ transform: { request: { cookies: { set: { a: "x y{query.q}" } } } } }], forward: { service: svc } }
  - { match: /y, forward: { service: svc, path: "/y?a={{\\"<>}}&b={query.q}" } }
"""
    with Echo() as upstream, Gateway(config.replace("URL", upstream.url)) as gateway:
        assert ["Cookie", "a=x yz"] in get(gateway.port, "/x?q=z").json()["headers"]
        assert get(gateway.port, "/x?q=%3Bz").status == 400
        assert get(gateway.port, "/y?q=2").json()["target"] == "/y?a=%7B%22%3C%3E%7D&b=2"
