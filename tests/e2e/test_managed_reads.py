"""What the file says of a header that only the gateway may set: keys, templates and conditions see what policies have set, or are load errors."""
import pytest

from support.client import get
from support.gateway import Gateway, check
from support.upstream import Scripted

ROUTE = "routes: [{{ match: /x, use: [{use}], respond: {{ body: x }} }}]\n"


@pytest.mark.parametrize("policy,hint", [
    ("{ rate_limit: { key: header.X-Forwarded-For, limit: 1, window: 1s } }", "did you mean client.ip?"),
    ("{ rate_limit: { key: header.CF-Connecting-IP, limit: 1, window: 1s } }", "forwarding: { client_ip_from: CF-Connecting-IP }"),
    ("{ rate_limit: { key: [client.ip, header.x_real_ip], limit: 1, window: 1s } }", "client.ip"),
    ("{ rate_limit: { key: client.ip, limit: { by: header.X-Team, values: { a: 2 }, default: 1 }, window: 1s } }", "claims"),
    ("{ concurrency: { key: header.X-Team, limit: 1 } }", "claims"),
    ("{ api_key: { from: { header: X-Team }, keys: [{ name: a, sha256: " + "0" * 64 + " }] } }", "authorize"),
    ("{ jwt: { algorithms: [HS256], secret: " + "s" * 40 + ", from: { header: X-Real-IP } } }", "ip_access"),
    ("{ transform: { request: { when: { headers: { X-Team: a } }, headers: { set: { X-A: b } } } } }", "claims"),
    ("{ transform: { request: { headers: { set: { X-A: \"{header.X-Forwarded-Proto}\" } } } } }", "request.scheme"),
])
def test_t82_a_policy_that_reads_a_managed_header_that_nothing_sets_is_a_load_error(policy, hint):
    told = check("managed_headers: [X-Team]\npolicies: { p: " + policy + " }\n" + ROUTE.format(use="p"))
    assert told.code == 1 and "is taken off every request" in told.text and hint in told.text, told.text


@pytest.mark.parametrize("action,hint", [
    ("respond: { body: \"{header.X-Forwarded-Host}\" }", "request.host"),
    ("respond: { body: { ip: \"{header.X-Real-IP}\" } }", "client.ip"),
    ("redirect: { to: \"/x/{header.X-Original-URL}\" }", "request.path"),
    ("forward: { service: a, path: \"/{header.X-Team}\" }", "claims"),
    ("aggregate: { calls: { one: { service: a, path: /, headers: { X-A: \"{header.X-Team}\" } } }, body: {} }", "claims"),
    ("respond: { body: x }, errors: { from: \"{header.Forwarded}\" }", "client.ip"),
])
def test_a_template_that_names_a_managed_header_that_nothing_sets_is_a_load_error(action, hint):
    told = check("managed_headers: [X-Team]\nservices: { a: http://127.0.0.1:9 }\nroutes: [{ match: /x, " + action + " }]\n")
    assert told.code == 1 and "is taken off every request" in told.text and hint in told.text, told.text


AUTH = """
services:
  auth: {{ endpoints: ["{url}"], internal: true }}
policies:
  ask: {{ forward_auth: {{ service: auth, path: /decide, send: [X-Ticket], copy: [X-Plan] }} }}
  fair: {{ rate_limit: {{ key: {key}, limit: 1, window: 1h }} }}
routes:
  - {{ match: /x, use: [{use}], respond: {{ body: "plan {{header.x-plan}}" }} }}
"""


def test_t82_a_limit_counts_by_a_header_that_a_policy_before_has_copied():
    def decide(connection):
        while request := connection.read_request():
            connection.answer(b"", headers=[("X-Plan", request.get("x-ticket"))])

    with Scripted(decide) as auth:
        config = AUTH.format(url=auth.url, key="header.X-Plan", use="ask, fair")
        with Gateway(config) as gateway:
            said = [get(gateway.port, "/x", [("X-Ticket", who), ("X-Plan", "chosen")]) for who in ("gold", "free", "gold")]
    assert [a.status for a in said] == [200, 200, 429] and said[0].body == b"plan gold"


def test_the_same_limit_before_that_policy_is_a_load_error():
    told = check(AUTH.format(url="http://127.0.0.1:9", key="header.X-Plan", use="fair, ask"))
    assert told.code == 1 and "no policy before this place sets it" in told.text


CHOSEN = "policies: {{ key: {{ api_key: {{ from: {{ header: X-Key }}, forward_key: true, keys: [{{ name: a, sha256: " + "0" * 64 + " }}] }} }}," \
    " own: {{ authorize: {{ claims: {{ all: {{ team: \"{{header.x-team}}\" }} }} }} }}, fair: {{ {limit} }} }}\n" + ROUTE


@pytest.mark.parametrize("limit,use,chosen", [
    ("rate_limit: { key: header.X-Team, limit: 1, window: 1s }", "fair", True),
    ("rate_limit: { key: query.team, limit: 1, window: 1s }", "fair", True),
    ("rate_limit: { key: cookie.team, limit: 1, window: 1s }", "fair", True),
    ("rate_limit: { key: [header.X-Team, query.team], limit: 1, window: 1s }", "fair", True),
    ("rate_limit: { key: [client.ip, header.X-Team], limit: 1, window: 1s }", "fair", False),
    ("rate_limit: { key: client.ip, limit: 1, window: 1s }", "fair", False),
    ("concurrency: { key: header.X-Team, limit: 1 }", "fair", True),
    ("rate_limit: { key: header.X-Key, limit: 1, window: 1s }", "key, fair", False),
    ("rate_limit: { key: header.X-Key, limit: 1, window: 1s }", "fair, key", True),
    ("rate_limit: { key: header.x-team, limit: 1, window: 1s }", "key, own, fair", False),
    ("rate_limit: { key: header.x-team, limit: 1, window: 1s }", "key, fair, own", True),
])
def test_t82_check_warns_of_a_limit_whose_key_clients_choose(limit, use, chosen):
    told = check(CHOSEN.format(limit=limit, use=use))
    assert told.code == 0 and ("is never limited" in told.text) == chosen, told.text


TAKEN = """
policies:
  key: {{ api_key: {{ {key} keys: [{{ name: a, sha256: """ + "0" * 64 + """ }}] }} }}
  tok: {{ jwt: {{ {tok} algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef }} }}
  either: {{ any_of: [tok, key] }}
  watched: {{ mode: shadow, jwt: {{ algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef }} }}
  pass: {{ basic: {{ htpasswd: ["a:$2y$05$abcdefghijklmnopqrstuuJ5eUTNCbVXTxY3PnDdT4MjlSpBRxEFG"] }} }}
  fair: {{ {limit} }}
routes: [{{ match: /x, use: [{use}, fair], respond: {{}} }}]
"""


@pytest.mark.parametrize("use,key,taken", [
    ("key", "header.X-API-Key", True), ("key", "header.x_api_key", True), ("tok", "header.Authorization", True), ("either", "header.X-API-Key", True), ("either", "header.Authorization", True),
    ("key", "[client.ip, header.X-API-Key]", True), ("key", "{ first: [header.X-API-Key, client.ip] }", True), ("watched", "header.Authorization", False),
    ("key", "header.Authorization", False), ("tok", "claims.sub", False)])
@pytest.mark.parametrize("limit", ["rate_limit: { key: KEY, limit: 1, window: 1s }", "concurrency: { key: KEY, limit: 1 }"])
def test_a_key_that_a_policy_before_takes_off_is_a_load_error(use, key, taken, limit):
    told = check(TAKEN.format(limit=limit.replace("KEY", key), use=use, key="", tok=""))
    assert ("[taken-off]" in told.text) == taken == (told.code == 1), told.text


def test_a_credential_that_goes_on_may_be_a_key():
    told = check(TAKEN.format(limit="rate_limit: { key: [header.X-API-Key, client.ip], limit: 1, window: 1s }", use="key", key="forward_key: true,", tok=""))
    assert told.code == 0, told.text
    told = check(TAKEN.format(limit="rate_limit: { key: client.ip, limit: { by: header.Authorization, values: { a: 1 }, default: 2 }, window: 1s }", use="tok", key="", tok=""))
    assert told.code == 1 and "[taken-off]" in told.text, told.text


SENT = """
services: {{ auth: {{ endpoints: ["http://127.0.0.1:9"], internal: true }}, svc: http://127.0.0.1:8 }}
policies:
  ask: {{ forward_auth: {{ service: auth, send: [X-User, X-Session] }} }}
  who: {{ forward_auth: {{ service: auth, send: [X-Session], copy: [X-User] }} }}
  shape: {{ transform: {{ request: {{ headers: {{ {rule} }} }} }} }}
routes:
  - {{ match: /other, use: [who], forward: {{ service: svc }} }}
  - {{ match: /x, use: [{use}], forward: {{ service: svc }} }}
"""


@pytest.mark.parametrize("use,rule,good", [
    ("ask", "set: { X-A: b }", False), ("who, ask", "set: { X-A: b }", True), ("shape", "copy: { X-User: X-Was }", False), ("shape", "rename: { X-User: X-Was }", False),
    ("shape", "replace: { X-User: { regex: a, with: b } }", False), ("who, shape", "copy: { X-User: X-Was }, replace: { X-Was: { regex: a, with: b } }", True), ("shape", "remove: [X-User]", True)])
def test_what_is_sent_or_moved_must_have_been_set(use, rule, good):
    told = check(SENT.format(use=use, rule=rule))
    assert ("[managed-header]" not in told.text) == good == (told.code == 0), told.text


def test_of_a_managed_key_one_thing_is_said_and_of_a_policy_in_shadow_nothing_untrue():
    told = check(AUTH.format(url="http://127.0.0.1:9", key="header.X-Plan", use="fair, ask"))
    assert "managed-header" in told.text and "chosen-key" not in told.text, told.text
    for use, warned in (("watched", False), ("tok", True)):
        told = check(TAKEN.format(limit="rate_limit: { limit: 1, window: 1s }", use=use, key="", tok=""))
        assert told.code == 0 and ("policy-order" in told.text) == warned, told.text
