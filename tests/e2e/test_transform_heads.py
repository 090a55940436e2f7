"""Which head a policy judges on the way back: the one that the policies before it have made, also where the body decides it."""
import gzip

import pytest

from support.client import Client, fetch, get
from support.gateway import Gateway
from support.upstream import Scripted

SECRET = b'{"id":1,"secret":"s3cr3t"}'
ANSWERS = {
    "text": ("200 OK", [("Content-Type", "text/plain")]),
    "none": ("200 OK", []),
    "404": ("404 Not Found", [("Content-Type", "application/json")]),
    "206": ("206 Partial Content", [("Content-Type", "application/json"), ("Content-Range", "bytes 0-25/1000")]),
}
FIELDS = "{ fields: { allow: [id], default: [id] } }"


def answers(connection):
    while True:
        request = connection.read_request()
        status, headers = ANSWERS[request.target.rsplit("/", 1)[1]]
        connection.answer(b"" if request.method == "HEAD" else SECRET, status, headers, length=request.method != "HEAD")


def transform(response):
    return f"{{ transform: {{ response: {{ {response} }} }} }}"


@pytest.fixture(scope="module")
def site():
    made = "status: 200, body: { id: $.id, secret: $.secret }"
    uses = {
        "fixed": [FIELDS, transform("when: { status: [2xx, 404] }, " + made)],
        "late": [FIELDS, transform("when: { body: $.id }, " + made)],
        "head": [FIELDS, transform('when: { status: [2xx, 404] }, headers: { set: { X-Id: "{$.id}" } }, ' + made)],
        "fallback": [FIELDS, f"{{ transform: {{ response: [{{ when: {{ body: $.none }}, status: 500 }}, {{ when: {{ status: [2xx, 404] }}, {made} }}] }} }}"],
        "chain": [transform("when: { status: 404 }, body: { error: gone }"), transform("when: { body: $.id }, status: 404, headers: { set: { X-Late: '1' } }")],
        "thrice": [transform("when: { headers: { X-Two: '2' } }, headers: { set: { X-Three: '3' } }"),
                   transform("when: { headers: { X-One: '1' }, body: $.id }, headers: { set: { X-Two: '2' } }"),
                   transform("when: { body: $.id }, headers: { set: { X-One: '1' } }")],
        "edited": [transform("edit: { remove: $.secret }"), transform("when: { body: $.id }, status: 200, body: { id: $.id, secret: $.secret }")],
        "failing": ["{ cors: { origins: ['https://a.example'] } }", "outer", transform("when: { body: $.id }, status: 200")],
        "only": [FIELDS],
    }
    routes = "\n".join(f"  - {{ match: /{name}/**, use: [{', '.join(use)}], forward: {{ service: svc, path: '/{{**}}' }} }}" for name, use in uses.items())
    with Scripted(answers) as svc, Gateway(f"""
services: {{ svc: {svc.url}, fixed: {{ respond: {{ body: {{ id: 1 }} }} }} }}
policies: {{ outer: {transform("when: { body: $.id }, body: { x: { get: $.x, required: true } }")} }}
routes:
{routes}
  - match: /made
    use: [{FIELDS}, {transform("when: { body: $.id }, status: 200")}]
    respond: {{ status: 404, body: {{ id: 1, secret: 2 }} }}
  - match: /whole
    use: [{transform("headers: { append: { X-A: '{$.id}', X-B: b }, replace: { X-C: { regex: c, with: cc } } }")}]
    respond: {{ headers: {{ X-C: c }}, body: {{ id: 1 }} }}
  - match: /called
    use: [{transform("when: { body: $.id }, status: 404, body: { longer: than before }")}]
    aggregate: {{ calls: {{ a: {{ service: fixed, path: / }} }}, body: {{ id: $a.id }} }}
  - match: /constant
    use: [{transform("edit: { remove: $.secret }")}, {transform("when: { status: 200 }, body: { id: 1, secret: 2 }")}]
    respond: {{ status: 200 }}
""") as gateway:
        yield gateway


@pytest.mark.parametrize("how", ["fixed", "late", "head", "fallback", "edited"])
@pytest.mark.parametrize("what", ["text", "none", "404"])
def test_a18_no_field_leaves_that_is_not_allowed_whoever_has_decided_the_head(site, how, what):
    answer = get(site.port, f"/{how}/{what}")
    assert (answer.status, answer.body, answer.get("Content-Type")) == (200, b'{"id":1}', "application/json")


@pytest.mark.parametrize("how", ["fixed", "late", "head", "fallback", "edited", "only"])
def test_a18_a_part_that_nobody_asked_for_is_no_answer_whoever_would_judge_it(site, how):
    answer = get(site.port, f"/{how}/206")
    assert (answer.status, answer.code, answer.get("Content-Range")) == (502, "response.mapping", None)


def test_a18_a_case_for_a_status_applies_to_one_that_the_body_decided(site):
    answer = get(site.port, "/chain/text")
    assert (answer.status, answer.get("X-Late"), answer.json()) == (404, "1", {"error": "gone"})


def test_each_of_three_transforms_sees_the_head_of_the_one_before(site):
    answer = get(site.port, "/thrice/text")
    assert [answer.get(f"X-{n}") for n in ("One", "Two", "Three")] == ["1", "2", "3"]
    assert answer.body == SECRET


def test_what_an_action_makes_is_judged_in_the_same_order(site):
    answer = get(site.port, "/made")
    assert (answer.status, answer.json()) == (200, {"id": 1})


def test_a_body_that_is_made_out_of_nothing_is_one_for_the_next_transform(site):
    assert get(site.port, "/constant").json() == {"id": 1}


def test_a_failure_behind_a_head_that_was_settled_is_told_and_every_policy_sees_it(site):
    answer = get(site.port, "/failing/text", [("Origin", "https://a.example")])
    assert (answer.status, answer.code, answer.get("Access-Control-Allow-Origin")) == (502, "response.mapping", "https://a.example")
    assert site.access_line(lambda e: e["path"] == "/failing/text")["refused_by"] == "outer"


@pytest.mark.parametrize("how", ["late", "head", "thrice", "failing"])
def test_a_head_is_answered_without_a_body_and_by_all_policies(site, how):
    answer = fetch(site.port, "HEAD", f"/{how}/text")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("path", ["/whole", "/called"])
def test_a_head_of_what_the_gateway_makes_itself_is_the_head_of_get(site, path):
    got, head = (fetch(site.port, method, path) for method in ("GET", "HEAD"))
    of = lambda answer: sorted(h for h in answer.headers if h[0] not in ("Date", "X-Request-ID", "Content-Length"))
    assert (head.status, head.body, of(head)) == (got.status, b"", of(got))


def bodiless(connection):
    """A 304 with what RFC 9110 §15.4.5 lets it say of the body, a 204 beside the rules, and a body in a coding."""
    said = {"304": b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 17\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
            "204": b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"}
    body = gzip.compress(b'{"a":1}', mtime=0)
    while True:
        request = connection.read_request()
        what = request.target.rsplit("/", 1)[1]
        if what == "gzip":
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nETag: \"a\"\r\nContent-Length: %d\r\n\r\n" % len(body)
            connection.send(head + (b"" if request.method == "HEAD" else body))
        else:
            connection.send(said[what])


@pytest.fixture(scope="module")
def bodiless_site():
    with Scripted(bodiless) as svc, Gateway(f"""
services: {{ svc: {svc.url} }}
routes:
  - {{ match: /status/**, use: [{transform("when: { status: [204, 304] }, status: 404")}], forward: {{ service: svc }} }}
  - {{ match: /decided/**, use: [{transform("when: { body: $.a }, body: { b: 1 }")}], forward: {{ service: svc }} }}
  - {{ match: /edited/**, use: [{transform("edit: { remove: $.b }")}], forward: {{ service: svc }} }}
""") as gateway:
        yield gateway


@pytest.mark.parametrize("what", ["204", "304"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_stands_in_place_of_an_answer_without_a_body_says_nothing_of_that_body(bodiless_site, method, what):
    with Client(bodiless_site.port) as client:
        answer = client.request(method, f"/status/{what}")
        assert (answer.status, answer.body, answer.get("ETag"), answer.get("Last-Modified")) == (404, b"", None, None)
        assert answer.get("Content-Length") in (None, "0")
        assert client.request("GET", "/edited/gzip").body == b'{"a":1}'


@pytest.mark.parametrize("how", ["decided", "edited"])
def test_a_head_says_nothing_of_a_body_that_get_would_change(bodiless_site, how):
    for accepted, coding in (("gzip", "gzip"), ("identity", None)):
        got, head = (fetch(bodiless_site.port, method, f"/{how}/gzip", [("Accept-Encoding", accepted)]) for method in ("GET", "HEAD"))
        assert got.status == head.status == 200 and got.get("Content-Encoding") == coding
        assert head.get("ETag") is None and head.get("Content-Length") is None
        assert how == "decided" or (head.get("Content-Encoding"), head.get("Vary")) == (coding, "Accept-Encoding")
