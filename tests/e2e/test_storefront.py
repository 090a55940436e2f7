"""`portico demo`, the storefront: what its routes answer, byte for byte."""
import re
import subprocess

import pytest

from support.client import get
from support.gateway import BINARY


# Every product of the orders once, by its name; prices and totals with their two places.
WEB = (
    b'{"user":{"id":1,"name":"Ada Byron","email":"ada@example.com","avatar":"https://example.com/avatars/1.png","plan":"gold"},'
    b'"orders":[{"id":101,"user":1,"items":[{"productId":4,"quantity":1},{"productId":5,"quantity":2},'
    b'{"productId":8,"quantity":3}],"total":74.50,"status":"shipped"},'
    b'{"id":102,"user":1,"items":[{"productId":7,"quantity":1},{"productId":8,"quantity":2},'
    b'{"productId":3,"quantity":3}],"total":67.00,"status":"delivered"},'
    b'{"id":103,"user":1,"items":[{"productId":2,"quantity":1},{"productId":3,"quantity":2},'
    b'{"productId":6,"quantity":3}],"total":59.50,"status":"delivered"},'
    b'{"id":104,"user":1,"items":[{"productId":5,"quantity":1},{"productId":6,"quantity":2},'
    b'{"productId":1,"quantity":3}],"total":52.00,"status":"delivered"},'
    b'{"id":105,"user":1,"items":[{"productId":8,"quantity":1},{"productId":1,"quantity":2},'
    b'{"productId":4,"quantity":3}],"total":54.50,"status":"delivered"}],"products":[{"id":1,"name":"Chair","price":5.75},'
    b'{"id":3,"name":"Clock","price":8.25},{"id":5,"name":"Desk","price":10.75},{"id":2,"name":"Kettle","price":7.00},'
    b'{"id":8,"name":"Lamp","price":14.50},{"id":6,"name":"Rug","price":12.00},{"id":7,"name":"Shelf","price":13.25},'
    b'{"id":4,"name":"Vase","price":9.50}]}'
)


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
    assert answer.body == WEB
    took = {name: float(ms) for name, ms in re.findall(r"(\w+);dur=([0-9.]+)", answer.get("server-timing"))}
    assert set(took) == {"user", "orders", "products"} and all(ms >= 10 for ms in took.values())


def test_the_dashboards_want_a_token(demo):
    for page in ("/mobile/dashboard", "/web/dashboard"):
        assert get(demo[0], page).status == 401
