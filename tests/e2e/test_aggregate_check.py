"""What `check` says of aggregates that cannot work, where, and what `explain` shows of those that can."""
import pytest

from support.gateway import check, explain

HEAD = """services: { users: "http://users.test:8080", stub: { respond: { body: { a: 1 } } } }
routes:
  - name: page
    match: "/page/{id}"
    aggregate:
      calls:
"""


def faults(calls, body="body: { a: $a }"):
    text = HEAD + "".join(f"        {line}\n" for line in calls) + f"      {body}\n"
    return check(text)


# The calls, what is said, and the line and column where it is said (the calls begin on line 7).
FAULTS = [
    (['a: { service: users, path: "/a/{$b.id}" }', 'b: { service: users, path: "/b/{$c.id}" }', 'c: { service: users, path: /c, when: "$a.x" }'],
     "call-cycle", "7:9", "a → b → c → a"),
    (['a: { service: users, path: "/a/{$a.id}" }'], "call-cycle", "7:9", '"a" names itself'),
    (['a: { service: users, path: /a, headers: { X-A: "{calls.b.status}" } }', "b: { service: users, path: /b, query: { x: $a.x } }"], "call-cycle", "7:9", "a → b → a"),
    (['a: { service: users, path: "/a/{$nobody.id}" }'], "unknown", "7:", "nobody"),
    (['a: { service: users, path: /a, headers: { X-A: "{calls.bb.status}" } }'], "unknown-value", "7:", 'there is no call "bb"'),
    (["a: { service: users, path: /a, for_each: $b }"], "unknown", "7:", "b"),
    (['a: { service: users, path: "/{claims.sub}" }'], "no-identity", "7:", "claims.sub"),
    (["a: { service: userz, path: /a }"], "unknown-service", "7:23", '"userz"'),
    (["a: { service: '{id}', path: /a }"], "unknown-service", "7:23", "a call names its service"),
    (["a-b: { service: users, path: /a }", "a: { service: users, path: /a }"], "bad-name", "7:9", "letters, digits"),
    (["a: { service: users }"], "missing-key", "7:12", '"path"'),
    (["a: { service: users, path: a }"], "bad-path", "7:36", 'begins with "/"'),
    (["a: { service: users, path: /a, pathh: 1 }"], "unknown-key", "7:40", "path"),
    (["a: { service: users, path: /a, as: x }"], "idle-setting", "7:40", "for_each"),
    (["a: { service: users, path: /a, default: 1 }"], "idle-setting", "7:40", "optional"),
    (["a: { service: users, path: /a, body: { b: 1 } }"], "bad-body", "7:46", "GET"),
    (["a: { service: users, path: /a, method: HEAD }"], "bad-method", "7:48", "HEAD"),
    (["a: { service: users, path: /a, method: GETT }"], "unknown-method", "7:48", "GETT"),
    (["a: { service: users, path: /a, timeout: 5 }"], "bad-duration", "7:49", "unit"),
    (["a: { service: users, path: /a, pass: [401] }"], "bad-status", "7:46", "401"),
    (["a: { service: users, path: /a, pass: [404], accept: [404] }"], "idle-setting", "7:40", "accepted"),
    (["a: { service: users, path: /a, pass: [404], optional: true }"], "idle-setting", "7:40", "optional"),
    (["a: { service: users, path: /a, headers: { X-Forwarded-For: x } }"], "bad-header-name", "7:51", "gateway's"),
    (["a: { service: users, path: /a, headers: { Accept-Encoding: gzip } }"], "bad-header-name", "7:51", "Accept-Encoding"),
    (["a: { service: users, path: /a, headers: { Content-Length: '1' } }"], "bad-header-name", "7:51", "connection"),
    (["a: { service: users, path: /a }", "b: { service: users, path: /b, for_each: $a, as: a }"], "duplicate-name", "8:58", "two things"),
    (["a: { service: users, path: /a, when: '$.a ==' }"], "bad", "7:", ""),
]


@pytest.mark.parametrize("calls,code,place,said", FAULTS, ids=[f"{f[1]}-{n}" for n, f in enumerate(FAULTS)])
def test_what_cannot_work_is_said_where_it_stands(calls, code, place, said):
    ran = faults(calls)
    assert ran.code == 1, ran.text
    line = next((s for s in ran.text.splitlines() if ": error: " in s and f"[{code}" in s and said in s), None)
    assert line and f"portico.yaml:{place}" in line, ran.text


@pytest.mark.parametrize("body,code,said", [
    ("body: { a: $.a }", "", "client's body"),
    ("body: { a: $b }", "unknown", "b"),
    ("body: [$a]\n      errors: true", "bad-errors", "mapping"),
    ("body: { a: $a, errors: 1 }\n      errors: true", "duplicate-name", "errors"),
    # A25: the members of a literal are the body's, and there may be none.
    ("body: { literal: { a: $a, errors: 1 } }\n      errors: true", "duplicate-name", "errors"),
    ("body: { literal: { a: $a, failures: 1 } }\n      errors: failures", "duplicate-name", "failures"),
    ("body: { literal: [$a] }\n      errors: true", "bad-errors", "mapping"),
    ("body: $a\n      status: 204", "bad-status", "204"),
    ("body: $a\n      status: [200, { when: '$a', status: 201 }]", "idle-case", ""),
    ("body: $a\n      status: [{ when: '$a' }]", "missing-key", "status"),
    ("body: $a\n      etagg: true", "unknown-key", "etag"),
    ("timeout: 5s", "missing-key", "body"),
    ("body: $a\n    respond: { status: 200 }", "route-action", "exactly one"),
])
def test_an_answer_that_cannot_be_made_is_said_where_it_stands(body, code, said):
    ran = faults(["a: { service: users, path: /a }"], body)
    assert ran.code == 1, ran.text
    assert any(": error: " in s and f"[{code}" in s and said in s for s in ran.text.splitlines()), ran.text


@pytest.mark.parametrize("more,body", [
    ('query: { c: "{calls.a.header.Set-Cookie}" }', "a: $a"), ('path: "/b/{calls.a.header.set_cookie}"', "a: $a"),
    ('method: POST, body: { c: "{calls.a.header.set-cookie}" }', "a: $a"), ('headers: { X-A: "a {calls.a.header.Set-Cookie}" }', "a: $a"),
    ("", "a: $a }\n      headers: { Set-Cookie: '{calls.a.header.set-cookie}; Secure'"), ("", "a: $a, cookies: '{calls.a.header.set-cookie}'"),
])
def test_t22_several_cookies_of_a_call_are_no_part_of_a_text(more, body):
    ran = faults(["a: { service: users, path: /a }", "b: { service: users, " + ("" if "path:" in more else "path: /b, ") + more + " }"], "body: { b: $b, " + body + " }")
    assert ran.code == 1 and ran.text.count(": error: ") == 1, ran.text
    place = "8:" if more else "10:" if "headers" in body else "9:"
    assert any(f"portico.yaml:{place}" in s and "stands alone" in s and s.endswith("[joined-cookies]") for s in ran.text.splitlines()), ran.text


def test_a_call_that_nothing_names_is_warned_of_unless_it_does_something():
    ran = faults(["a: { service: users, path: /a }", "b: { service: users, path: /b }", "c: { service: users, path: /c, method: POST }"])
    assert ran.code == 0 and "portico.yaml:8:9: warning" in ran.text and "[unread-call]" in ran.text and ":9:9:" not in ran.text


def test_every_fault_is_said_at_once():
    ran = faults(["a: { service: users, path: /a/{$nobody.id} }".replace("/a/{$nobody.id}", '"/a/{$nobody.id}"'), "b: { service: userz, path: b }"], "body: { a: $x }")
    for place in (":7:", ":8:23", ":9:"):
        assert place in ran.text, ran.text


def test_explain_shows_which_calls_go_at_once_and_what_would_be_sent():
    text = HEAD + """        user: { service: users, path: "/u/{id}", timeout: 2s, query: { q: "{query.q}" } }
        shop: { service: users, path: "/shops/{$user.shop}", optional: true, when: "$user.shop" }
        items: { service: users, path: "/i/{$it.id}", for_each: "$user.items[*]", as: it, concurrency: 3 }
        stub: { service: stub, path: / }
      body: { u: $user, s: $shop, i: $items, x: $stub }
      status: [{ when: "$shop", status: 201 }, 200]
"""
    ran = explain(text, "GET", "/page/7?q=a%20b", ["X-Request-ID: r-1"])
    assert ran.code == 0, ran.text
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    for wanted in ("aggregate 4 call(s), all within 30s", "call user: at once, within 2s", "GET /u/7?q=a%20b HTTP/1.1", "Host: users.test:8080", "X-Request-ID: r-1",
                   "call shop: once user has ended, where $user.shop holds (optional)", "GET /shops/{$user.shop} to users",
                   "call items: once user has ended, for each of $user.items[*], 3 at a time, at most 100", "to stub, which gives a fixed answer: 200",
                   "answer 201 where $shop holds, else 200: u?, s?, i?, x?"):
        assert wanted in lines, (wanted, lines)
    assert lines.index("call stub: at once") < lines.index("call shop: once user has ended, where $user.shop holds (optional)")
