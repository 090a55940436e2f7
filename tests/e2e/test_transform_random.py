"""Random answers through `fields` and transforms with conditions, in each order: no member outside of what is allowed leaves.

PORTICO_SEED=N replays one seed; each message says its own.
"""
import json
import os
import random

import pytest

from support.client import get
from support.gateway import Gateway
from support.upstream import Scripted

JSON = "application/json"
ALLOWED = {"id", "kind", "error"}
FIELDS = "{ fields: { allow: [id, kind, error], default: [id, kind, error] } }"
# What of it is secret goes wherever it is; or the whole is another.
GUARD = '{ transform: { response: { when: { body: "$.secret" }, edit: { remove: $.secret } } } }'
CASES = [
    'when: { body: "$.secret" }, edit: { remove: $.secret }',
    'when: { body: "$.id > 2" }, status: 200, body: { id: $.id, secret: $.secret, more: 1 }',
    'when: { status: [2xx, 404] }, status: 200, body: { id: $.id, secret: $.secret }',
    'when: { status: 404 }, body: { error: gone, secret: $.secret }',
    'when: { body: "$.kind == \'a\'" }, status: 404, headers: { set: { X-Kind: "{$.kind}" } }',
    'when: { content_type: text/plain, body: "$.id" }, status: 200, edit: { set: { $.secret: again } }',
    'when: { headers: { X-Kind: a } }, status: 200, edit: { rename: { $.secret: hidden } }',
    'when: { status: 200 }, headers: { set: { X-Id: "{$.id}" } }',
]
SEEDS = [int(os.environ["PORTICO_SEED"])] if "PORTICO_SEED" in os.environ else range(40)


def policies(seed):
    """`use` of one route, and what holds of whatever leaves it."""
    r = random.Random(seed)
    use = [f"{{ transform: {{ response: [{', '.join('{ ' + c + ' }' for c in r.sample(CASES, r.randint(1, 3)))}] }} }}" for _ in range(r.randint(1, 3))]
    if seed % 2 == 0:
        objects = lambda document: document if isinstance(document, list) else [document]
        return [FIELDS, *use], lambda document: all(not isinstance(d, dict) or d.keys() <= ALLOWED for d in objects(document))
    # What stands further out takes the secret away once more, whatever those before it have made of head and body.
    guarded = [GUARD, *use]
    guarded.insert(r.randint(0, len(guarded)), FIELDS)
    return guarded, lambda document: not isinstance(document, dict) or "secret" not in document


def answer_of(text):
    """A status, a type and a body, by the number that the path ends in."""
    r = random.Random(text)
    document = {name: r.choice([1, 3, "a", None, [1], {"secret": 1}]) for name in r.sample(["id", "kind", "secret", "error", "x"], r.randint(0, 5))}
    body = json.dumps(document).encode()
    if r.random() < 0.3:
        body = r.choice([b'{"id":1,"secret":2,"secret":3}', b"\xef\xbb\xbf" + body, body + b" ]", b"", b"secret", b'{"id":3,"secret":"\\ud800"}', b"[" + body + b"]"])
    status = r.choice(["200 OK", "200 OK", "404 Not Found", "206 Partial Content", "500 Oops"])
    return status, r.choice([JSON, JSON, "text/plain", "application/problem+json", None]), body


def serve(connection):
    while True:
        status, kind, body = answer_of(connection.read_request().target.split("?")[0])
        connection.answer(body, status, [("Content-Type", kind)] if kind else [])


@pytest.fixture(scope="module")
def site():
    routes = "".join(f"  - {{ match: /{seed}/**, use: [{', '.join(policies(seed)[0])}], forward: {{ service: svc }} }}\n" for seed in SEEDS)
    with Scripted(serve) as svc, Gateway(f"services: {{ svc: {svc.url} }}\nroutes:\n{routes}") as gateway:
        yield gateway


def good_json(answer):
    kind = (answer.get("Content-Type") or "").lower()
    return 200 <= answer.status < 300 and answer.body and (kind == JSON or kind.endswith("+json"))


def test_no_member_leaves_that_is_not_allowed_in_whatever_order_head_and_body_are_made(site):
    judged = 0
    for seed in SEEDS:
        use, holds = policies(seed)
        for i in range(25):
            answer = get(site.port, f"/{seed}/{i}")
            if not good_json(answer):
                continue
            judged += 1
            assert holds(json.loads(answer.body)), f"PORTICO_SEED={seed} /{seed}/{i} {answer_of(f'/{seed}/{i}')} left as {answer.status} {answer.body} through {use}"
    assert judged > 3 * len(SEEDS)
