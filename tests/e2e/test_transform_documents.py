"""What the README of `transform` and its example show does what they say."""
import json
import os
import re

import pytest

from support.client import fetch, get
from support.gateway import ROOT, Gateway, check
from support.upstream import Echo, Scripted

README = open(os.path.join(ROOT, "src/policy/transform/README.md"), encoding="utf-8").read()
BLOCKS = re.findall(r"```yaml\n(listeners:.*?)```", README, re.S)
EXAMPLE = open(os.path.join(ROOT, "examples/transform.yaml"), encoding="utf-8").read()


def served(text, upstream):
    """A shown configuration with every service at one upstream, on a port of its own."""
    text = re.sub(r"http://[a-z-]+:8080", upstream.url, text).replace("0.0.0.0:8080", "127.0.0.1:0")
    return text + "\nadmin: { address: 127.0.0.1:0 }\nworkers: 1\n"


@pytest.mark.parametrize("block", BLOCKS + [EXAMPLE])
def test_what_is_shown_is_good(block):
    said = check(block)
    assert said.code == 0 and "warning" not in said.text, said.text


def test_the_readmes_request_is_made():
    with Echo() as echo, Gateway(served(BLOCKS[1], echo)) as gateway:
        fetch(gateway.port, "POST", "/shop/a%20b/orders?shop=evil&x=1", [("X-Internal-A", "1")], b'{"cart":{"items":[1,2.0]},"total":3.50}')
        seen = echo.last
        assert seen.target == "/v1/orders?shop=a%20b&x=1" and seen.get("X-Total") == "3.50" and seen.get("X-Internal-A") is None
        assert seen.body == b'{"items":[1,2.0],"total":3.50,"note":"none"}'


def scripted(bodies):
    def script(connection):
        while True:
            status, body = bodies[connection.read_request().target.rsplit("/", 1)[1]]
            connection.answer(body, status, [("Server", "x")])
    return script


def test_the_readmes_cases_are_told_apart():
    answers = {"1": ("404 Not Found", b"<h1>"), "2": ("200 OK", b'{"error":{"text":"down"}}'), "3": ("200 OK", b'{"error":{}}'),
               "4": ("200 OK", b'{"count":1,"items":[{"name":"x","cost":2}]}'), "5": ("500 Oops", b"oops")}
    with Scripted(scripted(answers)) as upstream, Gateway(served(BLOCKS[2], upstream)) as gateway:
        got = {n: get(gateway.port, f"/products/{n}") for n in answers}
    assert (got["1"].status, got["1"].body) == (404, b'{"error":"no such product"}')
    assert (got["2"].status, got["2"].body) == (502, b'{"error":"down"}')
    assert (got["3"].status, got["3"].body) == (502, b'{"error":"unknown"}')
    assert json.loads(got["4"].body) == {"count": 1, "products": [{"name": "x"}], "served_by": "portico"}
    assert got["4"].get("X-Products") == "1" and got["4"].get("Server") is None
    assert (got["5"].status, got["5"].body, got["5"].get("Server")) == (500, b"oops", "x")


def test_the_example_runs():
    def script(connection):
        while True:
            request = connection.read_request()
            if request.target == "/users/7":
                connection.answer(b'{"userId":7,"firstName":"Ada"}', headers=[("Server", "x"), ("X-Internal-Node", "n1")])
            elif request.target.startswith("/users/"):
                connection.answer(b"gone", "404 Not Found")
            elif request.target == "/feed":
                connection.answer(b'{"ts":1,"internal":{}}\n{"ts":2}\n', headers=[("Content-Type", "application/x-ndjson")])
            else:
                connection.answer(request.body, headers=[("X-Seen", f"{request.target} {request.get('X-Customer')} {request.get('Cookie')}")])
    with Scripted(script) as upstream, Gateway(served(EXAMPLE, upstream)) as gateway:
        answer = get(gateway.port, "/api/v2/users/7")
        assert json.loads(answer.body) == {"id": 7, "name": {"first": "Ada"}, "metadata": {"source": "legacy-transform", "version": "2.0"}}
        assert answer.get("Server") is None and answer.get("X-Internal-Node") is None
        assert get(gateway.port, "/api/v2/users/8").body == b'{"error":"there is no user 8"}'
        answer = fetch(gateway.port, "POST", "/orders?utm_x=1&a=2", [("Content-Type", "application/x-www-form-urlencoded"), ("Cookie", "a=b")],
                       b"customer=ada&sku=s1")
        assert answer.body == b'{"customer":"ada","items":[{"sku":"s1","count":"1"}]}'
        assert answer.get("X-Seen") == "/v2/orders?a=2&source=web ada None"
        assert get(gateway.port, "/feed").body == b'{"at":1}\n{"at":2}\n'
