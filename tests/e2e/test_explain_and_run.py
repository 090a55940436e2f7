"""`explain` and `run` are held against each other: over random configurations and requests, the route, each verdict, and the request
that goes upstream are the same. What `explain` says is not known here (a service would have to be asked) it leaves open; nothing else."""
import hashlib
import os
import random
import re

import pytest

from support.client import Client, head
from support.gateway import Gateway, check, explain
from support.tokens import SECRET, claims, hs
from support.upstream import Echo, Scripted

KEY = hashlib.sha256(b"opskey").hexdigest()
OTHER = "partner-secret-0123456789abcdef0123456789abcdef"
SEED = int(os.environ.get("PORTICO_SEED") or 3)
CONFIGURATIONS = 2


def deciding(connection):
    """The service that `ask` asks: who says "yes" is alice, who says "no" is refused, everybody else must sign in."""
    while True:
        request = connection.read_request()
        word = next((v for n, v in request.headers if n.lower() == "x-auth"), "")
        status = {"yes": "200 OK", "no": "403 Forbidden", "ill": "500 Oh"}.get(word, "401 Unauthorized")
        connection.answer(b"", status, [("X-Who", "alice"), ("X-Role", "staff")])


# Names and settings of policies; {shadow} may put them in shadow mode.
SIGNS_IN = {
    "key": f"api_key: {{ from: {{ header: X-Key }}, keys: [{{ name: ops, sha256: {KEY}, claims: {{ role: staff }} }}], claims_to_headers: {{ X-Key-Name: sub }} }}",
    "token": f"jwt: {{ algorithms: [HS256], secret: {SECRET}, claims_to_headers: {{ X-Sub: sub, X-Plan: plan }} }}",
    "ask": "forward_auth: { service: auth, path: /check, send: [X-Auth], copy: { X-Who: sub, X-Role: role } }",
    "either": "any_of: [key, token]",
    "asked-key": f"api_key: {{ from: {{ query: qkey }}, keys: [{{ name: ops, sha256: {KEY} }}], claims_to_headers: {{ X-Key-Name: sub }} }}",
    "parties": f'jwt: {{ from: {{ header: X-Token }}, issuers: [{{ issuer: us, algorithms: [HS256], secret: {SECRET} }}, {{ issuer: them, algorithms: [HS256], secret: {OTHER}, '
               'subject: "{claims.iss}|{claims.sub}" }], claims_to_headers: { X-Sub: sub }, forward_token: true }',
}
OTHERS = {
    "lan": "ip_access: { allow: [127.0.0.0/8] }",
    "away": "ip_access: { allow: [10.0.0.0/8] }",
    "many": "rate_limit: { key: client.ip, limit: 1000000, window: 60s }",
    "each": "rate_limit: { key: header.X-Key, limit: 1000000, window: 60s }",
    "few": "concurrency: { key: client.ip, limit: 100 }",
    "shaped": 'transform: { request: { headers: { set: { X-Shaped: "{request.method}" }, remove: [X-Drop] } } }',
}
NEEDS_IDENTITY = {
    "staff": "authorize: { claims: { all: { role: staff } } }",
    "gold": "authorize: { claims: { any: { plan: [gold, silver] } } }",
    "mine": 'transform: { request: { headers: { set: { X-Mine: "{claims.sub}" } } } }',
    "person": "rate_limit: { key: claims.sub, limit: 1000000, window: 60s }",
}
ALL = {**SIGNS_IN, **OTHERS, **NEEDS_IDENTITY}
NO_SHADOW = {"shaped", "mine"}


AGGREGATE = ('aggregate: { calls: { one: { service: echo, path: "/one/{query.a}", optional: true, headers: { X-Of: "{header.x-drop}" } }, '
             'two: { service: echo, path: "/two", when: "$one.none == 1" } }, body: { one: $one } }')


def route(draw, number):
    use = ["cors-all"] if draw.random() < 0.2 else []
    use += draw.sample(sorted(OTHERS), draw.randint(0, 2))
    signer = draw.choice([None, *SIGNS_IN])
    shadow = draw.random() < 0.3
    if signer:
        use.insert(draw.randint(1 if use[:1] == ["cors-all"] else 0, len(use)), signer + ("-shadow" if shadow else ""))
        if not shadow:
            use += draw.sample(sorted(NEEDS_IDENTITY), draw.randint(0, 2))
    more = draw.sample(sorted(OTHERS), 1) if draw.random() < 0.4 else []
    use += [n for n in more if n not in use]
    # Every policy but the first of its kind that signs in may be in shadow mode.
    use = [n + "-shadow" if n in {**OTHERS, **NEEDS_IDENTITY} and n not in NO_SHADOW and draw.random() < 0.25 else n for n in use]
    path = draw.choice([f"/r{number}/**", f"/r{number}/{{id}}", f"/r{number}", f"/r{number}/{{id:[0-9]+}}/{{x}}", f"/{{service}}/{number}/**"])
    methods = draw.choice(["", "", ", methods: [GET, POST]"])
    methods += draw.choice(["", "", "", ", headers: { X-Key: opskey }", ', host: "*.example.com"', ", query: { a: b }"])
    target = draw.choice(["", ", path: \"/to/{**}\"" if path.endswith("**") else ", path: \"/to?{query}\"", ', path: "/to/{query.a}"', ', path: "/to?fixed={header.x-drop}&{query}"',
                          ', path: "/{request.method}"'])
    target += draw.choice(["", "", ", host: client", ", host: other.example"])
    if signer and not shadow and draw.random() < 0.3:
        target = ', path: "/of/{claims.sub}"'
    service = '"{service}"' if "{service}" in path and draw.random() < 0.7 else "echo"
    action = draw.choice([f"forward: {{ service: {service}{target} }}"] * 4 + [AGGREGATE] + ["respond: { body: x }", 'redirect: { to: "/else?{query}" }'])
    action += draw.choice(["", "", ", encoded: allow"])
    if "forward" not in action:
        use = [n for n in use if n.removesuffix("-shadow") not in NO_SHADOW]
    return f'  - {{ name: r{number}, match: {{ path: "{path}"{methods} }}, use: [{", ".join(use)}], {action} }}\n'


def configuration(draw, echo, auth):
    policies = "".join(f"  {n}: {{ {t} }}\n" + ("" if n in NO_SHADOW else f"  {n}-shadow: {{ {t}, mode: shadow }}\n") for n, t in ALL.items())
    top = f"services: {{ echo: {echo.url}, auth: {{ endpoints: [{auth.url}], internal: true }} }}\npolicies:\n{policies}"
    top += "  cors-all: { cors: { origins: ['https://a.example'], methods: [GET, PUT] } }\nroutes:\n"
    routes = []
    for number in range(8):
        for _ in range(9):  # a place that the language refuses is drawn again
            one = route(draw, number)
            if check(top + one).code == 0:
                routes.append(one)
                break
    return top + "".join(routes), routes


TAILS = ["", "", "", "/7", "/7/x", "/", "/a%2Fb", "/x/../y", "/é"[:2], "/7/a;b", "//7"]
QUERIES = ["", "", "?a=b", "?a=b&c", "?", "?a=../x", "?qkey=opskey&a=b", "?a=1&qkey=wrong-key"]
POOL = [("X-Key", "opskey"), ("X-Key", "bad"), ("X-Auth", "yes"), ("X-Auth", "no"), ("X-Auth", "ill"), ("X-Sub", "forged"), ("x_who", "forged"),
        ("X-Drop", "1"), ("X-Forwarded-For", "6.6.6.6"), ("Accept", "*/*"), ("Cookie", "a=b"), ("Via", "1.1 x"), ("X-Request-ID", "mine"), ("Connection", "X-Drop"),
        ("Authorization", "Bearer " + hs(claims(plan="gold", role="staff"))), ("Authorization", "Bearer " + hs(claims(sub="bob"))),
        ("Authorization", "Bearer a.b.c"), ("X-Token", hs(claims("admin", iss="us", role="staff", plan="gold"))), ("X-Token", hs(claims("admin", iss="them"), secret=OTHER)),
        ("X-Token", hs(claims("admin", iss="them"))), ("X-Token", hs(claims("alice", iss="who")))]
# What lets a request pass a policy that signs in.
CREDENTIALS_OF = {"key": [0], "token": [14], "ask": [2], "either": [0, 14], "parties": [17, 18]}


def request(draw, routes):
    """One that a route takes, often; or what comes near it."""
    text = draw.choice(routes)
    path = re.search(r'path: "([^"]*)"', text)[1]
    target = path.replace("{service}", draw.choice(["echo", "echo", "echo", "auth", "none"])).replace("{id:[0-9]+}", draw.choice(["7", "7", "x"]))
    target = target.replace("{id}", draw.choice(["7", "a%20b", "x%7Ey"])).replace("{x}", "y")
    if target.endswith("/**"):
        target = target[:-3] + draw.choice(TAILS)
    elif draw.random() < 0.15:
        target += draw.choice(TAILS)
    query = draw.choice(QUERIES)
    headers = [POOL[i] for i in sorted(draw.sample(range(len(POOL)), draw.choice([0, 1, 2, 5])))]
    use = re.search(r"use: \[([^]]*)\]", text)[1].replace("-shadow", "").split(", ")
    for name in use:
        if name in CREDENTIALS_OF and draw.random() < 0.75:
            chosen = POOL[draw.choice(CREDENTIALS_OF[name])]
            headers = [h for h in headers if h[0] != chosen[0]] + [chosen]
        if name == "asked-key" and draw.random() < 0.75:
            query = "?qkey=opskey&a=b"
    if "X-Key: opskey" in text and draw.random() < 0.8:
        headers = [h for h in headers if h[0] != "X-Key"] + [("X-Key", "opskey")]
    if "query: { a: b }" in text and draw.random() < 0.8 and "a=b" not in query:
        query = "?a=b"
    method = draw.choice(["GET", "GET", "GET", "GET", "HEAD", "DELETE", "OPTIONS"])
    if method == "OPTIONS":
        headers += [("Origin", draw.choice(["https://a.example", "https://b.example"])), ("Access-Control-Request-Method", draw.choice(["GET", "PUT"]))]
    hosts = ["shop.example.com", "SHOP.example.com:80"] if "example.com" in text and draw.random() < 0.8 else ["localhost", "localhost", "shop.example.com"]
    return method, draw.choice(hosts), target + query, headers


class Told:
    """What `explain` said."""

    def __init__(self, out):
        self.out, self.verdicts, self.upstream = out, [], None
        self.call = self.one = None  # the request of the aggregate's first call
        self.route = self.answer = None
        part = ""
        for line in out.splitlines():
            part, text = line[:10].strip() or part, line[10:]
            if part == "route" and self.route is None:
                self.route = text.split(" ")[0]
            elif part == "policies" and text != "none":
                self.verdicts.append(text.split(": ", 1))
            elif part == "answer" and line.startswith("answer"):
                self.answer = int(re.match(r"\d+", text)[0])
            elif part == "call" and line.startswith("call"):
                self.call = [] if text.startswith("one: at once") else None
            elif part == "call" and self.call is not None:
                self.call.append(text)
                self.one = self.call
            elif part == "upstream" and not text.startswith(("not known", "if ")):
                self.upstream = (self.upstream or []) + [text]
        self.undecided = [n for n, t in self.verdicts if re.match("would |decides by", t)]
        self.refusal = next(((n, t) for n, t in self.verdicts if not n.endswith("(shadow)") and re.match(r"[345]\d\d |answers ", t)), None)
        self.shadow = [f"{n.removesuffix(' (shadow)')}:{t.split(' ')[1].rstrip(':')}" for n, t in self.verdicts
                       if n.endswith("(shadow)") and re.match(r"[345]\d\d ", t)]


IDS = {"x-request-id", "traceparent"}
CREDENTIALS = {"authorization", "cookie", "x-key", "x-auth", "x-token"}  # of which explain shows that they go on, and nothing more


def plain(lines):
    shown = []
    for line in lines:
        line = re.sub(r"([?&]qkey=)[^& ]*", r"\1…", line) if line.endswith(" HTTP/1.1") else line
        name = line.split(":")[0]
        shown.append(name if name.lower() in IDS else f"{name}: …" if name.lower() in CREDENTIALS else line)
    return shown


def hold(told, status, log, sent):
    """One request's two stories."""
    assert told.route == log.get("route")
    open_names = [n.removesuffix(" (shadow)") for n in told.undecided]
    shadow = [s for s in filter(None, log.get("shadow", "").split(",")) if s.split(":")[0] not in open_names]
    if log.get("refused_by") in open_names:
        return  # what stands behind it was not asked
    assert told.shadow == shadow
    if told.refusal:
        name, text = told.refusal
        assert log.get("refused_by") == name or (text.startswith("answers 2") and "refused_by" not in log)
        assert status == int(re.search(r"\d\d\d", text)[0])
        assert text.startswith("answers") or log["code"] == text.split(" ")[1].rstrip(":")
        assert sent is None
        return
    assert "refused_by" not in log
    if told.one is not None:
        if told.one[0].startswith("not made"):
            assert sent is None
        else:
            got = plain([f"{sent.method} {sent.target} HTTP/1.1"] + [f"{n}: {v}" for n, v in sent.headers])
            assert (set(plain(told.one)) <= set(got)) if told.undecided else plain(told.one) == got
        assert told.undecided or told.answer == status
    elif told.upstream is not None:
        lines = plain(told.upstream)
        got = plain([f"{sent.method} {sent.target} HTTP/1.1"] + [f"{n}: {v}" for n, v in sent.headers])
        assert (set(lines) <= set(got)) if told.undecided else lines == got
    elif told.answer is not None and not told.undecided:
        assert told.answer == status and sent is None


def held_against_each_other(seed, count):
    draw = random.Random(seed)
    with Echo() as echo, Scripted(deciding) as auth:
        config, routes = configuration(draw, echo, auth)
        with Gateway(config) as gateway:
            for number in range(count):
                method, host, target, headers = request(draw, routes)
                before = len(echo.requests)
                with Client(gateway.port) as client:
                    client.send(head(method, target, headers, host=host))
                    status = client.read_response(method).status
                log = gateway.access_lines(number + 1)[number]
                sent = echo.requests[before] if len(echo.requests) > before else None
                told = Told(explain(config, method, f"http://{host}{target}", [f"{n}: {v}" for n, v in headers]).out)
                try:
                    hold(told, status, log, sent)
                except AssertionError as e:
                    raise AssertionError(f"PORTICO_SEED={seed}: {method} {host} {target} {headers}\n{told.out}\n{log}\n{config}\n"
                                         f"upstream: {sent and (sent.method, sent.target, sent.headers)}") from e


def test_a34_explain_says_what_run_does():
    for seed in range(SEED, SEED + CONFIGURATIONS):
        held_against_each_other(seed, 50)


@pytest.mark.long
def test_a34_explain_says_what_run_does_over_many_configurations():
    for _ in range(60):
        seed = random.randrange(1 << 32)
        print(f"PORTICO_SEED={seed}")
        held_against_each_other(seed, 100)


CASES = """
services: {{ echo: {echo}, auth: {{ endpoints: [{auth}], internal: true }} }}
policies:
  watched: {{ api_key: {{ from: {{ header: X-Key }}, keys: [{{ name: ops, sha256: {key} }}] }}, mode: shadow }}
  ask: {{ forward_auth: {{ service: auth, path: /check, send: [X-Auth], copy: {{ X-Who: sub }} }} }}
  alice: {{ authorize: {{ claims: {{ all: {{ sub: alice }} }} }} }}
routes:
  - {{ match: /watched, use: [watched], forward: {{ service: echo }} }}
  - {{ match: /asked, use: [ask, alice], forward: {{ service: echo }} }}
  - {{ match: /mine, use: [ask, alice], forward: {{ service: echo, path: "/of/{{claims.sub}}" }} }}
"""


def test_a34_explain_shows_what_a_policy_in_shadow_leaves_in_the_request():
    config = CASES.format(echo="http://127.0.0.1:9", auth="http://127.0.0.1:9", key=KEY)
    for key in ("opskey", "bad"):
        told = explain(config, "GET", "/watched", [f"X-Key: {key}"]).out
        assert "X-Key: …" in told and key not in told and "GET /watched HTTP/1.1" in told, told


def test_a34_explain_says_what_rests_on_an_identity_that_a_service_gives():
    config = CASES.format(echo="http://127.0.0.1:9", auth="http://127.0.0.1:9", key=KEY)
    told = explain(config, "GET", "/asked").out
    assert "403" not in told and "GET /asked HTTP/1.1" in told and re.search("alice: decides by the identity", told), told
    told = explain(config, "GET", "/mine").out
    assert "403" not in told and "upstream  not known before ask, alice has decided" in told, told


def test_a34_explain_refuses_a_head_by_the_files_limits():
    config = "limits: { fields: 3 }\nroutes: [{ match: /x, respond: { body: x } }]\n"
    assert "431" in explain(config, "GET", "/x", ["A: 1", "B: 2", "C: 3"]).out


def test_a34_explain_answers_for_the_server_as_a_whole():
    assert "answer    204" in explain("routes: [{ match: /x, respond: { body: x } }]\n", "OPTIONS", "*").out
