"""Random requests against every policy that decides by who asks: types of every claim, spellings, duplicates and encodings. Who may pass,
and whom the service is told of, is what a second judge says (support/policy_judge.py).

The seed stands in the output of a failure; PORTICO_SEED=N draws the same requests again, PORTICO_LONG=1 many more.
"""
import hashlib
import json
import os
import random
import time
from urllib.parse import quote

import pytest

from support.client import Client
from support.gateway import SANITIZED, Gateway
from support.policy_judge import ApiKey, Jwt, Refused, Template, judge, spelled_alike
from support.tokens import SECRET, hs
from support.upstream import Echo

SEED = int(os.environ.get("PORTICO_SEED") or random.SystemRandom().randrange(2**32))
REQUESTS = [1_500 if SANITIZED else 6_000, pytest.param(100_000, marks=pytest.mark.long)]
ISSUER = "https://id.example"
IDENTITY = ["X-User", "X-Tags", "X-Partner"]
TOKEN = Jwt(SECRET, ISSUER, {"X-User": "sub", "X-Tags": "tags"})
STRICT = Jwt(SECRET, ISSUER, {"X-User": "sub"}, audience="orders", required=[(["org", "id"], [1, "x"]), (["tier"], ["gold", "silver"])])
KEYS = {"acme-key": {"sub": "acme", "plan": "gold", "scope": "read write", "roles": ["ops"]}, "beta-key": {"sub": "beta"}}
PARTNER = ApiKey("X-API-Key", KEYS, {"X-Partner": "sub"})

POLICIES = f"""
policies:
  token: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, issuer: {ISSUER}, claims_to_headers: {{ X-User: sub, X-Tags: tags }} }} }}
  perhaps: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, issuer: {ISSUER}, claims_to_headers: {{ X-User: sub, X-Tags: tags }}, optional: true }} }}
  strict:
    jwt:
      algorithms: [HS256]
      secret: {SECRET}
      issuer: {ISSUER}
      audience: orders
      required_claims: {{ org.id: [1, x], tier: [gold, silver] }}
      claims_to_headers: {{ X-User: sub }}
  partner:
    api_key:
      keys:
        - {{ name: acme, sha256: {hashlib.sha256(b"acme-key").hexdigest()}, claims: {{ plan: gold, scope: read write, roles: [ops] }} }}
        - {{ name: beta, sha256: {hashlib.sha256(b"beta-key").hexdigest()} }}
      claims_to_headers: {{ X-Partner: sub }}
  either: {{ any_of: [token, partner] }}
"""


def rules_of(shown):
    """An `authorize` as the file writes it, and as the judge reads it: the names of claims split, one value a list."""
    made = {kind: dict(rules) for kind, rules in shown.items()}
    if "claims" in shown:
        made["claims"] = {how: [(name.split("."), value if isinstance(value, (dict, list)) else [value]) for name, value in conditions.items()]
                          for how, conditions in shown["claims"].items()}
    return made


# Each: the ways to sign in, by their names in the file; whether none will do; what `authorize` says; the path's pattern.
CASES = {
    "open": ([], True, {}),
    "token": (["token"], False, {}),
    "strict": (["strict"], False, {}),
    "perhaps": (["perhaps"], True, {}),
    "partner": (["partner"], False, {}),
    "either": (["either"], False, {}),
    "scopes": (["either"], False, {"scopes": {"all": ["read"], "none": ["banned"]}}),
    "writes": (["token"], False, {"scopes": {"any": ["write", "admin"]}}),
    "roles": (["either"], False, {"roles": {"any": ["admin", "ops"], "none": ["suspended"]}}),
    "tenant": (["token"], False, {"claims": {"all": {"tenant": "acme", "level": [2, 3], "email": {"present": True}}}}),
    "plan": (["either"], False, {"claims": {"any": {"plan": ["gold", True], "org.plan": "gold"}}}),
    "well": (["token"], False, {"claims": {"none": {"flag": True, "level": 0, "group": ["evil", "bad"], "org.state": "closed"}}}),
    "ghost": (["token"], False, {"claims": {"none": {"flag": {"present": True}}, "all": {"email": {"present": False}}}}),
    "own": (["either"], False, {"claims": {"all": {"sub": "{id}"}}}),
    "other": (["token"], False, {"claims": {"none": {"sub": "{id}"}}}),
    "team": (["either"], False, {"roles": {"any": ["team-{query.team}", "ops"]}}),
    "tagged": (["token"], False, {"claims": {"all": {"tags": "{header.X-Tag}"}}}),
}
SIGNERS = {"token": [TOKEN], "perhaps": [TOKEN], "strict": [STRICT], "partner": [PARTNER], "either": [TOKEN, PARTNER]}


def configuration(url):
    routes = []
    for name, (use, _, rules) in CASES.items():
        use = use + ([{"authorize": rules}] if rules else [])
        routes.append({"match": f"/{name}/{{id}}", "use": use, "forward": {"service": "svc"}})
    return f"{POLICIES}\nservices: {{ svc: {url} }}\nroutes: {json.dumps(routes)}\n"


TEXTS = ["alice", "bob", "acme", "gold", "silver", "true", "1", "2", "0", "read", "write", "admin", "ops", "evil", "bad", "closed", "banned", "suspended", "team-a", "a b", "a,b",
         "read write", "read,banned", "banned\tread", "read banned", "admin suspended", "evil ", " alice", "ALICE", "é", "null", "100%"]
PLAIN = [*TEXTS, True, False, 0, 1, 2, 2.0, 3, -1, 1.5]
ODD = [{}, {"a": 1}, {"gold": True}, [["gold"]], [["evil"]], [{"x": "evil"}], "a\nb", "\u0001", ["a\rb"]]
FITTING = {
    "sub": ["alice", "bob", "acme", 7, "a b", "é"], "tags": ["x", ["x", "y"], ["a,b", 1, True], "t"], "scope": ["read", "read write", ["read", "write"]], "scp": [["read"], "read write", "banned"],
    "roles": [["admin"], ["ops", "x"], "admin", ["team-a"], ["suspended"]], "tenant": ["acme", ["acme", "b"]], "level": [2, 3, 2.0, [1, 2]], "email": ["a@b.test"], "plan": ["gold", True, ["gold"]],
    "flag": [False, "no"], "group": ["good", ["good", "fine"]], "org": [{"id": 1, "plan": "gold"}, {"id": "x", "state": "open"}, {"state": "closed", "id": 2}], "tier": ["gold", "silver"],
    "aud": ["orders", ["x", "orders"]],
}


def value(rng):
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(PLAIN)
    if kind < 0.7:
        return [rng.choice(PLAIN) for _ in range(rng.randint(0, 3))]
    return None if kind < 0.8 else rng.choice(ODD)


def claims_of(rng):
    made = {"iss": ISSUER, "exp": int(time.time()) + 3600}
    made |= {name: rng.choice(fitting) for name, fitting in FITTING.items() if rng.random() < 0.75}
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
        made[rng.choice(list(FITTING))] = value(rng)
    if rng.random() < 0.05:
        made[rng.choice(["iss", "exp", "nbf", "iat"])] = rng.choice([0, 1, "1", "x", None, int(time.time()) + 9999, True, []])
    return made


def token(rng):
    how = rng.random()
    if how < 0.9:
        return hs(claims_of(rng))
    if how < 0.93:
        return hs(claims_of(rng), "another secret, which is as long as the first one is")
    if how < 0.95:
        return hs(claims_of(rng), algorithm="HS384")
    if how < 0.97:
        return hs(claims_of(rng))[:-2]
    return rng.choice(["", "x", "a.b.c", hs(claims_of(rng), crit=["x"]), hs(claims_of(rng), typ="logout+jwt"), hs(claims_of(rng)) + "." + "x"])


def any_case(rng, text):
    return "".join(c.upper() if rng.random() < 0.5 else c.lower() for c in text)


def spelled(rng, name):
    """In another spelling: of case, or with other bytes in place of those that are no letter or digit."""
    made = name if rng.random() < 0.5 else any_case(rng, name)
    return made if rng.random() < 0.7 else "".join(c if c.isalnum() else rng.choice("-_.!~") for c in made)


def credentials(rng):
    """Some fields that sign in, or seem to."""
    made = []
    if rng.random() < 0.7:
        made.append((rng.choice(["Authorization", "authorization", any_case(rng, "Authorization")]),
                     rng.choice(["Bearer ", "Bearer ", "Bearer ", "bearer ", "BEARER  ", "Bearer\t", "Bearer,"]) + token(rng)))
    if rng.random() < 0.06:
        made.append(("Authorization", rng.choice(["Basic YTpi", "Bearer " + token(rng), "Digest x"])))
    if rng.random() < 0.35:
        made.append((spelled(rng, "X-API-Key"), rng.choice(["acme-key", "acme-key", "beta-key", "", "acme-key2", "ACME-KEY", "acme-key,acme-key"])))
    if rng.random() < 0.03:
        made.append((spelled(rng, "X-API-Key"), "acme-key"))
    rng.shuffle(made)
    return made


def encoded(rng, text):
    """A segment of a path, with more of it percent-encoded than has to be."""
    return "".join(quote(c, safe="") if rng.random() < 0.7 or not c.isascii() or not c.isalnum() else f"%{ord(c):02{rng.choice('xX')}}" for c in text)


def draw(rng):
    """@returns the case's name, the method, the target, the fields, and what the templates give"""
    name = rng.choice(list(CASES))
    fields = credentials(rng)
    values = {"{id}": rng.choice(["alice", "bob", "acme", "7", "a b", "é", "100%", "true", "ALICE"])}
    target = f"/{name}/{encoded(rng, values['{id}'])}"
    teams = [rng.choice(["a", "b", "", "a b"]) for _ in range(rng.choice([0, 1, 1, 1, 2]))]
    if teams:
        target += "?" + "&".join(f"team={quote(t)}" for t in teams)
    tags = [rng.choice(["x", "y", "a,b", "1", "true"]) for _ in range(rng.choice([0, 1, 1, 1, 2]))]
    fields += [("X-Tag", t) for t in tags]
    values["{query.team}"], values["{header.X-Tag}"] = (v[0] if len(v) == 1 else None if v else "" for v in (teams, tags))
    for forged in IDENTITY:
        if rng.random() < 0.2:
            fields.append((spelled(rng, forged), "root"))
    rng.shuffle(fields)
    return name, rng.choice(["GET", "GET", "POST", "HEAD", "DELETE"]), target, fields, values


def filled(rules, values):
    """The rules with their templates filled in. @raises Refused where one names what is there twice"""
    if isinstance(rules, dict):
        return {name: filled(r, values) for name, r in rules.items()}
    if isinstance(rules, (list, tuple)):
        return type(rules)(filled(r, values) for r in rules)
    for hole, got in values.items():
        if isinstance(rules, str) and hole in rules:
            if got is None:
                raise Refused(403, f"{hole} is there twice")
            return Template(rules.replace(hole, got) if got else "")
    return rules


def judged(name, fields, values):
    """@returns what the service is told, or the status of the refusal, with its reason"""
    use, optional, rules = CASES[name]
    signers = SIGNERS[use[0]] if use else []
    try:
        # Who is not known is told so before anything is said of what he may do.
        judge(signers, optional, {}, fields)
        return judge(signers, optional, filled(rules_of(rules), values), fields), None
    except Refused as refused:
        return None, refused


@pytest.mark.parametrize("count", REQUESTS)
def test_who_may_pass_is_what_the_documents_say(count):
    rng = random.Random(SEED)
    passed = refused = 0
    with Echo() as upstream, Gateway(configuration(upstream.url)) as gateway, Client(gateway.port) as client:
        for number in range(count):
            name, method, target, fields, values = draw(rng)
            told, wanted = judged(name, fields, values)
            before = len(upstream.requests)
            sent = [(n, v.encode().decode("latin-1")) for n, v in fields]
            response = client.request(method, target, sent)
            shown = f"PORTICO_SEED={SEED}, request {number}: {method} {target} {fields}: {response.status} {response.body[:300]!r}"
            if wanted is not None:
                assert response.status == wanted.status, f"{shown}, but the judge says {wanted}"
                assert len(upstream.requests) == before, shown
                refused += 1
                continue
            assert response.status == 200, f"{shown}, but the judge lets it pass"
            asked = upstream.last
            got = {n: [v for h, v in asked.headers if spelled_alike(h, n)] for n in IDENTITY}
            assert got == {n: [told[n]] if n in told else [] for n in IDENTITY}, f"{shown}, {asked.headers}"
            if CASES[name][0]:
                signer = SIGNERS[CASES[name][0][0]]
                assert not (TOKEN in signer or STRICT in signer) or not any("bearer" in v.lower() for _, v in asked.headers), shown
                assert PARTNER not in signer or not any(spelled_alike(n, "X-API-Key") for n, _ in asked.headers), shown
            passed += 1
    assert passed > count / 10 and refused > count / 10, (passed, refused)
