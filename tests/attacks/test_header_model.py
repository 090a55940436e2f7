"""Header sets drawn at random go through a real gateway, and a model of the documented rules (support/header_model.py) judges what the
service gets. PORTICO_SEED draws others; a failure prints its seed and the request.
"""
import hashlib
import ipaddress
import os
import random

import pytest

from support.client import Client, chunk, head
from support.gateway import Gateway
from support.header_model import HOP_BY_HOP, Rules, Sent, address_of, client_of, expected, folded
from support.pages import Page, Pages
from support.tokens import SECRET, claims, hs
from support.upstream import Echo, Scripted

FEW, MANY = 800, 20_000
SEED = int(os.environ.get("PORTICO_SEED", "12"))

CONFIG = """
workers: 1
{trusted}
managed_headers: [X-Role]
services: {{ svc: {url}, auth: {{ endpoints: [{auth}], internal: true }} }}
policies:
  user: {{ jwt: {{ algorithms: [HS256], secret: {secret}, claims_to_headers: {{ X-User-ID: sub, X-Groups: groups }} }} }}
  key: {{ api_key: {{ keys: [{{ name: acme, sha256: {digest} }}], claims_to_headers: {{ X-Client: sub }} }} }}
  asked: {{ forward_auth: {{ service: auth, send: [X-Session], copy: [X-Session-User] }} }}
  shape: {{ transform: {{ request: {{ headers: {{ set: {{ X-Tenant: acme, X-Method: "{{request.method}}" }}, remove: [X-Internal] }} }} }} }}
  inner: {{ ip_access: {{ allow: [127.0.0.0/8, 10.0.0.0/8, "::/0"] }} }}
routes:
  - {{ match: /user/**, use: [user], forward: {{ service: svc }} }}
  - {{ match: /key/**, use: [key], forward: {{ service: svc }} }}
  - {{ match: /asked/**, use: [asked], forward: {{ service: svc }} }}
  - {{ match: /shape/**, use: [shape], forward: {{ service: svc }} }}
  - {{ match: /inner/**, use: [inner], forward: {{ service: svc }} }}
  - {{ match: {{ path: /beta/**, headers: {{ X-Beta: "1" }} }}, forward: {{ service: svc }} }}
  - {{ match: /**, forward: {{ service: svc }} }}
"""
MANAGED = {"X-Role", "X-User-ID", "X-Groups", "X-Client", "X-Session-User"}
WRITTEN = {"X-Tenant", "X-Method", "X-Beta"}
NETWORKS = [ipaddress.ip_network(n) for n in ("127.0.0.0/8", "10.0.0.0/8")]

PLAIN = ["Accept", "User-Agent", "X-Other", "X-Trace", "Cookie", "Authorization", "Content-Language", "Max-Forwards", "X-A", "X.B", "Via", "Accept-Encoding",
         "If-None-Match", "Range", "X-User", "XUser-ID", "X-Role-2"]
GUARDED = sorted(MANAGED | WRITTEN | {"X-Internal", "X-Session", "X-API-Key"})
FORWARDING = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-User", "X-Forwarded", "Forwarded", "X-Real-IP",
              "Client-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Original-URL", "X-Rewrite-URL", "X-Original-Host", "Proxy", "X-SSL-Client-Verify", "Client-Cert"]
HOP = ["Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "TE", "Upgrade", "HTTP2-Settings"]
OWN = ["X-Request-ID", "traceparent", "tracestate"]
ADDRESSES = ["8.8.8.8", "10.0.0.1", "10.0.0.2:80", "127.0.0.9", "2001:db8::1", "[2001:db8::1]:443", "::ffff:8.8.8.8", "::ffff:10.0.0.3", "unknown", "_hidden", "008.8.8.8", "fe80::1%eth0", "", "8.8.8.8;"]


def spelling(rng, name):
    how = rng.randrange(6)
    if how == 0:
        name = "".join(rng.choice((c.lower(), c.upper())) for c in name)
    elif how == 1:
        name = name.replace("-", rng.choice("_.~|!+"))
    elif how == 2 and "-" in name:
        name = name.replace("-", "_", 1).lower()
    return name


def value_for(rng, name):
    plain = folded(name)
    if plain == "x-forwarded-for":
        return ", ".join(rng.choice(ADDRESSES) for _ in range(rng.randrange(1, 4)))
    if plain == "x-forwarded-proto":
        return rng.choice(["https", "HTTP", "gopher", "https, http"])
    if plain == "x-forwarded-host":
        return rng.choice(["front.example", "front.example:8443", "a b", "a/b"])
    if plain == "x-forwarded-port":
        return rng.choice(["8443", "080", "0", "65536", "8x", ""])
    if plain == "forwarded":
        return rng.choice(["for=6.6.6.6", "for=_x;proto=https;host=evil.example"])
    if plain == "x-request-id":
        return rng.choice(["abc-123", "a b", "x" * 128, "x" * 129, '"'])
    if plain == "traceparent":
        return rng.choice(["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "x"])
    if plain == "max-forwards":
        return "0"
    return rng.choice(["admin", "1", "acme", "a, b", "", "\xe9", "x" * 40])


def draw(rng, trusted):
    """A request as a client might write it, and the route that it asks for."""
    names = []
    for pool, most in ((PLAIN, 4), (GUARDED, 4), (FORWARDING, 4), (HOP, 2), (OWN, 2)):
        names += [spelling(rng, rng.choice(pool)) for _ in range(rng.randrange(most))]
    if names and rng.random() < 0.3:
        names.append(spelling(rng, rng.choice(names)))
    fields = [(n, value_for(rng, n)) for n in names]
    if trusted and not any(n.lower() == "x-forwarded-for" for n, _ in fields):
        fields.append(("X-Forwarded-For", value_for(rng, "X-Forwarded-For")))
    if rng.random() < 0.4:
        nominated = rng.sample([n for n, _ in fields] + ["X-Forwarded-For", "X-User-ID", "X-Tenant", "keep-alive", "X-Nothing", "X-Checksum"], rng.randrange(1, 4))
        fields.append(("Connection", ", ".join(nominated)))
    rng.shuffle(fields)
    # Few things in a trusted proxy's message may be said twice and mean one: one of each.
    for name in ("x-forwarded-proto", "x-forwarded-host"):
        seen = [i for i, (n, _) in enumerate(fields) if n.lower() == name]
        for i in reversed(seen[1:]):
            del fields[i]
    trailers = []
    if rng.random() < 0.4:
        pool = PLAIN + GUARDED + FORWARDING + HOP + OWN + ["X-Checksum", "Server-Timing", "Cache-Control", "Set-Cookie"]
        trailers = [(spelling(rng, rng.choice(pool)), rng.choice(["1", "admin"])) for _ in range(rng.randrange(1, 5))]
        trailers = [(n, v) for n, v in trailers if folded(n) not in ("content-length", "transfer-encoding", "host")]
    return rng.choice(["user", "key", "asked", "shape", "inner", "beta", "open"]), Sent("gateway.test", fields, trailers)


def prepare(rng, route, sent, rules):
    """Adds the route's credential, and says what its guards must do: the status, or none where the request passes."""
    if route == "user":
        sent.fields = [(n, v) for n, v in sent.fields if folded(n) != "authorization"]
        kind = rng.randrange(4)
        token = hs(claims("alice", groups=["a", "b,c"]))
        if kind > 0:
            sent.fields.insert(rng.randrange(len(sent.fields) + 1), ("Authorization", f"Bearer {token}"))
        if kind == 1:
            sent.fields.append(("authorization", f"Bearer {token}"))
        rules.sets = {"x-user-id": "alice", "x-groups": "a,b%2Cc"}
        rules.removes = {"Authorization"}
        return None if kind > 1 and sent.going_on("authorization") else 401
    if route == "key":
        sent.fields = [(n, v) for n, v in sent.fields if folded(n) != "x-api-key"]
        if rng.randrange(4) == 0:
            return 401
        sent.fields.insert(rng.randrange(len(sent.fields) + 1), (rng.choice(["X-API-Key", "x-api-key"]), "k"))
        rules.sets, rules.removes, rules.judges = {"x-client": "acme"}, {"X-API-Key"}, {"X-API-Key"}
        return None if sent.going_on("x-api-key") else 401
    if route == "asked":
        rules.judges = {"X-Session"}
        judged = [v for _, v in sent.going_on("x-session")]
        if len(judged) != 1 or judged[0] != "acme":
            return 401
        rules.sets = {"x-session-user": "asked"}
        return None
    if route == "shape":
        rules.sets, rules.removes = {"x-tenant": "acme", "x-method": "POST"}, {"X-Internal"}
        return None
    if route == "inner":
        address = client_of(sent, rules)[0]
        inner = address is not None and (address.version == 6 or any(address in n for n in NETWORKS))
        return None if inner else 403
    return None


@pytest.fixture(scope="module", params=["untrusted", "trusted"])
def setting(request):
    def decide(asked):
        good = [v for n, v in asked.headers if n.lower() == "x-session"] == ["acme"]
        return Page({}, status=200 if good else 401, headers=[("X-Session-User", "asked")] if good else [])
    trusted = request.param == "trusted"
    with Echo() as upstream, Pages({"/": decide}) as auth:
        config = CONFIG.format(url=upstream.url, auth=auth.url, secret=SECRET, digest=hashlib.sha256(b"k").hexdigest(),
                               trusted="trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]" if trusted else "")
        with Gateway(config) as gateway:
            yield gateway, upstream, trusted


def run(setting, seed, count):
    gateway, upstream, trusted = setting
    rng = random.Random(seed)
    client = Client(gateway.port)
    passed = 0
    for number in range(count):
        route, sent = draw(rng, trusted)
        rules = Rules(MANAGED, NETWORKS if trusted else [], written_somewhere=WRITTEN)
        refused = prepare(rng, route, sent, rules)
        raw = head("POST", f"/{route}/x", sent.fields + [("Transfer-Encoding", "chunked")], host=sent.host)
        raw += chunk(b"hi") + b"0\r\n" + "".join(f"{n}: {v}\r\n" for n, v in sent.trailers).encode("latin-1") + b"\r\n"
        before = len(upstream.requests)
        client.send(raw)
        answer = client.read_response("POST")
        told = f"seed {seed}, request {number} ({'trusted' if trusted else 'untrusted'} peer):\n{raw.decode('latin-1')}"
        assert answer.status == (refused or 200), f"{answer.status} in place of {refused or 200}, {answer.body[:300]!r}\n{told}"
        assert len(upstream.requests) == before + (refused is None), told
        if refused is None:
            passed += 1
            faults = list(expected(sent, rules).faults(upstream.requests[-1]))
            assert not faults, "\n".join(faults) + "\n" + told
        if "close" in [o.strip().lower() for v in answer.all("connection") for o in v.split(",")]:
            client.close()
            client = Client(gateway.port)
    client.close()
    assert passed > count // 4, "hardly anything passed: the model judges nothing"


def test_what_the_service_gets_is_what_the_rules_say(setting):
    run(setting, SEED, FEW)


@pytest.mark.long
def test_what_the_service_gets_is_what_the_rules_say_of_very_many(setting):
    run(setting, SEED + 1, MANY)


# The way back: heads, interim responses and trailers of a service.

ANSWERS = """
workers: 1
services: {{ svc: {url} }}
policies:
  shape: {{ transform: {{ response: {{ headers: {{ remove: [X-Internal, {{ regex: "x-debug.*" }}], set: {{ X-Frame-Options: DENY }}, append: {{ X-Hop: gw }} }} }} }} }}
routes:
  - {{ match: /shape/**, use: [shape], forward: {{ service: svc }} }}
  - {{ match: /**, forward: {{ service: svc }} }}
"""
ANSWERED = ["X-Internal", "X-Debug-Level", "X-Frame-Options", "X-Hop", "Link", "Server-Timing", "ETag", "Set-Cookie", "Keep-Alive", "X-Other", "Vary"]
CLEAN_TRAILERS = {"server-timing", "x-other"}


def draw_answer(rng):
    """What a service sends: fields of an interim response or none, of the final one, and trailers."""
    some = lambda most: [(spelling(rng, rng.choice(ANSWERED)), rng.choice(["1", "secret"])) for _ in range(rng.randrange(most))]
    interim, final, trailers = some(5) if rng.random() < 0.6 else None, some(7), some(5)
    if rng.random() < 0.3:
        final.append(("Connection", rng.choice(["X-Other", "X-Hop", "keep-alive, Link"])))
    return interim, final, trailers


def answer_bytes(interim, final, trailers):
    lines = lambda fields: "".join(f"{n}: {v}\r\n" for n, v in fields)
    text = f"HTTP/1.1 103 Early Hints\r\n{lines(interim)}\r\n" if interim is not None else ""
    return (text + f"HTTP/1.1 200 OK\r\n{lines(final)}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n{lines(trailers)}\r\n").encode()


def is_removed(name):
    return folded(name) == "x-internal" or folded(name).startswith("x-debug")


def faults_of(answer, shaped, interim, final, trailers):
    """What is wrong with what the client got, as sentences."""
    nominated = {o.strip().lower() for n, v in final if n.lower() == "connection" for o in v.split(",")}
    gone = lambda n: n.lower() in HOP_BY_HOP or n.lower() in nominated
    wanted = [(n, v) for n, v in final if not gone(n) and not (shaped and (is_removed(n) or folded(n) == "x-frame-options"))]
    if shaped:
        wanted += [("X-Frame-Options", "DENY"), ("X-Hop", "gw")]
    own = {"via", "date", "x-request-id", "transfer-encoding", "connection"}
    got = [(n.lower(), v) for n, v in answer.headers if n.lower() not in own]
    if sorted(got) != sorted((n.lower(), v) for n, v in wanted):
        yield f"the head is {got}, expected {wanted}"
    hints = [(n.lower(), v) for i in answer.interim for n, v in i.headers if n.lower() != "via"]
    kept = [(n.lower(), v) for n, v in interim or [] if n.lower() not in HOP_BY_HOP and not (shaped and (is_removed(n) or folded(n) == "x-frame-options"))]
    if hints != kept:
        yield f"the interim response has {hints}, expected {kept}"
    for name, _ in answer.trailers:
        if name.lower() in nominated or folded(name) in ("set-cookie", "keep-alive", "vary") or (shaped and (is_removed(name) or folded(name) in ("x-frame-options", "x-hop"))):
            yield f"the trailer {name} arrived"
    clean = lambda fields: [n for n, _ in fields if folded(n) in CLEAN_TRAILERS and n.lower() not in nominated]
    if clean(answer.trailers) != clean(trailers):
        yield f"of the trailers {trailers} {answer.trailers} arrived"


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=pytest.mark.long)])
def test_what_the_client_gets_is_what_the_rules_say(count):
    rng = random.Random(SEED)
    answers = []

    def script(connection):
        while True:
            connection.read_request()
            connection.send(answer_bytes(*answers[-1]))

    with Scripted(script) as upstream, Gateway(ANSWERS.format(url=upstream.url)) as gateway, Client(gateway.port) as client:
        for number in range(count):
            answers.append(draw_answer(rng))
            shaped = rng.random() < 0.7
            answer = client.get("/shape/x" if shaped else "/x")
            faults = list(faults_of(answer, shaped, *answers[-1]))
            assert not faults, "\n".join(faults) + f"\nseed {SEED}, answer {number}:\n{answer_bytes(*answers[-1]).decode()}"


def test_the_model_reads_addresses_as_proxies_write_them():
    assert [str(address_of(a)) for a in ADDRESSES] == ["8.8.8.8", "10.0.0.1", "10.0.0.2", "127.0.0.9", "2001:db8::1", "2001:db8::1", "8.8.8.8", "10.0.0.3",
                                                      "None", "None", "None", "None", "None", "None"]
