"""One credential, in one spelling of its name: a second one in any other reaches no service, verified or not."""
import hashlib

import pytest

from support.client import get
from support.gateway import Gateway
from support.tokens import SECRET, claims, hs
from support.upstream import Echo

GOOD, FORGED = hs(claims("mallory")), hs(claims("admin"), "x" * 32)
CONFIG = f"""
policies:
  bearer: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, forward_token: true }} }}
  cookie: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, from: {{ cookie: session }}, forward_token: true }} }}
  taken: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, from: [{{ cookie: session }}, {{ query: token }}] }} }}
  header: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, from: {{ header: X-Token }}, forward_token: true }} }}
  query: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, from: {{ query: token }}, forward_token: true }} }}
  key: {{ api_key: {{ keys: [{{ name: k, sha256: {hashlib.sha256(b"goodkey").hexdigest()} }}], forward_key: true }} }}
  key-in-query: {{ api_key: {{ from: {{ query: key }}, keys: [{{ name: k, sha256: {hashlib.sha256(b"goodkey").hexdigest()} }}] }} }}
  perhaps: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, optional: true }} }}
  password: {{ basic: {{ htpasswd: ["u:$2y$04$5xJn0fYIZzuDtGpyZLAkK.9yEhnSOkqPBrgAUXpuUZ6Ae5zBIaLIi"] }} }}
  either: {{ any_of: [password, key] }}
services: {{ svc: URL }}
routes:
  - {{ match: /perhaps, use: [perhaps], forward: {{ service: svc }} }}
  - {{ match: /either, use: [either], forward: {{ service: svc }} }}
  - {{ match: /bearer, use: [bearer], forward: {{ service: svc }} }}
  - {{ match: /cookie, use: [cookie], forward: {{ service: svc }} }}
  - {{ match: /taken, use: [taken], forward: {{ service: svc }} }}
  - {{ match: /header, use: [header], forward: {{ service: svc }} }}
  - {{ match: /query, use: [query], forward: {{ service: svc }} }}
  - {{ match: /key, use: [key], forward: {{ service: svc }} }}
  - {{ match: /key-in-query, use: [key-in-query], forward: {{ service: svc }} }}
"""


@pytest.fixture(scope="module")
def setup():
    with Echo() as upstream, Gateway(CONFIG.replace("URL", upstream.url)) as gateway:
        yield gateway, upstream


@pytest.mark.parametrize("target, headers", [
    ("/bearer", [("Authorization", "Basic FORGED"), ("Authorization", "Bearer GOOD")]),
    ("/bearer", [("Authorization", "Bearer GOOD"), ("authorization", "bearer FORGED")]),
    ("/cookie", [("Cookie", "session =FORGED; session=GOOD")]),
    ("/cookie", [("Cookie", "session\t=FORGED; session=GOOD")]),
    ("/cookie", [("Cookie", "session=GOOD; =session=FORGED")]),
    ("/cookie", [("Cookie", "a=1,session=FORGED"), ("cookie", "session=GOOD")]),
    ("/cookie", [("Cookie", "Session=FORGED; session=GOOD")]),
    ("/cookie", [("Cookie", "session[]=FORGED; session=GOOD")]),
    ("/query?Token=FORGED&token=GOOD", []),
    ("/query?token%5B%5D=FORGED&token=GOOD", []),
    ("/header", [("X_Token", "FORGED"), ("X-Token", "GOOD")]),
    ("/header", [("X-Token", "GOOD"), ("x.token", "FORGED")]),
    ("/query?a;token=FORGED&token=GOOD", []),
    ("/query?%20tok%65n=FORGED&token=GOOD", []),
    ("/key", [("X_API_Key", "FORGED"), ("X-API-Key", "goodkey")]),
    ("/key-in-query?a;key=FORGED&key=goodkey", []),
    ("/query?[token]=FORGED&token=GOOD", []),
    ("/query?%5Btoken%5D=FORGED&token=GOOD", []),
    ("/query?token=GOOD&token]=FORGED", []),
    ("/query?token=GOOD&%u0074oken=FORGED", []),
    ("/key-in-query?[key]=FORGED&key=goodkey", []),
    ("/cookie", [("Cookie", "session=GOOD; a=b session=FORGED")]),
    ("/cookie", [("Cookie", "session=GOOD; a=b\tsession = FORGED")]),
])
def test_a7_a_second_credential_of_any_spelling_is_refused(setup, target, headers):
    gateway, upstream = setup

    def filled(text):
        return text.replace("FORGED", FORGED).replace("GOOD", GOOD)

    before = len(upstream.requests)
    answer = get(gateway.port, filled(target), [(name, filled(value)) for name, value in headers])
    assert answer.status == 401 and answer.code in ("jwt.multiple", "api_key.unknown"), answer.body
    assert len(upstream.requests) == before


@pytest.mark.parametrize("value", ["Bearer\tFORGED", "Bearer\xa0FORGED", "\xa0Bearer FORGED", "Bearer: FORGED", "Bearer,FORGED"])
def test_a7_a_token_behind_another_byte_than_a_space_is_no_missing_one(setup, value):
    gateway, upstream = setup
    before = len(upstream.requests)
    answer = get(gateway.port, "/perhaps", [("Authorization", value.replace("FORGED", FORGED))])
    assert (answer.status, answer.code) == (401, "jwt.malformed")
    assert len(upstream.requests) == before


@pytest.mark.parametrize("value", ["Basic\tYTpi", "Basic\xa0YTpi", "\x85Basic YTpi"])
def test_a7_a_password_behind_another_byte_than_a_space_reaches_no_service(setup, value):
    gateway, upstream = setup
    before = len(upstream.requests)
    answer = get(gateway.port, "/either", [("Authorization", value), ("X-API-Key", "goodkey")])
    assert (answer.status, answer.code) == (401, "basic.wrong")
    assert len(upstream.requests) == before


def test_a80_what_is_not_the_token_keeps_its_bytes(setup):
    gateway, upstream = setup
    assert get(gateway.port, "/taken?a=1&&b;c", [("Cookie", f"flag; a=b; session={GOOD};  c=\"d, e\"")]).status == 200
    assert upstream.requests[-1].get("Cookie") == 'flag; a=b;  c="d, e"' and upstream.requests[-1].target == "/taken?a=1&&b;c"
    assert get(gateway.port, f"/taken?a=1&&token={GOOD}&b;c", [("Cookie", "flag")]).status == 200
    assert upstream.requests[-1].get("Cookie") == "flag" and upstream.requests[-1].target == "/taken?a=1&&b;c"


def test_what_is_taken_is_taken_off_in_that_spelling_too(setup):
    gateway, upstream = setup
    assert get(gateway.port, "/taken", [("Cookie", f"a=1; session ={GOOD}")]).status == 200
    assert upstream.requests[-1].get("Cookie") == "a=1"
    assert get(gateway.port, f"/taken?a;token={GOOD};b", []).status == 200
    assert upstream.requests[-1].target == "/taken?a;b"
    assert GOOD not in str(upstream.requests[-1].headers)
