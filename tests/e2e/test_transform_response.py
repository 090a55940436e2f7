"""`transform` on the way back: what the client gets of an answer, and which answers pass as they are."""
import gzip
import json
import zlib

import pytest

from support.client import Client, chunk, fetch, get
from support.gateway import Gateway, check
from support.upstream import Scripted, answering, eventually

JSON = ("Content-Type", "application/json")
KIB = 1 << 10


def indent(text, by):
    return "\n".join(" " * by + line for line in text.strip("\n").splitlines())


class Site:
    """A gateway with one transform before a service that gives one answer."""

    def __init__(self, response, body=b"", status="200 OK", headers=(JSON,), script=None, methods="", use="", top=""):
        def answers(connection):
            while True:
                request = connection.read_request()
                connection.answer(self.body if request.method != "HEAD" else b"", self.status, self.headers, length=request.method != "HEAD")
        self.response, self.body, self.status, self.headers = response, body, status, headers
        self.script, self.use, self.top = script or answers, use, top

    def __enter__(self):
        self.upstream = Scripted(self.script).__enter__()
        self.gateway = Gateway(f"""
{self.top}
services: {{ svc: {self.upstream.url} }}
routes:
  - match: /**
    use:
      {self.use}
      - transform:
          response:
{indent(self.response, 12)}
    forward: {{ service: svc }}
""").__enter__()
        self.port = self.gateway.port
        return self

    def __exit__(self, *how):
        self.gateway.__exit__(*how)
        self.upstream.__exit__(*how)

    def get(self, headers=(), **more):
        return get(self.port, "/a", headers, **more)


SHAPE = """
body:
  id: $.userId
  name: { first: $.firstName, last: $.lastName }
  tags: $.tags[*].name
"""


def test_numbers_keep_their_text_and_lists_are_projected():
    with Site(SHAPE, b'{ "userId": 12345678901234567890, "firstName": 2.0, "lastName": -0, "tags": [{"name":1e400},{"x":1},{"name":[ 1 ]}] }') as site:
        answer = site.get()
        assert answer.body == b'{"id":12345678901234567890,"name":{"first":2.0,"last":-0},"tags":[1e400,[ 1 ]]}'


@pytest.mark.parametrize("source,template,made", [
    (b'[{"id":1},{"id":2}]', "body: { ids: '$[*].id' }", b'{"ids":[1,2]}'),
    (b'{"a":[1,2]}', "body: $.a", b"[1,2]"),
    (b'[1, 2]', "body: [ '$[1]', '$[0]', '$[7]' ]", b"[2,1,null]"),
    (b'"text"', "body: { is: $ }", b'{"is":"text"}'),
    (b"[]", "body: { ids: '$[*].id' }", b'{"ids":[]}'),
])
def test_the_root_may_be_a_list_or_a_plain_value_on_either_side(source, template, made):
    with Site(template, source) as site:
        assert site.get().body == made


NOT_JSON = [b"<html/>", b"{\"a\":", b'{"a":1} x', b"\xff", b"[" * 200 + b"]" * 200]


@pytest.mark.parametrize("body", NOT_JSON)
def test_a_good_answer_that_is_not_json_is_refused(body):
    with Site(SHAPE, body) as site:
        answer = site.get()
        assert (answer.status, answer.code) == (502, "response.not_json")
        assert body not in answer.body and answer.get("Content-Type") == "application/problem+json"
        # The service's answer was read to its end: its connection serves again.
        site.get()
        assert len(site.upstream.connections) <= 2


def test_a_required_value_that_is_missing_is_named():
    with Site("body: { id: { get: $.user.id, required: true } }", b'{"user":{}}') as site:
        answer = site.get()
        assert (answer.status, answer.code) == (502, "response.mapping")
        assert "$.user.id" in answer.json()["detail"]


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "301 Moved", "206 Partial Content"])
def test_other_answers_pass_as_they_are(status):
    headers = [("Content-Type", "text/html"), ("ETag", '"of-the-service"'), ("Content-Encoding", "zstd"), ("Accept-Ranges", "bytes")]
    with Site("when: { status: 200 }" + SHAPE, b"<h1>no</h1>", status, headers) as site:
        answer = site.get()
        assert (f"{answer.status} {answer.reason}", answer.body) == (status, b"<h1>no</h1>")
        assert [answer.get(n) for n, _ in headers] == [v for _, v in headers]


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "301 Moved"])
def test_without_when_only_good_answers_are_changed(status):
    with Site(SHAPE, b"<h1>no</h1>", status) as site:
        assert site.get().body == b"<h1>no</h1>"


def test_with_when_another_status_is_changed_too():
    with Site("""
- { when: { status: 404 }, status: 410, body: { error: "no such thing", of: $.id }, headers: { set: { X-Case: gone } } }
- { when: { status: [5xx, 429] }, body: { error: "{request.path} cannot be had" } }
- { body: { id: $.id } }
""", b'{"id":7}', "404 Not Found") as site:
        answer = site.get()
        assert (answer.status, answer.reason, answer.body, answer.get("X-Case")) == (410, "Gone", b'{"error":"no such thing","of":7}', "gone")
        site.status, site.body = "503 Away", b""
        answer = site.get()
        assert (answer.status, answer.body, answer.get("Content-Type")) == (503, b'{"error":"/a cannot be had"}', "application/json")
        site.status, site.body = "200 OK", b'{"id":8}'
        assert site.get().body == b'{"id":8}'


def test_a_case_may_be_chosen_by_the_body():
    with Site("""
- { when: { body: "$.error" }, status: 422, body: { problem: $.error }, headers: { set: { X-Problem: "{$.code}" } } }
- { when: { content_type: application/json, body: "$.items" }, body: { count: $.count } }
- { when: { headers: { X-Kind: raw } } }
""", b'{"error":"bad","code":17}') as site:
        answer = site.get()
        assert (answer.status, answer.body, answer.get("X-Problem")) == (422, b'{"problem":"bad"}', "17")
        site.body = b'{"items":[1],"count":1}'
        assert (site.get().status, site.get().body) == (200, b'{"count":1}')
        site.body = b'{"other": 1}'
        assert (site.get().status, site.get().body) == (200, b'{"other": 1}')
        site.body = b"no json"
        assert (site.get().status, site.get().code) == (502, "response.not_json")
        site.headers = [("Content-Type", "text/plain")]
        assert (site.get().status, site.get().body) == (200, b"no json")


def test_heads_are_changed_whatever_the_answer_where_only_the_head_is():
    with Site("""
headers:
  remove: [Server, { regex: "x-internal-.*" }]
  set: { Strict-Transport-Security: max-age=3600, X-Path: "{request.path}" }
  append: { Vary: Origin }
  add: { Cache-Control: no-store }
  replace: { Location: { regex: "^http://internal(/.*)", with: 'https://api.example.com\\1' } }
cookies: { remove: track, set: { seen: "yes", session: { value: "{request.method}", path: /, max_age: 1h, secure: true, http_only: true, same_site: Lax } } }
""", b"<a/>", "302 Found", [("Server", "x"), ("X-Internal-Host", "10.0.0.1"), ("Location", "http://internal/a"), ("Vary", "Accept"),
                             ("Set-Cookie", "track=1; Path=/"), ("Set-Cookie", "a=b")]) as site:
        answer = site.get()
        assert (answer.status, answer.body) == (302, b"<a/>")
        assert answer.get("Server") is None and answer.get("X-Internal-Host") is None
        assert answer.get("Location") == "https://api.example.com/a" and answer.get("X-Path") == "/a"
        assert answer.all("Vary") == ["Accept", "Origin"] and answer.get("Cache-Control") == "no-store"
        assert answer.all("Set-Cookie") == ["a=b", "seen=yes", "session=GET; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax"]
        site.upstream.close()
        answer = site.get()
        assert answer.status == 502 and answer.get("Strict-Transport-Security") == "max-age=3600"


def test_the_gateways_own_errors_keep_their_status_and_body():
    with Site("- { when: { status: 5xx }, status: 200, body: { hidden: true }, headers: { set: { X-Case: five } } }", b"{}", "500 Oops") as site:
        answer = site.get()
        assert (answer.status, answer.body, answer.get("X-Case")) == (200, b'{"hidden":true}', "five")
        site.upstream.close()
        answer = site.get()
        assert (answer.status, answer.get("X-Case")) == (502, "five") and answer.code.startswith("upstream.")


def test_an_answer_without_a_body_stays_without_one():
    with Site(SHAPE, b"", "200 OK") as site:
        answer = site.get()
        assert (answer.status, answer.body, answer.get("Content-Length")) == (200, b"", "0")

    def empty(connection):
        while True:
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    with Site(SHAPE, script=empty) as site:
        assert (site.get().status, site.get().body) == (200, b"")

    def no_content(connection):
        while True:
            connection.read_request()
            connection.send(b"HTTP/1.1 204 No Content\r\nETag: \"a\"\r\n\r\n")
    with Site(SHAPE, script=no_content) as site:
        answer = site.get()
        assert (answer.status, answer.get("ETag"), answer.get("Content-Type")) == (204, '"a"', None)


def test_head_is_answered_with_the_head_of_get_but_for_what_only_the_body_tells():
    with Site(SHAPE, b'{"userId":1}', headers=[("Content-Type", "application/vnd.old+json"), ("ETag", '"of-the-service"'), ("Content-Length", "999")]) as site:
        answer = fetch(site.port, "HEAD", "/a")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.get("Content-Type") == "application/json"
        assert answer.get("ETag") is None and answer.get("Content-Length") is None


def test_what_a_head_takes_from_a_body_that_is_not_there_has_no_value():
    rule = 'body: { id: $.userId }\nheaders: { set: { X-Id: "{$.userId}", X-Fixed: fixed } }'
    with Site(rule, b'{"userId":1}') as site:
        assert (site.get().get("X-Id"), site.get().get("X-Fixed")) == ("1", "fixed")
        answer = fetch(site.port, "HEAD", "/a")
        assert (answer.get("X-Id"), answer.get("X-Fixed"), answer.get("Content-Type")) == (None, "fixed", "application/json")
    with Site('headers: { set: { X-Id: "{$.userId}", X-Fixed: fixed } }', b"") as site:
        assert (site.get().get("X-Id"), site.get().get("X-Fixed")) == (None, "fixed")


def codings():
    yield "gzip", gzip.compress, gzip.decompress
    yield "deflate", zlib.compress, zlib.decompress


@pytest.mark.parametrize("coding,encode,decode", codings())
def test_a_coded_answer_is_undone_changed_and_coded_again(coding, encode, decode):
    headers = [JSON, ("Content-Encoding", coding), ("Vary", "Origin"), ("Content-MD5", "x"), ("Digest", "y"), ("Last-Modified", "z"), ("Accept-Ranges", "bytes")]
    with Site("body: { n: $.n }", encode(b'{"n": 2.0}'), headers=headers) as site:
        answer = site.get([("Accept-Encoding", f"{coding}, zstd;q=0.9")])
        assert decode(answer.body) == b'{"n":2.0}' and answer.get("Content-Encoding") == coding
        assert answer.get("Content-Length") == str(len(answer.body)) and answer.all("Vary") == ["Origin", "Accept-Encoding"]
        for name in ("Content-MD5", "Digest", "Last-Modified", "Accept-Ranges"):
            assert answer.get(name) is None
        # The service is only offered what can be undone.
        assert site.upstream.requests[0].get("Accept-Encoding") == coding
        # It may send what the client does not accept all the same.
        answer = site.get()
        assert (answer.body, answer.get("Content-Encoding")) == (b'{"n":2.0}', None)
        assert site.upstream.requests[1].get("Accept-Encoding") == "identity"


def test_brotli_is_undone_and_made():
    # {"n": 1} by another encoder.
    coded = bytes.fromhex("8b0380") + b'{"n": 1}' + b"\x03"
    with Site("body: { n: $.n }", coded, headers=[JSON, ("Content-Encoding", "br")]) as site:
        assert site.get().body == b'{"n":1}'
        answer = site.get([("Accept-Encoding", "br")])
        assert answer.get("Content-Encoding") == "br"
        site.body = answer.body
        assert site.get().body == b'{"n":1}'


@pytest.mark.parametrize("coding,body", [("zstd", b"x"), ("gzip", b"{}"), ("gzip", gzip.compress(b"{}", mtime=0)[:-3]), ("gzip", gzip.compress(b"{}", mtime=0) + b"x"), ("br, zstd", b"x")])
def test_a_coding_that_cannot_be_undone_is_refused(coding, body):
    with Site(SHAPE, body, headers=[JSON, ("Content-Encoding", coding)]) as site:
        answer = site.get([("Accept-Encoding", "*")])
        assert (answer.status, answer.code, answer.get("Content-Encoding")) == (502, "response.encoding", None)


def test_a_body_that_swells_is_refused():
    with Site("max_body: 32MiB" + SHAPE, gzip.compress(b"[" + b" " * (64 << 20), mtime=0), headers=[JSON, ("Content-Encoding", "gzip")]) as site:
        assert site.get().code in ("response.encoding", "response.too_large")
        site.body = gzip.compress(b" " * (20 << 20), mtime=0)
        assert site.get().code == "response.encoding"


def test_a_body_over_the_bound_is_refused_however_it_is_framed():
    body = json.dumps({"userId": "x" * (20 * KIB)}).encode()

    def framed(connection):
        while True:
            how = connection.read_request().target
            if how == "/length":
                connection.answer(body, headers=[JSON])
            elif how == "/chunked":
                connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(body[:9000]) + chunk(body[9000:]) + b"0\r\n\r\n")
            else:
                connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
                return
    for bound, status in (("16KiB", 502), ("32KiB", 200)):
        with Site(f"max_body: {bound}" + SHAPE, script=framed) as site:
            for how in ("/length", "/chunked", "/close"):
                answer = get(site.port, how)
                assert answer.status == status
                assert answer.code == "response.too_large" if status == 502 else answer.json()["id"] == "x" * (20 * KIB)


def test_a_large_answer_is_changed_whole():
    items = [{"id": i, "pad": "x" * 60} for i in range(20_000)]
    with Site("max_body: 16MiB\nbody: { ids: '$.items[*].id', items: $.items }", json.dumps({"items": items}).encode()) as site:
        answer = site.get()
        assert answer.json() == {"ids": list(range(20_000)), "items": items}
        assert answer.get("Content-Length") == str(answer.length)


@pytest.mark.parametrize("cut", [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
                                 b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"])
def test_an_answer_that_is_cut_off_is_an_error_and_not_half_a_document(cut):
    def script(connection):
        connection.read_request()
        connection.send(cut)
    with Site(SHAPE, script=script) as site:
        answer = site.get()
        assert answer.status == 502 and answer.code.startswith("upstream.")


def test_policies_before_it_mark_the_answer_once_also_where_it_is_refused():
    use = "- cors: { origins: [https://a.example] }\n      - rate_limit: { limit: 100, window: 60s }"
    with Site(SHAPE, b"no json", use=use) as site:
        answer = site.get([("Origin", "https://a.example")])
        assert answer.code == "response.not_json"
        assert answer.all("Access-Control-Allow-Origin") == ["https://a.example"] and len(answer.all("RateLimit")) == 1


def test_the_answer_is_tagged_anew_and_known_again():
    with Site(SHAPE, b'{"userId":1}', headers=[JSON, ("ETag", '"of-the-service"'), ("Cache-Control", "max-age=5")]) as site:
        first = site.get()
        tag = first.get("ETag")
        assert tag.startswith('"') and "of-the-service" not in tag
        for held in (tag, "W/" + tag, f'"x", {tag}', "*"):
            known = site.get([("If-None-Match", held), ("If-Modified-Since", "Mon, 01 Jan 2035 00:00:00 GMT"), ("Range", "bytes=0-1"), ("If-Range", tag)])
            assert (known.status, known.body, known.get("ETag"), known.get("Cache-Control")) == (304, b"", tag, "max-age=5")
            assert known.get("Content-Type") is None
        for name in ("If-None-Match", "If-Modified-Since", "Range", "If-Range"):
            assert site.upstream.requests[-1].get(name) is None
        assert site.get([("If-None-Match", '"of-the-service"')]).status == 200
        site.body = b'{"userId":2}'
        assert site.get([("If-None-Match", tag)]).get("ETag") != tag
    with Site(SHAPE, b'{"userId":1}') as site:
        assert site.get().get("ETag") is None


def test_an_actions_own_answer_is_changed_too():
    with Gateway("""
services: { stub: { respond: { body: { n: 5, s: text } } } }
routes:
  - { match: /respond, use: [{ transform: { response: { body: { is: $.s }, status: 201 } } }], respond: { body: { s: fixed } } }
  - { match: /stub, use: [{ transform: { response: { body: { is: $.n } } } }], forward: { service: stub } }
  - { match: /text, use: [{ transform: { response: { body: { is: $.n } } } }], respond: { body: plain } }
""") as gateway:
        answer = get(gateway.port, "/respond")
        assert (answer.status, answer.body, answer.get("Content-Type")) == (201, b'{"is":"fixed"}', "application/json")
        assert get(gateway.port, "/stub").body == b'{"is":5}'
        assert get(gateway.port, "/text").code == "response.not_json"


def test_two_transforms_run_backward():
    with Site("body: { outer: $.n }", b'{"n":1}', use="- transform: { response: { body: { n: $.outer } } }") as site:
        assert site.get().body == b'{"n":1}'
        site.body = b'{"n":[1, 2]}'
        assert site.get().body == b'{"n":[1, 2]}'


def test_a_value_of_the_answer_cannot_split_it():
    with Site('headers: { set: { X-Name: "{$.name}" } }', b'{"name":"a\\r\\nX-Forged: 1"}') as site:
        answer = site.get()
        assert answer.status == 502 and answer.get("X-Forged") is None
        site.body = b'{"name":"ada"}'
        answer = site.get()
        assert (answer.get("X-Name"), answer.body) == ("ada", b'{"name":"ada"}')


@pytest.mark.parametrize("coding", ["utf-8", "None", "binary, utf-8", "identity, utf8"])
def test_t25_what_is_no_content_coding_is_dropped_where_the_body_is_json_as_it_stands(coding):
    with Site("body: { id: $.userId }", b'{"userId":7}', headers=[JSON, ("Content-Encoding", coding)]) as site:
        answer = site.get([("Accept-Encoding", "gzip;q=0")])
        assert (answer.status, answer.body, answer.get("content-encoding")) == (200, b'{"id":7}', None)
        assert fetch(site.port, "HEAD", "/a").get("content-encoding") is None
        site.body = b"caf\xe9"
        answer = site.get()
        assert (answer.status, answer.code) == (502, "response.encoding")
        name = next(n for n in coding.split(", ") if n != "identity")
        assert site.gateway.access_line(lambda line: line["status"] == 502)["detail"].endswith(": " + name)


@pytest.mark.parametrize("coding", ["zstd", "compress", "utf-8, gzip", "gzip, utf-8", "utf-8, zstd"])
def test_t25_a_content_coding_that_cannot_be_undone_is_named(coding):
    with Site("body: { id: $.userId }", b'{"userId":7}', headers=[JSON, ("Content-Encoding", coding)]) as site:
        answer = site.get()
        assert (answer.status, answer.code) == (502, "response.encoding")
        named = site.gateway.access_line(lambda line: line["status"] == 502)["detail"]
        assert any(named.endswith(": " + name) for name in coding.split(", ") if name != "gzip"), named


def test_values_of_the_response_stand_in_what_becomes_of_it():
    cookies = ["a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT", "b=2; Path=/"]
    rules = """
headers:
  set: { X-Cookies: "{response.header.set-cookie}", X-Tags: "{response.header.X-Tag}", X-Text: "{response.status} {response.header.x-tag}", X-None: "{response.header.none}" }
  rename: { X-Old: X-New }
cookies: { set: { was: "{response.status}" } }
body: { status: "{response.status}", tags: "{response.header.x-tag}", none: "{response.header.none}", old: "{response.header.x-old}" }
"""
    headers = [JSON, *(("Set-Cookie", c) for c in cookies), ("X-Tag", "one"), ("x-tag", "two, three"), ("X-Old", "o")]
    with Site(rules, b"{}", "201 Created", headers) as site:
        answer = site.get()
        assert answer.all("x-cookies") == cookies and answer.all("set-cookie") == [*cookies, "was=201"]
        assert answer.all("x-tags") == ["one", "two, three"] and answer.get("x-text") == "201 one, two, three" and answer.get("x-none") is None
        assert json.loads(answer.body) == {"status": 201, "tags": "one, two, three", "none": "", "old": "o"}


@pytest.mark.parametrize("rules,code", [
    pytest.param('headers: { set: { X-A: "a {response.header.set-cookie}" } }', "joined-cookies", id="t22-header"),
    pytest.param('body: { c: "{response.header.Set-Cookie}" }', "joined-cookies", id="t22-body"),
    pytest.param('cookies: { set: { c: "{response.header.set_cookie}" } }', "joined-cookies", id="t22-cookie"), ('lines: { body: { c: "{response.status}" } }', "unknown-value"),
    ('body: { c: "{response.body}" }', "unknown-value")])
def test_values_of_the_response_are_judged_where_they_stand(rules, code):
    ran = check("services: { s: http://127.0.0.1:1 }\nroutes: [{ match: /, use: [{ transform: { response: { " + rules + " } } }], forward: { service: s } }]\n")
    assert ran.code == 1 and f"[{code}]" in ran.out, ran.text


def test_values_of_the_response_are_not_there_on_the_way_in():
    ran = check('services: { s: http://127.0.0.1:1 }\nroutes: [{ match: /, use: [{ transform: { request: { headers: { set: { X-A: "{response.status}" } } } } }], forward: { service: s } }]\n')
    assert ran.code == 1 and "stands only where a response is changed" in ran.out, ran.text


@pytest.mark.parametrize("action", ['respond: { body: "<h1>{query.q}</h1>" }', "aggregate: { calls: { one: { service: s, path: / } }, body: { a: $one.a } }"])
@pytest.mark.parametrize("rule", ["set: { Content-Type: text/html }", "add: { content-type: image/svg+xml }", "set: { Content-Type: '{header.accept}' }"])
def test_a_body_that_the_action_makes_gets_no_type_of_markup_behind_its_back(action, rule):
    config = "services: {{ s: 'http://127.0.0.1:9' }}\nroutes: [{{ match: /, use: [{{ transform: {{ response: {{ headers: {{ {} }} }} }} }}], {} }}]\n"
    ran = check(config.format(rule, action))
    assert ran.code == 1 and "[retyped-body]" in ran.out, ran.text
    assert check(config.format("set: { Content-Type: text/plain }", action)).code == 0


def test_an_error_of_the_gateway_keeps_its_type():
    """Its document tells of the request, which anybody may have written."""
    config = """
services: {{ svc: {url} }}
routes:
  - match: /
    use: [{{ transform: {{ response: {{ headers: {{ set: {{ Content-Type: text/html, X-Seen: "1" }} }} }} }} }}, {{ transform: {{ request: {{ edit: {{ set: {{ "$.*.b.c": 1 }} }} }} }} }}]
    forward: {{ service: svc }}
"""
    with Scripted(answering(b"<p>page</p>")) as upstream, Gateway(config.format(url=upstream.url)) as gateway:
        answer = fetch(gateway.port, "POST", "/", [("Content-Type", "text/plain")], b'{"<script>alert(1)</script>":{"b":1}}')
        assert (answer.status, answer.get("content-type"), answer.get("x-seen")) == (400, "application/problem+json", "1")
        assert get(gateway.port, "/").get("content-type") == "text/html"


@pytest.mark.parametrize("action", ["redirect: { to: /y }", "respond: { status: 204 }"])
def test_where_no_body_is_made_its_type_is_nobodys_concern(action):
    ran = check("policies: {{ t: {{ transform: {{ response: {{ headers: {{ set: {{ Content-Type: text/html }} }} }} }} }} }}\nroutes: [{{ match: /x, use: [t], {} }}]\n".format(action))
    assert ran.code == 0, ran.text
