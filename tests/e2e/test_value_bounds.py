"""What values of a body make of a request to a service is bounded, however much the body may hold."""
import json

import pytest

from support.client import Client
from support.gateway import Gateway
from support.pages import Page, Pages

MOST = 64 << 10  # bytes of a header's value, and of the values in a target

CONFIG = """
services: {{ svc: {url} }}
routes:
  - match: /header
    aggregate: {{ calls: {{ a: {{ service: svc, path: /a, headers: {{ X-Value: "{{$.v}}" }} }} }}, body: $a }}
  - match: /header-of-answer
    aggregate:
      calls: {{ first: {{ service: svc, path: /first }}, a: {{ service: svc, path: /a, headers: {{ X-Value: "{{$first.v}}{{$first.v}}" }} }} }}
      body: $a
  - match: /list
    aggregate: {{ calls: {{ a: {{ service: svc, path: /a, query: {{ id: "$.v[*]" }} }} }}, body: $a }}
  - match: /list-of-answer
    aggregate:
      calls: {{ first: {{ service: svc, path: /first }}, a: {{ service: svc, path: /a, query: {{ id: "$first.many[*]" }} }} }}
      body: $a
  - match: /text
    aggregate: {{ calls: {{ a: {{ service: svc, path: /a, query: {{ one: "-{{$.v}}", two: "-{{$.v}}" }} }} }}, body: $a }}
  - match: /text-of-answer
    aggregate:
      calls: {{ first: {{ service: svc, path: /first }}, a: {{ service: svc, path: /a, query: {{ id: "-{{$first.long}}" }} }} }}
      body: $a
  - match: /transformed
    use: [{{ transform: {{ request: {{ headers: {{ set: {{ X-Value: "{{$.v}}" }} }} }} }} }}]
    forward: {{ service: svc, path: /a }}
"""


@pytest.fixture(scope="module")
def world():
    pages = {"/a": {"ok": 1}, "/first": {"v": "x" * (MOST // 2 + 1), "long": "x" * (MOST + 1), "many": ["x" * 10] * (MOST // 10)}}
    with Pages(pages) as svc, Gateway(CONFIG.format(url=svc.url)) as gateway:
        yield gateway, svc


def ask(world, path, value):
    """Status and code of the answer, and the one request that /a got."""
    gateway, svc = world
    before = len(svc.asked("/a"))
    with Client(gateway.port) as client:
        answer = client.request("POST", path, [("Content-Type", "application/json")], json.dumps({"v": value}).encode())
    got = svc.requests[-1] if len(svc.asked("/a")) > before else None
    return (200, "") if answer.status == 200 else (answer.status, answer.code), got


@pytest.mark.parametrize("path", ["/header", "/transformed"])
def test_a28_a_value_of_a_header_has_a_bound_of_its_own(world, path):
    outcome, got = ask(world, path, "x" * MOST)
    assert outcome == (200, "") and got.get("X-Value") == "x" * MOST
    assert ask(world, path, "x" * (MOST + 1)) == ((400, "route.value_refused"), None)


def test_a28_a_header_that_another_calls_answer_makes_too_long_is_that_ones_fault(world):
    assert ask(world, "/header-of-answer", 1) == ((502, "response.mapping"), None)


def test_a28_a_list_makes_a_bounded_query(world):
    outcome, got = ask(world, "/list", ["x" * 14] * (MOST // 16))
    assert outcome == (200, "") and got.target.count("id=xxxxxxxxxxxxxx") == MOST // 16
    assert ask(world, "/list", ["x" * 14] * (MOST // 16) + [1]) == ((400, "body.mapping"), None)
    assert ask(world, "/list", list(range(20_000))) == ((400, "body.mapping"), None)
    assert ask(world, "/list-of-answer", 1) == ((502, "response.mapping"), None)


def test_a28_texts_make_a_bounded_query_together(world):
    outcome, got = ask(world, "/text", "x" * 30_000)
    assert outcome == (200, "") and len(got.target) > 60_000
    assert ask(world, "/text", "x" * 40_000) == ((400, "route.value_refused"), None)
    assert ask(world, "/text-of-answer", 1) == ((502, "response.mapping"), None)
