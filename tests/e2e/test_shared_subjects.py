"""Several issuers, or several policies of an any_of, may each name a subject of another: what goes by `claims.sub` alone is warned of, and
`subject` says whose it is."""
import hashlib
import json

import pytest

from support.client import get
from support.gateway import Gateway, check, explain
from support.tokens import SECRET, claims, hs
from support.upstream import Echo

OTHER = "partner-secret-0123456789abcdef0123456789abcdef"
KEY = hashlib.sha256(b"opskey").hexdigest()
BY_ISSUER = 'subject: "{claims.iss}|{claims.sub}"'


def issuers(staff="", partner="", top=""):
    return (f"jwt: {{ issuers: [{{ issuer: staff, algorithms: [HS256], secret: {SECRET}{staff} }}, {{ issuer: partner, algorithms: [HS256], secret: {OTHER}{partner} }}], "
            f"claims_to_headers: {{ X-User-ID: sub }}{top} }}")


def config(policies, use, more=""):
    return f"""services: {{ echo: {{ endpoints: [http://127.0.0.1:9] }} }}
policies:
{policies}
routes: [{{ name: r, match: /x, use: [{use}], forward: {{ service: echo }} }}]
{more}"""


MIXED = f"""  staff: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, issuer: staff, claims_to_headers: {{ X-User-ID: sub }}%s }} }}
  key: {{ api_key: {{ keys: [{{ name: ops, sha256: {KEY} }}], claims_to_headers: {{ %s }} }} }}
  who: {{ any_of: [staff, key] }}"""
ONE = f"  who: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, issuer: [staff, tools], claims_to_headers: {{ X-User-ID: sub }} }} }}"
LIMIT = "\n  each: { rate_limit: { key: claims.sub, limit: 9, window: 1s } }"
BOTH = "\n  each: { rate_limit: { key: [claims.iss, claims.sub], limit: 9, window: 1s } }"
ALICE = "\n  each: { authorize: { claims: { all: { sub: alice } } } }"
ALICE_OF = "\n  each: { authorize: { claims: { all: { sub: alice, iss: staff } } } }"
OWN = "\n  each: { concurrency: { key: claims.sub, limit: 9 } }"
SET = '\n  each: { transform: { request: { headers: { set: { X-Who: "{claims.sub}" } } } } }'
SET_BOTH = '\n  each: { transform: { request: { headers: { set: { X-Who: "{claims.iss}|{claims.sub}" } } } } }'


@pytest.mark.parametrize("policies,use,warned", [
    ("  who: { %s }" % issuers(), "who", ["the header X-User-ID"]),
    ("  who: { %s }" % issuers(top=f", {BY_ISSUER}"), "who", []),
    # Whoever names subjects as he pleases may write `partner|alice`.
    ("  who: { %s }" % issuers(partner=f", {BY_ISSUER}"), "who", ["the header X-User-ID"]),
    ("  who: { %s }" % issuers(staff=f", {BY_ISSUER}", partner=f", {BY_ISSUER}"), "who", []),
    ("  who: { %s }" % issuers(partner=", subject: \"partner:{claims.sub}\""), "who", ["the header X-User-ID"]),
    ("  who: { %s }" % issuers(staff=f", {BY_ISSUER}", partner=", subject: \"p:{claims.sub}\""), "who", []),
    ("  who: { %s }" % issuers(staff=", subject: \"s:{claims.sub}\"", partner=", subject: \"p:{claims.sub}\""), "who", []),
    ("  who: { %s }" % issuers(staff=", subject: \"p:s:{claims.sub}\"", partner=", subject: \"p:{claims.sub}\""), "who", ["the header X-User-ID"]),
    ("  who: { %s }" % issuers(staff=f", {BY_ISSUER}", partner=", subject: \"staff|{claims.sub}\""), "who", ["the header X-User-ID"]),
    ("  who: { %s }" % issuers(top=", subject: \"user:{claims.sub}\""), "who", ["the header X-User-ID"]),
    ("  who: { %s }" % issuers(top=", subject: \"{claims.sub}@{claims.iss}\""), "who", []),
    ("  who: { %s }" % issuers(top=", subject: \"{claims.iss}{claims.sub}\""), "who", []),
    ("  who: { %s }" % issuers(top=", subject: \"{claims.iss}{claims.sub}\"").replace("issuer: partner", "issuer: staffers"), "who", ["the header X-User-ID"]),
    ("  who: { %s }" % issuers(staff=", subject: \"{claims.org}-{claims.sub}\"", partner=", subject: \"{claims.org}-{claims.sub}\""), "who", ["the header X-User-ID"]),
    ("  who: { %s }" % issuers(partner=", subject: \"{claims.email}\""), "who", ["the header X-User-ID"]),
    ("  who: { %s }" % issuers().replace("X-User-ID: sub", "X-User-ID: sub, X-Issuer: iss"), "who", []),
    (ONE, "who", []),
    (ONE + LIMIT, "who, each", []),
    (MIXED % ("", "X-User-ID: sub"), "who", ["the header X-User-ID"]),
    (MIXED % ("", "X-Key: sub"), "who", []),
    (MIXED % (f", {BY_ISSUER}", "X-User-ID: sub"), "who", []),
    (MIXED % ("", "X-Key: sub") + LIMIT, "who, each", ["the key of this limit"]),
    (MIXED % ("", "X-Key: sub") + OWN, "who, each", ["the key of this limit"]),
    (MIXED % ("", "X-Key: sub") + BOTH, "who, each", []),
    (MIXED % ("", "X-Key: sub") + ALICE, "who, each", ["this authorize"]),
    (MIXED % ("", "X-Key: sub") + ALICE_OF, "who, each", []),
    (MIXED % ("", "X-Key: sub") + SET, "who, each", ["the header X-Who"]),
    (MIXED % ("", "X-Key: sub") + SET_BOTH, "who, each", []),
    (MIXED % ("", "X-Key: sub") + SET.replace("{claims", "user:{claims"), "who, each", ["the header X-Who"]),
    (MIXED % ("", "X-Key: sub") + LIMIT.replace("claims.sub", "{ first: [claims.sub, client.ip] }"), "who, each", ["the key of this limit"]),
    (MIXED % ("", "X-Key: sub") + LIMIT.replace("claims.sub", "[claims.sub, client.ip]"), "who, each", []),
    (MIXED % ("", "X-Key: sub") + "\n  each: { authorize: { roles: { from: sub, any: [admin] } } }", "who, each", ["this authorize"]),
    (MIXED % ("", "X-Key: sub") + "\n  each: { authorize: { scopes: { from: sub, all: [admin] } } }", "who, each", ["this authorize"]),
    (MIXED % (f", {BY_ISSUER}", "X-Key: sub") + ALICE, "who, each", []),
])
def test_t81_what_goes_by_a_subject_that_several_parties_name_is_warned_of(policies, use, warned):
    ran = check(config(policies, use))
    told = [line for line in ran.out.splitlines() if "[shared-subject]" in line]
    assert ran.code == 0, ran.text
    assert len(told) == len(warned) and all(w in t for w, t in zip(warned, told)), ran.text
    assert (BY_ISSUER in ran.text) == bool(warned), "the hint says what to write"


def test_a_call_is_warned_of_like_any_request():
    text = config(MIXED % ("", "X-Key: sub"), "who").replace("forward: { service: echo }", 'aggregate: { calls: { c: { service: echo, path: /, headers: { X-Who: "{claims.sub}" } } }, body: $c }')
    ran = check(text)
    assert ran.code == 0 and ran.out.count("[shared-subject]") == 1 and "the header X-Who" in ran.out, ran.text


TWO = f"""services: {{ echo: {{ endpoints: [http://127.0.0.1:9] }} }}
policies:
  tok: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, issuer: staff%s, claims_to_headers: {{ %s: sub }} }} }}
  guest: {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, issuer: staff, optional: true, claims_to_headers: {{ X-User-ID: sub }} }} }}
  key: {{ api_key: {{ keys: [{{ name: ops, sha256: {KEY} }}], claims_to_headers: {{ X-User-ID: sub }} }} }}
  fair: {{ rate_limit: {{ key: claims.sub, limit: 9, window: 1s }} }}
routes:
  - {{ match: /a, use: [tok%s], forward: {{ service: echo }} }}
  - {{ match: /b, use: [%s], forward: {{ service: echo }} }}
  - {{ match: /c, use: [%s], forward: {{ service: echo }} }}
"""


@pytest.mark.parametrize("subject,header,limit,second,warned", [
    ("", "X-User-ID", "", "key", ["the header X-User-ID"]), ("", "X-User-ID", "", "guest", []), ("", "X-Staff", "", "key", []), (f", {BY_ISSUER}", "X-User-ID", "", "key", []),
    ("", "X-Staff", ", fair", "key, fair", ['the key of "fair"']), (f", {BY_ISSUER}", "X-Staff", ", fair", "key, fair", []), ("", "X-Staff", ", fair", "tok, fair", []),
    ("", "X-Staff", "", "key, fair", []), ("", "X-User-ID", ", fair", "key, fair", ["the header X-User-ID", 'the key of "fair"'])])
def test_two_routes_that_share_a_limit_or_a_header_share_its_subjects(subject, header, limit, second, warned):
    ran = check(TWO % (subject, header, limit, second, second))
    told = [line for line in ran.out.splitlines() if "[shared-subject]" in line]
    assert ran.code == 0 and len(told) == len(warned) and all(any(w in t for t in told) for w in warned), ran.text


@pytest.mark.parametrize("subject", ["\"{header.x}\"", "fixed", "\"{claims.sub\"", "\"{request.path}|{claims.sub}\"", "{ claims: sub }"])
def test_a_subject_is_made_of_claims(subject):
    ran = check(config("  who: { %s }" % issuers(top=f", subject: {subject}"), "who"))
    assert ran.code == 1 and "subject" in ran.text, ran.text


def test_t81_a_subject_of_one_issuer_is_nobody_of_another():
    """In the header, in an authorize, in the log, from the cache of tokens too, and in what explain says."""
    policies = "  who: { %s }\n  admin: { authorize: { claims: { all: { sub: staff|admin } } } }" % issuers(top=f", {BY_ISSUER}")
    with Echo() as echo:
        text = config(policies, "who", f"  - {{ name: admin, match: /admin, use: [who, admin], forward: {{ service: echo }} }}\n").replace("http://127.0.0.1:9", echo.url)
        text = text.replace("routes: [{ name: r, match: /x, use: [who], forward: { service: echo } }]\n", "routes:\n  - { name: r, match: /x, use: [who], forward: { service: echo } }\n")
        staff = ("Authorization", "Bearer " + hs(claims("admin", iss="staff")))
        partner = ("Authorization", "Bearer " + hs(claims("admin", iss="partner", note={"a": ["\u00e9\"", 1.50]}), secret=OTHER))
        with Gateway(text) as gateway:
            for _ in range(2):
                assert get(gateway.port, "/admin", [staff]).status == 200
                assert get(gateway.port, "/admin", [partner]).status == 403
                assert get(gateway.port, "/x", [partner]).status == 200
                assert dict(echo.requests[-1].headers)["X-User-ID"] == "partner|admin"
            nobody = ("Authorization", "Bearer " + hs({k: v for k, v in claims("admin", iss="partner").items() if k != "sub"}, secret=OTHER))
            answer = get(gateway.port, "/x", [nobody])
            assert answer.status == 401 and b"jwt.claim" in answer.body
            assert {e.get("subject") for e in gateway.access_lines(7)} == {"staff|admin", "partner|admin", None}
        told = explain(text, "GET", "/x", [": ".join(partner)]).out
        assert "X-User-ID: partner|admin" in told, told
        identity = json.loads(next(line for line in told.splitlines() if line.startswith("identity"))[10:].rsplit(", by ", 1)[0])
        assert identity["sub"] == "partner|admin" and identity["note"] == {"a": ["\u00e9\"", 1.5]}
