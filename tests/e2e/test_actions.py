"""Fixed answers, redirects, the shape of errors, and values put into text."""
import json
from urllib.parse import urlencode

import pytest

from support.client import fetch, get
from support.gateway import Gateway, check
from support.upstream import Echo

RESPOND = """
routes:
  - { match: /text, respond: { body: pong } }
  - { match: /empty, respond: { status: 204 } }
  - { match: /nothing, respond: {} }
  - { match: /teapot, respond: { status: 418, headers: { X-Kind: teapot, Content-Type: text/tea }, body: short and stout } }
  - { match: /json, respond: { body: { ok: true, n: 12345678901234567890, f: 2.0, none: null, list: [1, "two", { three: 3 }], text: "q\\"uote" } } }
  - { match: /list, respond: { body: [1, 2] } }
  - { match: "/hello/{name}/**", respond: { body: "{name}|{**}|{client.ip}|{request.method}|{request.path}|{request.host}|{request.scheme}|{query.q}|{header.x-h}|{{" } }
  - { match: "/id", respond: { body: { id: "{request.id}" } } }
  - { match: "/named/{name}", respond: { headers: { X-Name: "{name}", X-Only: "{query.only}", X-Mixed: "<{query.only}>" }, body: "" } }
"""


@pytest.fixture(scope="module")
def fixed():
    with Gateway(RESPOND) as running:
        yield running


def test_a_text_goes_out_as_text(fixed):
    answer = get(fixed.port, "/text")
    assert answer.status == 200 and answer.body == b"pong" and answer.get("content-type").startswith("text/plain")


def test_every_answer_carries_its_request_id(fixed):
    assert get(fixed.port, "/text").get("x-request-id")


def test_an_answer_of_the_gateways_own_was_passed_on_by_nobody(fixed):
    assert get(fixed.port, "/text").get("via") is None
    assert get(fixed.port, "/no/such/route").get("via") is None


def test_a_status_without_a_body(fixed):
    answer = get(fixed.port, "/empty")
    assert answer.status == 204 and answer.body == b"" and answer.get("content-type") is None


def test_nothing_but_a_status(fixed):
    answer = get(fixed.port, "/nothing")
    assert answer.status == 200 and answer.body == b"" and answer.get("content-length") == "0"


def test_headers_and_status_are_as_written(fixed):
    answer = get(fixed.port, "/teapot")
    assert (answer.status, answer.body) == (418, b"short and stout")
    assert answer.get("x-kind") == "teapot" and answer.all("content-type") == ["text/tea"]


def test_a_mapping_goes_out_as_json_with_its_types_and_numbers_as_written(fixed):
    answer = get(fixed.port, "/json")
    assert answer.get("content-type").startswith("application/json")
    assert b"12345678901234567890" in answer.body and b"2.0" in answer.body
    assert answer.json() == {"ok": True, "n": 12345678901234567890, "f": 2.0, "none": None, "list": [1, "two", {"three": 3}], "text": 'q"uote'}


def test_a_list_goes_out_as_json(fixed):
    assert get(fixed.port, "/list").json() == [1, 2]


def test_head_has_the_same_fields_and_no_body(fixed):
    whole, head = get(fixed.port, "/text"), fetch(fixed.port, "HEAD", "/text")
    assert head.status == 200 and head.body == b"" and head.get("content-type") == whole.get("content-type")
    assert head.get("content-length") in (None, "4")


def test_a_body_that_is_sent_to_a_fixed_answer_is_ignored(fixed):
    assert fetch(fixed.port, "POST", "/text", body=b"ignored").body == b"pong"


def test_values_are_put_into_text(fixed):
    answer = get(fixed.port, "/hello/J%C3%BCrgen%20X/a/b%20c?q=1%202&q=3", [("X-H", "one"), ("X-H", "two")], host="Shop.Example:81")
    assert answer.body.decode() == "J\xfcrgen X|a/b c|127.0.0.1|GET|/hello/J%C3%BCrgen%20X/a/b%20c|shop.example|http|1 2|one, two|{"


def test_no_value_is_empty_text(fixed):
    assert get(fixed.port, "/hello/x").body.decode().endswith("|http|||{")


def test_the_request_id_as_a_value(fixed):
    answer = get(fixed.port, "/id", [("X-Request-ID", "abc-1")])
    assert answer.json() == {"id": "abc-1"}


def test_values_in_headers(fixed):
    answer = get(fixed.port, "/named/J%20D?only=yes")
    assert answer.get("x-name") == "J D" and answer.get("x-only") == "yes" and answer.get("x-mixed") == "<yes>"


def test_a_header_that_is_nothing_but_a_missing_value_is_left_out(fixed):
    answer = get(fixed.port, "/named/x")
    assert answer.get("x-only") is None and answer.get("x-mixed") == "<>"


@pytest.mark.parametrize("query", ["only=a%0D%0ASet-Cookie:%20x=1", "only=a%0Ab", "only=a%0Db", "only=a%00b"])
def test_a_value_with_a_line_break_refuses_the_request(fixed, query):
    answer = get(fixed.port, "/named/x?" + query)
    assert answer.status == 400 and answer.get("set-cookie") is None


def test_a_service_may_be_a_fixed_answer():
    config = """
services: { maintenance: { respond: { status: 503, headers: { Retry-After: "120" }, body: { error: maintenance } } } }
routes: [{ match: "/{service}/**", forward: { service: "{service}", path: "/{**}" } }]
"""
    with Gateway(config) as gateway:
        answer = fetch(gateway.port, "POST", "/maintenance/any/thing", body=b"x")
        assert answer.status == 503 and answer.get("retry-after") == "120" and answer.json() == {"error": "maintenance"}
        assert gateway.access_lines()[0]["service"] == "maintenance"


REDIRECTS = """
routes:
  - { match: /plain, redirect: { to: /new } }
  - { match: /found, redirect: { to: "/new?x=1", status: 302 } }
  - { match: /away/**, redirect: { to: "https://example.com/base/{**}", status: 301 } }
  - { match: "/user/{id}", redirect: { to: "/u/{id}?from={request.host}&{query}", status: 307 } }
  - { match: { host: old.example.com, path: /** }, redirect: { to: "https://{request.host}/{**}" } }
"""


@pytest.fixture(scope="module")
def elsewhere():
    with Gateway(REDIRECTS) as running:
        yield running


@pytest.mark.parametrize("target,host,status,location", [
    ("/plain", "a", 308, "/new"), ("/plain?q=1", "a", 308, "/new?q=1"), ("/found?q=1", "a", 302, "/new?x=1"),
    ("/away/x/y?q=1", "a", 301, "https://example.com/base/x/y?q=1"), ("/away", "a", 301, "https://example.com/base/"),
    ("/user/7?z=1&from=evil", "a", 307, "/u/7?from=a&z=1"), ("/user/J%20D", "a", 307, "/u/J%20D?from=a"),
    ("/x/y", "old.example.com", 308, "https://old.example.com/x/y"), ("/x/y", "OLD.example.com:80", 308, "https://old.example.com/x/y")])
def test_a_redirect_goes_where_it_says(elsewhere, target, host, status, location):
    answer = get(elsewhere.port, target, host=host)
    assert (answer.status, answer.get("location")) == (status, location)


@pytest.mark.parametrize("target", ["/away/..%2f..%2fx", "/away//evil.com/%5c", "/user/..;", "/away/%0d%0aSet-Cookie:%20x"])
def test_a_redirect_is_never_bent(elsewhere, target):
    answer = get(elsewhere.port, target)
    assert answer.status == 400 and answer.get("location") is None and answer.get("set-cookie") is None


def test_errors_have_the_shape_that_the_file_sets():
    config = """
errors: { error: "{error.title}", status: "{error.status}", more: { code: "{error.code}", id: "{error.request_id}", detail: "{error.detail}" } }
services: { nobody: { respond: { status: 404, body: theirs } } }
routes:
  - { match: "/{service}/**", forward: { service: "{service}", path: "/{**}" } }
  - { match: { path: /own, methods: [GET] }, errors: "sorry: {error.code}", respond: { body: x }, use: [{ ip_access: { deny: [127.0.0.1] } }] }
"""
    with Gateway(config) as gateway:
        answer = get(gateway.port, "/unknown/x", [("X-Request-ID", "r1")])
        shaped = answer.json()
        assert answer.status == 404 and shaped["error"] == "Service not found" and int(shaped["status"]) == 404
        assert shaped["more"]["code"] == "route.service_not_found" and shaped["more"]["id"] == "r1" and shaped["more"]["detail"]
        answer = get(gateway.port, "/own")
        assert answer.status == 403 and answer.body == b"sorry: policy.forbidden" and answer.get("content-type") == "text/plain; charset=utf-8"
        assert get(gateway.port, "/nobody/x").body == b"theirs", "a service's own 404 is its own"
        assert get(gateway.port, "/a%00b").json()["more"]["code"] == "http.bad_path"


def test_a_value_in_json_is_escaped():
    with Gateway('routes: [{ match: "/e/{v}", respond: { body: { v: "<{v}>" } } }]\n') as gateway:
        answer = get(gateway.port, "/e/%22%5D%7D%09".replace("%09", "%20"))
        assert json.loads(answer.body) == {"v": '<"]} >'}


def test_a_literal_writes_directive_words_as_keys():
    with Gateway('routes: [{ match: /x, respond: { body: { literal: { get: me, for_each: you } } } }]\n') as gateway:
        assert get(gateway.port, "/x").json() == {"get": "me", "for_each": "you"}


def test_what_comes_from_the_environment_is_literal_text():
    config = 'routes: [{ match: /x, respond: { body: "${GREETING}" } }, { match: /y, respond: { body: "${MISSING_HERE:-else}" } }]\n'
    with Gateway(config, env={"GREETING": "{client.ip} $.x"}) as gateway:
        assert get(gateway.port, "/x").body == b"{client.ip} $.x"
        assert get(gateway.port, "/y").body == b"else"


def test_an_unset_variable_is_an_error_that_names_it():
    told = check('routes: [{ match: /x, respond: { body: "${SURELY_NOT_SET_ANYWHERE}" } }]\n')
    assert told.code == 1 and "SURELY_NOT_SET_ANYWHERE" in told.text


def test_a_path_parameter_keeps_its_encoded_form_in_a_path():
    with Echo() as upstream:
        config = f'services: {{ svc: {upstream.url} }}\nroutes: [{{ match: "/a/{{x}}/{{y}}", forward: {{ service: svc, path: "/{{y}}/{{x}}" }} }}]\n'
        with Gateway(config) as gateway:
            assert get(gateway.port, "/a/b%20c/%C3%A9").json()["target"] == "/%C3%A9/b%20c"
            assert get(gateway.port, "/a/../a/%7e/x%7c").json()["target"] == "/x%7C/~"


def test_without_a_path_the_normal_path_is_sent():
    with Echo() as upstream:
        with Gateway(f"services: {{ svc: {upstream.url} }}\nroutes: [{{ match: /**, forward: {{ service: svc }} }}]\n") as gateway:
            for sent, seen in (("/a/./b/../c", "/a/c"), ("/%7Euser/%c3%a9", "/~user/%C3%A9"), ("/a//b", "/a/b"), ("//a///b//", "/a/b/"), ("/a|b", "/a%7Cb")):
                assert get(gateway.port, sent).json()["target"] == seen


NASTY = "<svg onload=\"x('&')\">"


@pytest.mark.parametrize("type_,template,expected", [
    ("text/html", "<h1>{query.q}</h1>", "<h1>&lt;svg onload=&quot;x(&#39;&amp;&#39;)&quot;&gt;</h1>"),
    ("text/html; charset=utf-8", "<a href='/{query.q}'>", "<a href='/&lt;svg onload=&quot;x(&#39;&amp;&#39;)&quot;&gt;'>"),
    ("image/svg+xml", "<text>{query.q}</text>", "<text>&lt;svg onload=&quot;x(&#39;&amp;&#39;)&quot;&gt;</text>"),
    ("application/xml", "<a>{query.q}</a>", "<a>&lt;svg onload=&quot;x(&#39;&amp;&#39;)&quot;&gt;</a>"),
    ("application/x-www-form-urlencoded", "a={query.q}&b=1", "a=%3Csvg%20onload%3D%22x%28%27%26%27%29%22%3E&b=1"),
    ("text/plain", "{query.q}", NASTY)])
def test_t83_values_of_a_text_are_written_as_its_type_asks(type_, template, expected):
    with Gateway(f"routes:\n  - match: /\n    respond: {{ headers: {{ Content-Type: '{type_}' }}, body: \"{template}\" }}\n") as gateway:
        answer = get(gateway.port, "/?" + urlencode({"q": NASTY}))
        assert answer.status == 200 and answer.body.decode() == expected


def test_t23_a_call_of_a_form_gets_no_field_of_the_clients():
    config = """
services: {{ s: {url} }}
routes:
  - match: /
    aggregate:
      calls: {{ one: {{ service: s, method: POST, path: /x, headers: {{ Content-Type: application/x-www-form-urlencoded }}, body: "user={{query.user}}&role=guest" }} }}
      body: {{ seen: $one.method }}
"""
    with Echo() as upstream, Gateway(config.format(url=upstream.url)) as gateway:
        assert get(gateway.port, "/?user=a%26role%3Dadmin").json() == {"seen": "POST"}
        assert upstream.requests[-1].body == b"user=a%26role%3Dadmin&role=guest"


@pytest.mark.parametrize("body,code", [("'[\"{query.user}\"]'", "json-text"), ("'[]'", "json-text"), ("[\"{query.user}\"]", None)])
def test_t23_json_is_written_as_a_mapping_or_list(body, code):
    ran = check(f"routes: [{{ match: /, respond: {{ headers: {{ Content-Type: application/json }}, body: {body} }} }}]\n")
    assert (code is None and ran.code == 0) or f"[{code}]" in ran.out, ran.text


_HTML = "headers: { Content-Type: text/html }"


@pytest.mark.parametrize("route", [
    "respond: { " + _HTML + ', body: { hello: "{query.name}" } }',
    "aggregate: { calls: { one: { service: s, path: / } }, " + _HTML + ", body: { hello: $one.name } }",
    "use: [{ transform: { response: { headers: { set: { Content-Type: text/html } }, body: { hello: $.name } } } }], forward: { service: s }",
    "respond: { headers: { Content-Type: '{header.accept}' }, body: { hello: \"{query.name}\" } }",
])
def test_json_is_not_declared_as_a_page(route):
    ran = check("services: { s: 'http://127.0.0.1:9' }\nroutes: [{ match: /, " + route + " }]\n")
    assert ran.code == 1 and "[json-as-markup]" in ran.out, ran.text
    fixed = check("services: { s: 'http://127.0.0.1:9' }\nroutes: [{ match: /, " + route.replace("text/html", "application/problem+json").replace("'{header.accept}'", "text/plain") + " }]\n")
    assert fixed.code == 0, fixed.text


def test_a_header_of_an_answer_stands_once_but_for_cookies():
    twice = "routes: [{{ match: /, respond: {{ headers: {{ {0}: a/b, {1}: c/d }}, body: x }} }}]\n"
    ran = check(twice.format("Content-Type", "content-type"))
    assert ran.code == 1 and "[duplicate-header]" in ran.out, ran.text
    with Gateway(twice.format("Set-Cookie", "set-cookie")) as gateway:
        assert get(gateway.port, "/").all("set-cookie") == ["a/b", "c/d"]


@pytest.mark.parametrize("to,location", [
    ("/x#part", "/x?a=1#part"), ("https://a.example/{**}#top", "https://a.example/b?a=1#top"), ("/x?a={query.a}#s%20t", "/x?a=1#s%20t"), ("/x?a=1#", "/x?a=1#"),
])
def test_t92_a_redirect_may_end_in_a_fragment(to, location):
    with Gateway('routes: [{ match: /go/**, redirect: { to: "' + to + '" } }]\n') as gateway:
        assert get(gateway.port, "/go/b?a=1").get("location") == location


@pytest.mark.parametrize("to,said", [
    ("/x#{**}", 'hint: values stand before the "#"'), ("/x#a#b", "%23"), ("/x#a b", "%20 for a space"),
])
def test_a_fragment_is_text_alone(to, said):
    told = check('routes: [{ match: /go/**, redirect: { to: "' + to + '" } }]\n')
    assert told.code == 1 and "is no fragment" in told.text and said in told.text, told.text


def test_t92_paths_of_one_route_need_the_same_parameters_only_where_a_template_names_them():
    with Gateway('routes: [{ match: { path: ["/users/{id}", /me, "/old/{id}/{name}"] }, respond: { body: "{request.path}" } }]\n') as gateway:
        for path in ("/users/7", "/me", "/old/7/a"):
            assert get(gateway.port, path).body == path.encode()


@pytest.mark.parametrize("rest", [
    'respond: { body: "{id}" }', 'respond: { body: { id: "{id}" } }', 'redirect: { to: "/x/{id}" }', 'respond: { body: x }, errors: { of: "{id}" }',
    "use: [{ rate_limit: { key: [client.ip, id], limit: 1, window: 1s } }], respond: { body: x }",
    'use: [{ transform: { request: { headers: { set: { X-A: "{id}" } } } } }], respond: { body: x }',
])
def test_a_parameter_that_one_path_lacks_may_not_be_named(rest):
    told = check('routes: [{ match: { path: ["/users/{id}", /me] }, ' + rest + " }]\n")
    assert told.code == 1 and "{id} has no value on every path of this route" in told.text, told.text


@pytest.mark.parametrize("name", ["Transfer-Encoding", "Transfer_Encoding", "content.length", "Keep_Alive", "connection"])
@pytest.mark.parametrize("route", [
    "respond: { headers: { NAME: chunked } }", "aggregate: { calls: { c: { service: s, path: /c, headers: { NAME: chunked } } }, body: $c }",
    "aggregate: { calls: { c: { service: s, path: /c } }, headers: { NAME: chunked }, body: $c }",
    "use: [{ transform: { response: { headers: { set: { NAME: chunked } } } } }], forward: { service: s }"])
def test_no_spelling_of_what_frames_a_message_is_a_header_to_be_set(route, name):
    """Who reads Transfer_Encoding for Transfer-Encoding would see another end of the body."""
    told = check("services: { s: http://127.0.0.1:9 }\nroutes: [{ match: /x, " + route.replace("NAME", name) + " }]\n")
    assert told.code == 1 and ("belongs to the" in told.text or "written by the gateway" in told.text), told.text
