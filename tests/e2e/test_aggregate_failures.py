"""Aggregates whose calls fail: each way to fail has a decided outcome, for a call that the answer needs and for an optional one."""
import gzip
import json
import threading
import time

import pytest

from support.client import Client, fetch, get
from support.gateway import SANITIZED, Gateway
from support.pages import Page, Pages
from support.upstream import Echo, unused_port

MIB = 1 << 20


def endless(connection):
    """A chunked answer of 100 MiB, as far as it is taken."""
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        connection.send(b"%x\r\n" % MIB + b"1" * MIB + b"\r\n")
    connection.send(b"0\r\n\r\n")


def half(connection):
    connection.send(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"name": "half')


def half_chunked(connection):
    connection.send(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"name": \r\n')


def silent(connection):
    connection.wait_for_close()


PAGES = {
    "timeout": Page(script=silent),
    "404": Page({"error": "inside"}, status=404),
    "500": Page({"error": "inside"}, status=500),
    "html": Page(body=b"<html>inside</html>", headers=[("Content-Type", "text/html")]),
    "invalid": Page(body=b'{"name": inside}'),
    "twice": Page(body=b'{"name": 1, "name": 2}'),
    "latin": Page(body=b'{"name": "caf\xe9"}'),
    "huge": Page(script=endless),
    "long": Page(script=lambda c: c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n" + b"1" * 1000)),
    "half": Page(script=half),
    "half-chunked": Page(script=half_chunked),
    "until-close": Page(script=lambda c: c.send(b'HTTP/1.1 200 OK\r\n\r\n{"name": "ha')),
    "nothing": Page(script=lambda c: None),
    "no-http": Page(script=lambda c: c.send(b"inside\r\n\r\n")),
    "zstd": Page(body=b'{"name": 1}', headers=[("Content-Encoding", "zstd")]),
    "no-coding": Page(body=b'{"name": ', headers=[("Content-Encoding", "utf-8")]),
    "half-gzip": Page(body=gzip.compress(b'{"name": 1}', mtime=0)[:-5], headers=[("Content-Encoding", "gzip")]),
    "bomb": Page(body=gzip.compress(b"1" * (64 << 20), mtime=0), headers=[("Content-Encoding", "gzip")]),
}

# What happens: the status and code where the call is needed, the reason in the log, the metrics and the errors member.
FAILURES = [
    ("timeout", 504, "aggregate.call_timeout", "timeout"),
    ("refused", 502, "aggregate.call_failed", "refused"),
    ("404", 502, "aggregate.call_404", "status"),
    ("500", 502, "aggregate.call_500", "status"),
    ("html", 502, "aggregate.call_failed", "not_json"),
    ("invalid", 502, "aggregate.call_failed", "not_json"),
    ("twice", 502, "aggregate.call_failed", "not_json"),
    ("latin", 502, "aggregate.call_failed", "not_json"),
    ("huge", 502, "aggregate.call_failed", "too_large"),
    ("long", 502, "aggregate.call_failed", "too_large"),
    ("half", 502, "aggregate.call_failed", "closed"),
    ("half-chunked", 502, "aggregate.call_failed", "closed"),
    ("until-close", 502, "aggregate.call_failed", "not_json"),
    ("nothing", 502, "aggregate.call_failed", "closed"),
    ("no-http", 502, "aggregate.call_failed", "protocol"),
    ("zstd", 502, "aggregate.call_failed", "encoding"),
    ("no-coding", 502, "aggregate.call_failed", "encoding"),
    ("half-gzip", 502, "aggregate.call_failed", "encoding"),
    ("bomb", 502, "aggregate.call_failed", "too_large"),
]

CONFIG = """
services: {{ users: {users}, away: {away} }}
routes:
  - name: needed
    match: "/needed/{{case}}"
    aggregate:
      calls:
        good: {{ service: users, path: /good }}
        bad: {{ service: users, path: "/{{case}}", timeout: 200ms }}
      body: {{ good: $good.name, bad: $bad.name }}
  - name: optional
    match: "/optional/{{case}}"
    aggregate:
      calls:
        good: {{ service: users, path: /good }}
        bad: {{ service: users, path: "/{{case}}", timeout: 200ms, optional: true }}
      body: {{ good: $good.name, bad: $bad.name, all: $bad }}
      errors: true
  - name: default
    match: "/default/{{case}}"
    aggregate:
      calls:
        bad: {{ service: users, path: "/{{case}}", timeout: 200ms, optional: true, default: {{ name: nobody }} }}
      body: {{ bad: $bad.name }}
  - {{ match: /needed-away, aggregate: {{ calls: {{ bad: {{ service: away, path: / }} }}, body: $bad }} }}
  - {{ match: /optional-away, aggregate: {{ calls: {{ bad: {{ service: away, path: /, optional: true }} }}, body: {{ bad: $bad }}, errors: failures }} }}
"""


@pytest.fixture(scope="module")
def world():
    holder, port = unused_port()
    pages = {"/good": {"name": "Ada"}, **{"/" + name: page for name, page in PAGES.items()}}
    with Pages(pages) as users, Gateway(CONFIG.format(users=users.url, away=f"http://127.0.0.1:{port}")) as gateway:
        yield gateway, users
        users.ending = True
    holder.close()


@pytest.mark.parametrize("case,status,code,reason", FAILURES, ids=[f[0] for f in FAILURES])
def test_a_needed_call_that_fails_fails_the_answer_and_says_nothing_of_the_services_insides(world, case, status, code, reason):
    gateway, _ = world
    answer = get(gateway.port, "/needed-away" if case == "refused" else "/needed/" + case)
    problem = answer.json()
    assert (answer.status, problem["code"]) == (status, code), problem
    assert answer.get("content-type") == "application/problem+json" and '"bad"' in problem["detail"]
    assert b"inside" not in answer.body and b"127.0.0.1" not in answer.body
    line = gateway.access_line(lambda e: e["request_id"] == problem["request_id"])
    assert line["code"] == code and line["calls"]["bad"]["reason"] == reason
    assert "bad" in line["detail"] and reason in line["detail"]


@pytest.mark.parametrize("case,reason", [(f[0], f[3]) for f in FAILURES], ids=[f[0] for f in FAILURES])
def test_an_optional_call_that_fails_leaves_its_fields_out_and_is_named_where_asked_for(world, case, reason):
    gateway, _ = world
    if case == "refused":
        answer = get(gateway.port, "/optional-away")
        assert answer.status == 200 and answer.json() == {"failures": [{"call": "bad", "reason": reason}]}
        return
    answer = get(gateway.port, "/optional/" + case)
    assert answer.status == 200 and answer.json() == {"good": "Ada", "errors": [{"call": "bad", "reason": reason}]}
    assert answer.get("etag") is None  # it is not the whole answer
    assert get(gateway.port, "/default/" + case).json() == {"bad": "nobody"}
    assert gateway.metric("portico_aggregate_call_failures_total", route="optional", call="bad", reason=reason) >= 1


def test_without_a_failure_there_is_no_errors_member(world):
    gateway, _ = world
    assert get(gateway.port, "/optional/good").json() == {"good": "Ada", "bad": "Ada", "all": {"name": "Ada"}}


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's memory is its own")
def test_an_answer_of_100_mib_is_cut_off_early_and_held_in_bounded_memory(world):
    gateway, users = world
    get(gateway.port, "/optional/huge")
    before = gateway.resident()
    for _ in range(4):
        assert get(gateway.port, "/optional/huge").status == 200
    assert gateway.resident() - before < 24 * 1024
    for c in users.connections:
        if c.requests and c.requests[-1].target == "/huge":
            assert c.done.wait(10), "one is still sending"


def page_text(calls, users, other, body="{ a: $a, b: $b }", more=""):
    return f"""
services: {{ users: {users.url}, other: {other.url} }}
routes:
  - name: page
    match: /page
    aggregate:
      calls: {calls}
      body: {body}
      {more}
"""


def test_when_all_calls_fail_optional_ones_still_make_an_answer():
    calls = "{ a: { service: users, path: /none, optional: true }, b: { service: users, path: /none2, optional: true, default: [] } }"
    with Pages({}) as users, Gateway(page_text(calls, users, users, more="errors: true")) as gateway:
        answer = get(gateway.port, "/page")
        assert answer.status == 200
        assert answer.json() == {"b": [], "errors": [{"call": "a", "reason": "status"}, {"call": "b", "reason": "status"}]}
    calls = "{ a: { service: users, path: /none }, b: { service: users, path: /none2 } }"
    with Pages({}) as users, Gateway(page_text(calls, users, users)) as gateway:
        assert get(gateway.port, "/page").status == 502


def test_a_failure_ends_the_others_at_once():
    ended = threading.Event()

    def slow(connection):
        connection.wait_for_close()
        ended.set()
    calls = "{ a: { service: users, path: /slow }, b: { service: other, path: /bad } }"
    with Pages({"/slow": Page(script=slow)}) as users, Pages({"/bad": Page({}, status=500, delay=0.05)}) as other:
        with Gateway(page_text(calls, users, other)) as gateway:
            begun = time.monotonic()
            assert get(gateway.port, "/page").status == 502
            assert time.monotonic() - begun < 2 and ended.wait(5)
            assert gateway.access_lines()[0]["calls"]["a"]["reason"] == "cancelled"


def test_a_client_that_leaves_takes_the_calls_with_it():
    closed = threading.Semaphore(0)

    def slow(connection):
        connection.wait_for_close()
        closed.release()
    calls = "{ a: { service: users, path: /a }, b: { service: other, path: /b } }"
    with Pages({"/a": Page(script=slow)}) as users, Pages({"/b": Page(script=slow)}) as other, Gateway(page_text(calls, users, other)) as gateway:
        client = Client(gateway.port)
        client.send_head("GET", "/page")
        for upstream in (users, other):
            upstream.wait(lambda u=upstream: u.requests, "the call")
        client.reset()
        assert closed.acquire(timeout=5) and closed.acquire(timeout=5)
        line = gateway.access_lines()[0]
        assert line["code"] == "http.client_gone" and line["calls"]["a"]["reason"] == "cancelled"


def test_a_client_that_leaves_ends_a_fan_out():
    closed = threading.Semaphore(0)

    def slow(connection):
        connection.wait_for_close()
        closed.release()
    pages = {"/list": list(range(20)), **{f"/i/{n}": Page(script=slow) for n in range(20)}}
    calls = '{ a: { service: users, path: /list }, b: { service: users, path: "/i/{$n}", for_each: "$a[*]", as: n, concurrency: 3 } }'
    with Pages(pages) as users, Gateway(page_text(calls, users, users)) as gateway:
        client = Client(gateway.port)
        client.send_head("GET", "/page")
        users.wait(lambda: len(users.requests) == 4, "three calls of the fan-out")
        client.reset()
        for _ in range(3):
            assert closed.acquire(timeout=5)
        assert len(users.requests) == 4


def test_the_deadline_passes_during_the_second_stage():
    calls = "{ a: { service: users, path: /a }, b: { service: users, path: \"/b/{$a.id}\" } }"
    pages = {"/a": Page({"id": 1}, delay=0.15), "/b/1": Page({}, delay=2)}
    with Pages(pages) as users, Gateway(page_text(calls, users, users, more="timeout: 300ms")) as gateway:
        begun = time.monotonic()
        answer = get(gateway.port, "/page")
        assert 0.28 <= time.monotonic() - begun < 1
        assert answer.status == 504 and answer.json()["code"] == "aggregate.call_timeout" and '"b"' in answer.json()["detail"]
        assert gateway.access_lines()[0]["calls"]["b"]["reason"] == "deadline"
    optional = calls.replace("{$a.id}\"", "{$a.id}\", optional: true, default: late")
    with Pages(pages) as users, Gateway(page_text(optional, users, users, more="timeout: 300ms")) as gateway:
        assert get(gateway.port, "/page").json() == {"a": {"id": 1}, "b": "late"}


def test_a_call_whose_making_takes_all_the_time_fails_with_those_that_share_its_answer():
    """Both ask the same, so that one of them waits for the other's answer: they end together."""
    query = ", ".join(f'q{n}: "$list[?count(@.v[?@ != $list[0].a]) > 0 && @.a == 7].a"' for n in range(20))
    calls = f"""
        list: {{ service: users, path: /list }}
        a: {{ service: users, path: /i, query: {{ {query} }}, optional: true }}
        b: {{ service: users, path: /i, query: {{ {query} }}, optional: true }}"""
    asked = "/i?" + "&".join(f"q{n}=7" for n in range(20))
    pages = {"/list": [{"a": 7 + n, "v": list(range(1, 4000))} for n in range(20)], "/i": {"found": 7}}
    with Pages(pages) as users:
        with Gateway(page_text(calls, users, users)) as gateway:
            assert get(gateway.port, "/page").json() == {"a": {"found": 7}, "b": {"found": 7}}
            assert users.asked() == ["/list", asked], "one of them"
            assert gateway.access_lines()[0]["us"]["total"] > 60_000
        with Gateway(page_text(calls, users, users, more="timeout: 40ms")) as gateway:
            assert get(gateway.port, "/page").json() == {}
            line = gateway.access_lines()[0]
            assert {line["calls"][name]["reason"] for name in "ab"} == {"deadline"} and line["us"]["total"] < 2_000_000


def test_a_call_after_the_deadline_is_not_made():
    calls = """
        a: { service: users, path: /a, optional: true }
        b: { service: users, path: "/b", query: { x: "{$a.id}" }, optional: true }"""
    with Pages({"/a": Page(script=silent), "/b": 1}) as users, Gateway(page_text(calls, users, users, more="timeout: 200ms")) as gateway:
        assert get(gateway.port, "/page").json() == {}
        assert users.asked() == ["/a"]
        assert {c["reason"] for c in gateway.access_lines()[0]["calls"].values()} == {"deadline"}


def test_a_call_that_needs_a_value_that_is_missing_is_not_made():
    calls = "{ a: { service: users, path: /a }, b: { service: users, path: \"/b/{$a.none}\" } }"
    for value in ({"x": 1}, {"none": None}, {"none": ""}, {"none": ".."}, {"none": [1]}, {"none": {}}):
        with Pages({"/a": value}) as users, Gateway(page_text(calls, users, users)) as gateway:
            answer = get(gateway.port, "/page")
            assert answer.status == 502 and users.asked() == ["/a"], value
            assert gateway.access_lines()[0]["calls"]["b"]["reason"] == "value"
    optional = calls.replace("none}\"", "none}\", optional: true")
    with Pages({"/a": {"none": ".."}}) as users, Gateway(page_text(optional, users, users)) as gateway:
        assert get(gateway.port, "/page").json() == {"a": {"none": ".."}} and users.asked() == ["/a"]


def test_a_header_that_an_answer_would_split_is_not_sent():
    calls = "{ a: { service: users, path: /a }, b: { service: users, path: /b, headers: { X-A: \"{$a.v}\" } } }"
    with Pages({"/a": {"v": "1\r\nX-Evil: 1"}, "/b": 1}) as users, Gateway(page_text(calls, users, users)) as gateway:
        assert get(gateway.port, "/page").status == 502 and users.asked() == ["/a"]


def test_accepted_statuses_are_no_failures_and_an_empty_body_is_null():
    calls = """
        a: { service: users, path: /404, accept: [200, 404] }
        b: { service: users, path: /204 }
        c: { service: users, path: /html, accept: [200, 503] }
        d: { service: users, path: /200, accept: [201], optional: true }"""
    pages = {"/404": Page({"v": 1}, status=404), "/204": Page(status=204, body=b"", headers=[]), "/html": Page(body=b"<p>", status=503), "/200": 1}

    def empty(connection):
        connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")
    pages["/204"] = Page(script=empty)
    with Pages(pages) as users, Gateway(page_text(calls, users, users, "{ a: $a, b: $b, c: $c, d: $d, s: '{calls.a.status} {calls.b.status} {calls.d.status}' }")) as gateway:
        assert get(gateway.port, "/page").json() == {"a": {"v": 1}, "b": None, "c": None, "s": "404 204 200"}


def test_an_answer_that_is_coded_all_the_same_is_undone():
    pages = {"/a": Page(body=gzip.compress(b'{"v": 1}', mtime=0), headers=[("Content-Encoding", "gzip")]), "/b": Page(body=b"", headers=[("Content-Encoding", "gzip")])}
    with Pages(pages) as users, Gateway(page_text("{ a: { service: users, path: /a }, b: { service: users, path: /b } }", users, users)) as gateway:
        assert get(gateway.port, "/page").json() == {"a": {"v": 1}, "b": None}
        assert users.request("/a").get("accept-encoding") is None


def test_t24_a_byte_order_mark_is_read_and_not_sent_on():
    mark = b"\xef\xbb\xbf"
    calls = '{ a: { service: users, path: /a }, b: { service: users, path: /b, method: POST, body: { id: $.id } } }'
    pages = {"/a": Page(body=mark + b'{"v":1}', headers=[("Content-Type", "application/json")]), "/b": Page({"v": 2})}
    with Pages(pages) as users, Gateway(page_text(calls, users, users, "{ a: $a, b: $b }")) as gateway:
        answer = fetch(gateway.port, "POST", "/page", [("Content-Type", "application/json")], mark + b'{"id":7}')
        assert (answer.status, answer.body, users.request("/b").body) == (200, b'{"a":{"v":1},"b":{"v": 2}}', b'{"id":7}')


def test_t25_what_is_no_coding_says_nothing_about_a_body():
    pages = {"/a": Page({"v": 1}, headers=[("Content-Encoding", "UTF-8")]), "/b": Page({"v": 1}, headers=[("Content-Encoding", "zstd")])}
    with Pages(pages) as users, Gateway(page_text("{ a: { service: users, path: /a }, b: { service: users, path: /b, optional: true } }", users, users)) as gateway:
        assert get(gateway.port, "/page").json() == {"a": {"v": 1}}
        pages["/a"] = Page({"v": 1}, headers=[("Content-Encoding", "utf-8, gzip")])
        assert get(gateway.port, "/page").status == 502
        assert "utf-8" in gateway.access_line(lambda line: line["status"] == 502)["detail"]


def test_a_status_that_is_passed_reaches_the_client_as_a_problem():
    calls = "{ a: { service: users, path: /a, pass: [404, 403, 429] }, b: { service: users, path: /b } }"
    pages = {"/b": 1}
    with Pages(pages) as users, Gateway(page_text(calls, users, users)) as gateway:
        for status, title in ((404, "Not Found"), (403, "Forbidden"), (429, "Too Many Requests")):
            pages["/a"] = Page({"error": "inside"}, status=status, headers=[("Retry-After", "7"), ("X-Inside", "1")])
            answer = get(gateway.port, "/page")
            problem = answer.json()
            assert answer.status == status and problem["status"] == status and problem["title"] == title
            assert problem["code"] == f"aggregate.call_{status}" and f" {status} " in problem["detail"] and b"inside" not in answer.body
            assert answer.get("retry-after") == "7" and answer.get("x-inside") is None
        pages["/a"] = Page({}, status=410)
        assert get(gateway.port, "/page").status == 502


def fan(more=""):
    return f'{{ a: {{ service: users, path: /list }}, b: {{ service: users, path: "/i/{{$item.id}}", for_each: "$a[*]"{more} }} }}'


ITEMS = {"/list": [{"id": 1}, {"id": 2}, {"id": 3}], "/i/1": {"v": 1}, "/i/3": {"v": 3}}


def test_a_fan_out_of_which_one_fails():
    with Pages(ITEMS) as users, Gateway(page_text(fan(), users, users, "$b")) as gateway:
        answer = get(gateway.port, "/page")
        assert answer.status == 502 and '"b"' in answer.json()["detail"]
    with Pages(ITEMS) as users, Gateway(page_text(fan(", optional: true"), users, users, "{ b: $b }", "errors: true")) as gateway:
        assert get(gateway.port, "/page").json() == {"b": [{"v": 1}, None, {"v": 3}], "errors": [{"call": "b", "failed": 1}]}
        gateway.expect_metric(1, "portico_aggregate_call_failures_total", call="b", reason="status")
        assert gateway.access_lines()[0]["calls"]["b"] | {"us": 0} == {"status": 404, "values": 3, "failed": 1, "detail": f"404 from {users.authority}", "us": 0}
    with Pages(ITEMS) as users, Gateway(page_text(fan(', optional: true, default: { lost: "{$item.id}" }'), users, users, "$b")) as gateway:
        assert get(gateway.port, "/page").json() == [{"v": 1}, {"lost": "2"}, {"v": 3}]


def test_a_fan_out_over_too_many_values_fails_and_a_limit_cuts_it():
    with Pages(ITEMS) as users, Gateway(page_text(fan(", max_items: 2"), users, users, "$b")) as gateway:
        assert get(gateway.port, "/page").status == 502 and users.asked() == ["/list"]
        assert gateway.access_lines()[0]["calls"]["b"]["reason"] == "too_many"
    with Pages(ITEMS) as users, Gateway(page_text(fan(", max_items: 2, limit: 1"), users, users, "$b")) as gateway:
        assert get(gateway.port, "/page").json() == [{"v": 1}] and users.asked() == ["/list", "/i/1"]


@pytest.mark.parametrize("value,outcome", [([], []), ({"none": 1}, []), (None, []), ("text", 502), (7, 502)])
def test_a_fan_out_over_what_is_no_list(value, outcome):
    calls = '{ a: { service: users, path: /list }, b: { service: users, path: "/i/{$item}", for_each: $a.list } }'
    page = {"list": value} if not isinstance(value, dict) else {}
    with Pages({"/list": page}) as users, Gateway(page_text(calls, users, users, "{ b: $b }")) as gateway:
        answer = get(gateway.port, "/page")
        assert answer.status == 502 if outcome == 502 else answer.json() == {"b": outcome}
        assert users.asked() == ["/list"]


@pytest.mark.parametrize("path", ["$a[*]", "$a.list", "$a.list[*]"])
def test_a_fan_out_whose_list_is_missing_is_not_made(path):
    calls = '{ a: { service: users, path: /list, optional: true }, b: { service: users, path: "/i/{$item}", for_each: "%s" } }' % path
    with Pages({"/list": Page({}, status=500)}) as users, Gateway(page_text(calls, users, users, "{ b: $b }", "server_timing: true")) as gateway:
        answer = get(gateway.port, "/page")
        assert answer.json() == {"b": []} and users.asked() == ["/list"] and "b;" not in (answer.get("server-timing") or "")
        assert gateway.access_lines()[0]["calls"]["b"] == {"reason": "not_made", "detail": "what it iterates over is missing"}


@pytest.mark.parametrize("page, missing", [({"list": []}, False), ({}, True), ({"list": None}, True)])
def test_a_fan_out_over_an_empty_list_has_found_it(page, missing):
    calls = '{ a: { service: users, path: /list }, b: { service: users, path: "/i/{$item}", for_each: $a.list } }'
    with Pages({"/list": page}) as users, Gateway(page_text(calls, users, users, "{ b: $b }")) as gateway:
        assert get(gateway.port, "/page").json() == {"b": []}
        logged = gateway.access_lines()[0]["calls"]["b"]
        assert logged.get("reason") == ("not_made" if missing else None) and logged.get("status") == (None if missing else 200), logged


def test_a_value_that_a_path_needs_and_has_not_is_named_in_the_log():
    calls = '{ o: { service: users, path: /o }, b: { service: users, path: "/b/{$o.nope}" } }'
    with Pages({"/o": {}}) as users, Gateway(page_text(calls, users, users, "{ o: $o, b: $b }")) as gateway:
        assert get(gateway.port, "/page").status == 502
        assert gateway.access_lines()[0]["calls"]["b"]["detail"] == "$o.nope is empty or missing, and the path needs it"


def test_an_item_whose_answer_is_more_than_one_value_does_not_break_out_of_the_list():
    pages = dict(ITEMS, **{"/i/2": Page(body=b'1, {"evil": 1}')})
    with Pages(pages) as users, Gateway(page_text(fan(", optional: true"), users, users, "$b")) as gateway:
        assert get(gateway.port, "/page").json() == [{"v": 1}, None, {"v": 3}]


def test_a_kept_connection_that_was_closed_is_replaced_once():
    def once(connection):
        connection.answer(b"1")
        connection.close()
    with Pages({"/a": Page(script=once), "/b": 2}) as users:
        with Gateway("workers: 1\n" + page_text("{ a: { service: users, path: /a }, b: { service: users, path: /b } }", users, users)) as gateway:
            for _ in range(10):
                assert get(gateway.port, "/page").json() == {"a": 1, "b": 2}


def test_what_a_list_of_calls_says_beside_its_errors_is_not_kept():
    pages = {"/list": [{"id": i} for i in range(100)]}
    error = json.dumps([0] * 300_000).encode()
    pages |= {f"/i/{i}": Page(body=error, status=500) for i in range(100)}
    with Pages(pages) as users, Gateway(page_text(fan(", optional: true"), users, users, "{ n: { get: $b, apply: length } }")) as gateway:
        assert get(gateway.port, "/page").json() == {"n": 100}
        assert SANITIZED or gateway.resident() < 60 * 1024


@pytest.mark.parametrize("call,body", [
    ('for_each: "$.v"', b'{"v":"x"}'), ('for_each: { get: "$.v[*]", cast: integer }', b'{"v":["x"]}'),
])
def test_a_list_of_calls_that_the_client_spoilt_is_its_own_fault(call, body):
    config = "services: {{ s: {url} }}\nroutes:\n  - match: /\n    aggregate: {{ calls: {{ o: {{ service: s, path: '/{{$i}}', {call}, as: i }} }}, body: {{ n: $o }} }}\n"
    with Echo() as upstream, Gateway(config.format(url=upstream.url, call=call)) as gateway:
        answer = fetch(gateway.port, "POST", "/", [("Content-Type", "application/json")], body)
        assert answer.status == 400 and not upstream.requests, answer.body


def test_one_text_in_two_spellings_is_asked_for_once():
    config = "services: {{ s: {url} }}\nroutes:\n  - match: /\n    aggregate: {{ calls: {{ o: {{ service: s, method: POST, path: '/x', for_each: '$.v', as: i, body: {{ id: $i }} }} }}, body: {{ n: $o }} }}\n"
    with Echo() as upstream, Gateway(config.format(url=upstream.url)) as gateway:
        answer = fetch(gateway.port, "POST", "/", [("Content-Type", "application/json")], rb'{"v":["x\u0079","xy","1",1]}')
        assert answer.status == 200 and len(answer.json()["n"]) == 4 and len(upstream.requests) == 3
