"""What `check` and `explain` say about a `transform`."""
import pytest

from support.gateway import check, explain


def routes(transform, before=""):
    return f"""
services: {{ svc: http://127.0.0.1:9 }}
routes:
  - name: shaped
    match: "/x/{{id}}"
    use:
      {before}
      - transform: {transform}
    forward: {{ service: svc, path: "/old/{{id}}" }}
"""


FAULTY = [
    ("{}", "transform needs request, response or both"),
    ("{ respone: {} }", 'did you mean "response"?'),
    ("{ request: {} }", "request is empty"),
    ("{ response: [] }", "response is empty"),
    ("{ response: {} }", "this case is empty"),
    ("{ response: [{ body: { b: $.a } }, { body: { c: $.a } }] }", "this one never applies"),
    ("{ response: { when: '$.a == 1', body: {} } }", "a condition on the body is when: { body:"),
    ("{ response: { body: { a: '{$.a[*].b}' } } }", "such as $.a[0].b"),
    ("{ response: { body: { a: { get: $.a, apply: lowercase } } } }", 'did you mean "lower"?'),
    ("{ request: { bdy: {} } }", 'did you mean "body"?'),
    ("{ request: { headers: { sets: {} } } }", 'did you mean "set"?'),
    ("{ request: { headers: { set: { Host: a } } } }", "forward: host"),
    ("{ request: { headers: { set: { Content-Length: '1' } } } }", "belongs to the message's form"),
    ("{ request: { headers: { set: { Content_Length: '1' } } } }", "belongs to the message's form"),
    ("{ request: { headers: { remove: Transfer-Encoding } } }", "belongs to the message's form"),
    ("{ request: { headers: { rename: { X-A: Connection } } } }", "belongs to the message's form"),
    ("{ request: { headers: { append: { Keep-Alive: a } } } }", "belongs to the message's form"),
    ("{ request: { headers: { add: { Content-Encoding: gzip } } } }", "belongs to the message's form"),
    ("{ request: { headers: { set: { X-Forwarded-For: a } } } }", "written by the gateway itself"),
    ("{ request: { headers: { set: { X-Request-ID: a } } } }", "written by the gateway itself"),
    ("{ response: { headers: { set: { X-Request-ID: a } } } }", "written by the gateway itself"),
    ("{ response: { headers: { set: { Content-Encoding: a } } } }", "belongs to the message's form"),
    ('{ request: { headers: { set: { X-A: "a\\nb" } } } }', "one line"),
    ("{ request: { headers: { set: { 'X A': a } } } }", "is not a header's name"),
    ("{ request: { headers: { rename: { X-A: x-a } } } }", "are the same"),
    ("{ request: { headers: { remove: { regex: '(' } } } }", "not a regular expression (RE2)"),
    ("{ request: { headers: { replace: { X-A: { regex: 'a', with: '\\1' } } } } }", "does not have"),
    ("{ request: { headers: { replace: { X-A: a } } } }", "{ regex:"),
    ('{ request: { headers: { set: { X-A: "{claims.sub}" } } } }', "guarantees an identity"),
    ('{ request: { body: { a: "{claims.sub}" } } }', "guarantees an identity"),
    ('{ response: { body: { a: "{claims.sub}" } } }', "guarantees an identity"),
    ('{ response: { edit: { set: { $.a: "{claims.sub}" } } } }', "guarantees an identity"),
    ('{ request: { headers: { set: { Authorization: "Bearer {claims.sub}" } } } }', "cannot be a managed header"),
    ('{ request: { cookies: { set: { user: "{claims.sub}" } } } }', "hand the claim on in a header"),
    ('{ request: { headers: { set: { X-A: "{nope}" } } } }', "{nope} names nothing that is known on this route"),
    ('{ request: { headers: { set: { X-A: "${claims.sub}" } } } }', "did you mean {claims.sub}?"),
    ('{ request: { path: "/v2/{**}" } }', "does not end in /**"),
    ('{ request: { path: "x/{id}" } }', 'a path begins with "/"'),
    ('{ request: { path: "/x/../{id}" } }', "dot segment"),
    ("{ request: { method: GTE } }", "cannot be asked by"),
    ("{ request: { method: HEAD } }", "cannot be asked by"),
    ("{ request: { cookies: { set: { 'a b': c } } } }", "is not a cookie's name"),
    ("{ request: { as: form } }", "there is none"),
    ("{ request: { max_body: 64 } }", "64KiB"),
    ("{ request: { when: { status: 404 } } }", "a request has no status"),
    ("{ response: { when: { query: { a: b } } } }", "an answer has no query"),
    ("{ response: { when: {} } }", "when is empty"),
    ("{ response: { when: { status: 600 } } }", "a status such as 404"),
    ("{ response: { when: { content_type: json } } }", "is not a media type"),
    ("{ response: { when: { body: '$.a ==' } } }", "this is no condition"),
    ("{ response: { status: 204 } }", "cannot become one without"),
    ("{ response: { body: { a: '$.b[' } } }", "$.b["),
    ("{ response: { body: {}, edit: { remove: $.a } } }", "one of them"),
    ("{ response: { body: {}, lines: { body: {} } } }", "one of them"),
    ("{ response: { lines: { body: {}, edit: { remove: $.a } } } }", "one of them"),
    ('{ response: { lines: { body: {} }, headers: { set: { X-A: "{$.a}" } } } }', "nothing can wait"),
    ("{ response: [{ when: { body: $.error }, status: 400 }, { lines: { body: {} } }] }", "waits for the whole body"),
    ("{ response: { edit: {} } }", "edit changes nothing"),
    ("{ response: { edit: { remove: a } } }", "a: "),
    ("{ response: { edit: { move: { $.a: '$.b[*]' } } } }", "$.b[*]: "),
    ("{ response: [{ headers: { set: { X-A: a } } }, { when: { status: 404 }, status: 410 }] }", "never apply"),
]


@pytest.mark.parametrize("transform,told", FAULTY, ids=[t for t, _ in FAULTY])
def test_a_fault_is_told_at_its_place(transform, told):
    said = check(routes(transform))
    assert said.code == 1 and told in said.text, said.text
    assert "portico.yaml:8:" in said.text, said.text


def test_shadow_is_no_mode_of_a_policy_that_guards_nothing():
    said = check(routes("{ response: { body: {} } }").replace("- transform:", "- mode: shadow\n        transform:"))
    assert said.code == 1 and "has no shadow mode" in said.text


def test_a_misspelt_for_each_is_warned_of():
    said = check(routes("{ response: { body: { l: { for_eech: $.a, as: order, item: { id: $.a } } } } }"))
    assert said.code == 0 and 'was "for_each" meant?' in said.text, said.text


GOOD = [
    "{ request: { headers: { set: { Authorization: 'Basic abc' } }, path: '/v1/{id}' } }",
    "{ response: { body: $.data } }",
    "{ response: [{ body: { a: $.b } }, { when: { status: [404, 5xx] }, body: { error: 'none' } }] }",
    "{ response: { lines: { edit: { remove: $.a } } } }",
]


@pytest.mark.parametrize("transform", GOOD)
def test_what_is_right_passes(transform):
    said = check(routes(transform))
    assert said.code == 0, said.text


def test_explain_shows_the_request_that_the_service_would_get():
    said = explain(routes("""
          request:
            method: PUT
            path: "/v2/{id}"
            query: { set: { tenant: "{header.x-tenant}" }, remove: debug }
            headers: { set: { Authorization: Bearer of-the-gateway, X-From: "{client.ip}" }, remove: [X-Tenant] }
            cookies: { remove: track }
"""), "GET", "/x/7?debug=1&a=2", ["X-Tenant: acme", "Authorization: mine", "Cookie: a=b; track=1"])
    assert said.code == 0, said.text
    for line in ("upstream  PUT /v2/7?a=2&tenant=acme HTTP/1.1", "Authorization: …", "X-From: 127.0.0.1", "Cookie: …", "Content-Length: 0"):
        assert line in said.out, said.out
    upstream = said.out[said.out.index("upstream"):]
    assert "X-Tenant" not in upstream and "mine" not in upstream and "track" not in upstream


def test_explain_says_what_it_would_do_with_a_body():
    said = explain(routes("{ request: { headers: { set: { X-A: a } }, body: { n: $.n }, max_body: 64KiB }, response: { body: { n: $.n } } }"), "POST", "/x/7",
                   ["Content-Length: 7", "If-None-Match: \"a\"", "Accept-Encoding: zstd, gzip"])
    assert "would read the request's body" in said.out and "at most 65536 bytes" in said.out and "X-A: a" in said.out, said.out
    assert "Content-Length" not in said.out and "Content-Type: application/json" in said.out
    # A condition on a change is the service's to judge, one on reading is not.
    assert "Accept-Encoding: gzip" in said.out and "If-None-Match" in said.out[said.out.index("upstream"):]
    said = explain(routes("{ response: { body: { n: $.n } } }"), "GET", "/x/7", ["If-None-Match: \"a\"", "Accept-Encoding: zstd, gzip"])
    assert "Accept-Encoding: gzip" in said.out and "If-None-Match" not in said.out[said.out.index("upstream"):]


def test_a_path_for_a_service_that_is_not_asked_is_warned_of():
    said = check(routes("{ request: { path: '/v2/{id}' } }").replace('forward: { service: svc, path: "/old/{id}" }', "respond: { body: { a: 1 } }"))
    assert said.code == 0 and "sends the client's request to none" in said.text, said.text


def test_explain_says_what_becomes_of_the_answer():
    said = explain(routes("{ response: [{ when: { body: $.gone }, body: { error: none } }, { body: { id: $.id, name: { first: $.f }, tags: '$.t[*].n' } }] }"), "GET", "/x/7")
    assert "shaped    by transform (line 8), where its condition holds: error\n" in said.out, said.out
    assert "shaped    by transform (line 8): id?, name.first?, tags\n" in said.out, said.out
    assert "edited as it is" in explain(routes("{ response: { edit: { remove: $.a } } }"), "GET", "/x/7").out
