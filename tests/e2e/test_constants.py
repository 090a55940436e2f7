"""What the file says by itself, or takes from the environment, ends up in messages too: a line break in it would begin a header, or
a message, of its own."""
import pytest

from support.client import get
from support.gateway import Gateway, check
from support.upstream import Echo

CONFIG = """
services: {{ svc: "{url}" }}
policies:
  changes: {{ transform: {{ {changes} }} }}
  asks: {{ forward_auth: {{ service: svc{asks} }} }}
routes:
  - {{ match: /a, aggregate: {{ headers: {{ X-A: {answer} }}, calls: {{ u: {{ service: svc, path: {path}, headers: {{ X-B: {call} }} }} }}, body: {{}} }} }}
  - {{ match: /f, use: [changes, asks], forward: {{ service: svc, path: {target} }} }}
  - {{ match: /r, respond: {{ headers: {{ X-C: {respond} }} }} }}
  - {{ match: /t, redirect: {{ to: {to} }} }}
"""
GOOD = {"url": "http://127.0.0.1:9", "changes": "request: { method: POST }", "asks": "", "answer": "a", "path": "/x", "call": "b", "target": "/y",
        "respond": "c", "to": "/z"}
HEADER = "a header's value is one line without control characters"
COOKIE = "a cookie's value is one line without control characters or"
QUERY = "a query holds no control characters"
FAULTS = [
    ({"answer": r'"a\r\nSet-Cookie: evil=1"'}, HEADER),
    ({"answer": r'"{client.ip}\n"'}, HEADER),
    ({"call": r'"a\r\nX-User-ID: admin"'}, HEADER),
    ({"call": r'"\0"'}, HEADER),
    ({"respond": r'"\x1b[2J"'}, HEADER),
    ({"respond": r'"a\x7f"'}, HEADER),
    ({"path": r'"/x?a=b HTTP/1.1\r\nX-User-ID: admin\r\nX: "'}, QUERY),
    ({"target": r'"/x?a=b HTTP/1.1\r\nX-User-ID: admin\r\nX: "'}, QUERY),
    ({"target": r'"/x?{query}\n"'}, QUERY),
    ({"to": r'"/x?a=b\r\nEvil: 1"'}, QUERY),
    ({"asks": r', path: "/x?y\r\nX: 1"'}, QUERY),
    ({"changes": r'request: { path: "/x?y\r\nX: 1" }'}, QUERY),
    ({"changes": r'request: { headers: { set: { X: "{client.ip}\r\nY: 1" } } }'}, HEADER),
    ({"changes": r'response: { headers: { replace: { X: { regex: "7", with: "a\r\nEvil: 1" } } } }'}, HEADER),
    ({"changes": r'request: { cookies: { set: { a: "b; c=d" } } }'}, COOKIE),
    ({"changes": r'request: { cookies: { set: { a: "b\r\nX: 1" } } }'}, COOKIE),
    ({"changes": r'response: { cookies: { set: { a: "x;Path=/y" } } }'}, COOKIE),
    ({"changes": r'response: { cookies: { set: { a: { value: "b\nEvil: 1" } } } }'}, COOKIE),
]


def test_the_frame_of_these_tests_is_good():
    assert check(CONFIG.format(**GOOD)).code == 0


@pytest.mark.parametrize("changed, message", FAULTS, ids=[str(i) for i in range(len(FAULTS))])
def test_a_constant_that_would_break_a_message_is_a_fault(changed, message):
    ran = check(CONFIG.format(**{**GOOD, **changed}))
    assert ran.code == 1 and message in ran.text and ": 1 error" in ran.text, ran.text


@pytest.mark.parametrize("place, message", [("answer", HEADER), ("call", HEADER), ("respond", HEADER), ("target", QUERY)])
def test_a_variable_with_a_line_break_at_its_end_is_told_so(place, message):
    """As `$(cat file)` loses it, but a file of variables or a secret that is mounted does not."""
    ran = check(CONFIG.format(**{**GOOD, place: '"/x?key=${TOKEN}"'}), env={"TOKEN": "abc\n"})
    assert ran.code == 1 and message in ran.text and "the variable's value ends in a line break: set it without one" in ran.text, ran.text


def test_blanks_and_letters_of_a_constant_target_are_encoded():
    with Echo() as upstream:
        with Gateway(CONFIG.format(**{**GOOD, "url": upstream.url, "target": '"/a b?q=c d&é=1"', "path": '"/é ü?a b"'})) as gateway:
            assert get(gateway.port, "/f").status == 200
            assert upstream.last.target == "/a%20b?q=c%20d&%C3%A9=1"
            assert get(gateway.port, "/a").status == 200
            assert upstream.last.target == "/%C3%A9%20%C3%BC?a%20b"
