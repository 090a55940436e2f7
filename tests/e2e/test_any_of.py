"""any_of: the first whose credential is present decides."""
import base64
import hashlib

import pytest

from support.client import get
from support.gateway import Gateway, check, explain
from support.tokens import SECRET, bearer, claims, hs
from support.upstream import Echo


def sha(key):
    return hashlib.sha256(key.encode()).hexdigest()


POLICIES = f"""
policies:
  either: {{ any_of: [staff, partner] }}
  staff: {{ api_key: {{ from: {{ header: X-Staff }}, keys: [{{ name: ann, sha256: {sha('ann')} }}], claims_to_headers: {{ X-Staff-ID: sub }} }} }}
  partner: {{ api_key: {{ from: {{ query: key }}, keys: [{{ name: acme, sha256: {sha('acme')}, claims: {{ scope: write }} }}], claims_to_headers: {{ X-Partner-ID: sub }} }} }}
"""
CONFIG = POLICIES + """  write: {{ authorize: {{ scopes: {{ all: [write] }} }} }}
services: {{ svc: {url} }}
routes:
  - {{ match: /x, use: [either], forward: {{ service: svc }} }}
  - {{ match: /write, use: [either, write], forward: {{ service: svc }} }}
  - {{ match: /claims, use: [either], forward: {{ service: svc, path: "/{{claims.sub}}" }} }}
  - {{ match: /shadow, use: [{{ mode: shadow, any_of: [staff, partner] }}], forward: {{ service: svc }} }}
"""


@pytest.fixture(scope="module")
def setup():
    with Echo() as upstream:
        with Gateway(POLICIES + CONFIG[len(POLICIES):].format(url=upstream.url)) as gateway:
            yield gateway, upstream


def sent(answer):
    assert answer.status == 200, answer.body
    return {n.lower(): v for n, v in answer.json()["headers"]}


def test_either_lets_in_and_only_its_headers_are_set(setup):
    gateway, _ = setup
    staff = sent(get(gateway.port, "/x", [("X-Staff", "ann"), ("X-Partner-ID", "forged")]))
    assert staff["x-staff-id"] == "ann" and "x-partner-id" not in staff
    partner = sent(get(gateway.port, "/x?key=acme"))
    assert partner["x-partner-id"] == "acme" and "x-staff-id" not in partner


def test_a_bad_credential_is_not_made_good_by_another(setup):
    gateway, upstream = setup
    before = len(upstream.requests)
    answer = get(gateway.port, "/x?key=acme", [("X-Staff", "wrong")])
    assert answer.status == 401 and answer.code == "api_key.unknown" and len(upstream.requests) == before


def test_the_first_that_is_present_decides_and_the_others_go_no_further(setup):
    gateway, upstream = setup
    headers = sent(get(gateway.port, "/x?a=1&key=acme", [("X-Staff", "ann")]))
    assert headers["x-staff-id"] == "ann" and "x-partner-id" not in headers and "x-staff" not in headers
    assert upstream.last.target == "/x?a=1"


def test_none_present_is_401_with_the_challenges_of_all(setup):
    answer = get(setup[0].port, "/x")
    assert answer.status == 401 and answer.code == "any_of.missing"
    assert answer.all("WWW-Authenticate") == ['ApiKey header="X-Staff"', 'ApiKey query="key"']


def test_what_follows_knows_who_it_is(setup):
    gateway, _ = setup
    assert get(gateway.port, "/write?key=acme").status == 200
    assert get(gateway.port, "/write", [("X-Staff", "ann")]).status == 403
    assert get(gateway.port, "/claims", [("X-Staff", "ann")]).json()["target"] == "/ann"


def test_the_metrics_count_both(setup):
    gateway, _ = setup
    before = gateway.metric("portico_policy_decisions_total", policy="partner", decision="passed")
    whole = gateway.metric("portico_policy_decisions_total", policy="either", decision="passed")
    get(gateway.port, "/x?key=acme")
    gateway.expect_metric(before + 1, "portico_policy_decisions_total", policy="partner", decision="passed")
    gateway.expect_metric(whole + 1, "portico_policy_decisions_total", policy="either", decision="passed")


def test_in_shadow_it_refuses_nobody(setup):
    gateway, _ = setup
    assert get(gateway.port, "/shadow", [("X-Request-ID", "any-1")]).status == 200
    assert gateway.access_line(lambda e: e["request_id"] == "any-1")["shadow"].endswith(":any_of.missing")


def test_explain_says_which_of_them_decided():
    config = POLICIES + "routes: [{ match: /x, use: [either], respond: { body: ok } }]\n"
    assert "either: passes, as partner decided" in explain(config, "GET", "/x?key=acme").out
    assert "as staff decided" in explain(config, "GET", "/x?key=acme", ["X-Staff: no"]).out
    assert "any_of.missing" in explain(config, "GET", "/x").out


@pytest.mark.parametrize("list_,said", [
    ("[staff]", "at least two"), ("[]", "at least two"), ("staff", "did you mean [staff]?"), ("[staff, staff]", "stands twice"),
    ("[staff, either]", "an any_of itself"), ("[staff, { ip_access: { allow: 10.0.0.1 } }]", "signs nobody in"),
    ("[staff, nobody]", "nobody"), ("[staff, { mode: shadow, api_key: { keys: [{ name: x, sha256: " + sha("x") + " }] } }]", "shadow mode"),
    ("{ use: [staff, partner] }", "list of policies")])
def test_what_cannot_be_chosen_from_is_an_error(list_, said):
    told = check(POLICIES + f"  other: {{ any_of: {list_} }}\nroutes: [{{ match: /x, use: [either], respond: {{}} }}]\n")
    assert told.code == 1 and said in told.text


def test_one_that_leads_back_to_itself_is_an_error():
    told = check(POLICIES + "  loop: { any_of: [staff, loop] }\nroutes: [{ match: /x, respond: {} }]\n")
    assert told.code == 1


def test_two_identities_side_by_side_are_an_error_that_suggests_it():
    told = check(POLICIES + "routes: [{ match: /x, use: [staff, partner], respond: {} }]\n")
    assert told.code == 1 and "any_of: [staff, partner]" in told.text


# One header for tokens and passwords; tokens and keys are forwarded where they were verified.
SHARED_HEADER = """
policies:
  token: { jwt: { algorithms: [HS256], secret: SECRET, forward_token: true } }
  kept: { jwt: { algorithms: [HS256], secret: SECRET } }
  password: { basic: { htpasswd: "ann:HASH" } }
  key: { api_key: { forward_key: true, keys: [{ name: acme, sha256: KEY }] } }
services: { svc: "URL" }
routes:
  - { match: /token-first, use: [{ any_of: [kept, password] }], forward: { service: svc } }
  - { match: /password-first, use: [{ any_of: [password, kept] }], forward: { service: svc } }
  - { match: /key-first, use: [{ any_of: [key, token] }], forward: { service: svc } }
  - { match: /key-last, use: [{ any_of: [token, key] }], forward: { service: svc } }
""".replace("SECRET", SECRET).replace("KEY", sha("acme")).replace("HASH", "$2y$05$c0EgdzwyP1Y8Xxy1ROyEaOA0EZiqLj.CVUXZwT46o0XFcTLSb16KG")
PASSWORD = [("Authorization", "Basic " + base64.b64encode(b"ann:open sesame").decode())]


@pytest.fixture(scope="module")
def shared_header():
    with Echo() as upstream, Gateway(SHARED_HEADER.replace("URL", upstream.url)) as gateway:
        yield gateway


@pytest.mark.parametrize("path", ["/token-first", "/password-first"])
def test_a_token_and_a_password_may_share_a_header(shared_header, path):
    for _ in range(2):  # the second time the password is known
        assert "authorization" not in sent(get(shared_header.port, path, PASSWORD))
    token = bearer(hs(claims("ann")))
    assert "authorization" not in sent(get(shared_header.port, path, token))
    assert get(shared_header.port, path, [("Authorization", PASSWORD[0][1] + "AA")]).status == 401
    assert get(shared_header.port, path, bearer(hs(claims("ann"), secret="x" * 32))).status == 401


def test_what_nobody_verified_is_not_forwarded_beside_what_decided(shared_header):
    forged = bearer(hs(claims("root"), secret="x" * 32))
    headers = sent(get(shared_header.port, "/key-first", [("X-API-Key", "acme"), *forged]))
    assert headers["x-api-key"] == "acme" and "authorization" not in headers
    token = bearer(hs(claims("ann")))
    headers = sent(get(shared_header.port, "/key-last", [("X-API-Key", "wrong"), *token]))
    assert headers["authorization"] == token[0][1] and "x-api-key" not in headers


def test_a30_policies_that_name_each_other_by_the_thousand_end_nothing():
    chain = "".join(f"  p{i}: {{ any_of: [p{i + 1}, key] }}\n" for i in range(4000))
    result = check("policies:\n  key: { api_key: { keys: [{ name: a, sha256: " + sha("acme") + " }] } }\n" + chain +
                   "  p4000: { any_of: [key, key] }\nservices: { svc: 'http://127.0.0.1:1' }\n"
                   "routes: [{ match: /x, use: [p0], forward: { service: svc } }]\n")
    assert result.code == 1 and "nested-any-of" in result.text
