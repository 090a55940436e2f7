"""`portico demo`, the storefront: what its routes answer, byte for byte."""
import json
import re
import subprocess

import pytest

from support.client import get
from support.gateway import BINARY


@pytest.fixture(scope="module")
def demo():
    process = subprocess.Popen([BINARY, "demo", "--port", "0"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    port = token = None
    for line in process.stderr:
        if found := re.search(r"export TOKEN=(\S+)", line):
            token = found[1]
        if found := re.search(r"curl -i http://127\.0\.0\.1:(\d+)/", line):
            port = int(found[1])
        if line.startswith("Each request"):
            break
    yield port, [("Authorization", "Bearer " + token)]
    process.terminate()
    process.wait(10)


def test_a_legacy_answer_leaves_in_the_new_shape(demo):
    answer = get(demo[0], "/api/v2/users/7")
    assert answer.status == 200 and answer.get("content-type") == "application/json"
    assert answer.body == (b'{"id":7,"email":"ada@example.com","name":{"first":"Ada","last":"Byron"},"created_at":"2015-12-10",'
                           b'"metadata":{"source":"legacy-transform","version":"2.0"}}')


def test_the_mobile_dashboard_is_small(demo):
    answer = get(demo[0], "/mobile/dashboard", demo[1])
    assert answer.status == 200 and answer.get("content-type") == "application/json"
    assert answer.body == (b'{"user":{"name":"Ada Byron","avatar":"https://example.com/avatars/1.png"},"recentOrders":['
                           b'{"id":101,"total":74.50,"status":"shipped"},{"id":102,"total":67.00,"status":"delivered"},'
                           b'{"id":103,"total":59.50,"status":"delivered"},{"id":104,"total":52.00,"status":"delivered"},'
                           b'{"id":105,"total":54.50,"status":"delivered"}]}')


def test_the_web_dashboard_is_richer(demo):
    answer = get(demo[0], "/web/dashboard", demo[1])
    assert answer.status == 200
    page = json.loads(answer.body)
    assert page["user"] == {"id": 1, "name": "Ada Byron", "email": "ada@example.com", "avatar": "https://example.com/avatars/1.png", "plan": "gold"}
    assert [o["id"] for o in page["orders"]] == [101, 102, 103, 104, 105]
    assert b'"items":[{"productId":4,"quantity":1},{"productId":5,"quantity":2},{"productId":8,"quantity":3}],"total":74.50' in answer.body
    assert b'{"id":1,"name":"Chair","price":5.75},{"id":3,"name":"Clock","price":8.25}' in answer.body
    assert {p["id"] for p in page["products"]} == {i["productId"] for o in page["orders"] for i in o["items"]}
    assert len(page["products"]) == 8 and "warehouse" not in page["products"][0]
    took = {name: float(ms) for name, ms in re.findall(r"(\w+);dur=([0-9.]+)", answer.get("server-timing"))}
    assert set(took) == {"user", "orders", "products"} and all(ms >= 10 for ms in took.values())


def test_the_dashboards_want_a_token(demo):
    for page in ("/mobile/dashboard", "/web/dashboard"):
        assert get(demo[0], page).status == 401
