"""No secret comes out anywhere. The places of the language are those of `portico schema`; in each stands, in several shapes, a secret (where the
schema says that its value is one), a password in a URL, and a value of the environment. What the commands print, what a running gateway says, logs,
answers and serves is searched for them: as they are, in base64, percent-encoded, and in pieces. PORTICO_LONG=1 takes every place and shape."""
import base64
import copy
import hashlib
import json
import os
import random
import string
import urllib.parse

import pytest

from support.client import fetch, get
from support.gateway import Gateway, check, command, explain
from support.tokens import SECRET, SigningKey, claims, hs
from support.upstream import Echo

SEED = int(os.environ.get("PORTICO_SEED") or 20261130)
PIECE = 8  # characters that nobody writes by chance
NAMES = {"services": "app", "stores": "shared", "calls": "one"}  # of what the schema names freely
ROUTES = {"forward": 0, "respond": 1, "redirect": 2, "aggregate": 3}
MARK = "${MARK_OF_TEST}"
BCRYPT = "$2y$05$9rMi5Dk7wLFY7mXVdO5lhuCn5l0hPlY4bKD8ZrNtGkuYJe2TzIR0m"
# Objects that the schema does not lead to by references: where they stand.
HOMES = {
    "policy": ("policies", "any"), "transformRequest": ("policies", "p-transform", "transform", "request"), "transformCase": ("policies", "p-transform", "transform", "response"),
    "transformWhen": ("policies", "p-transform", "transform", "response", "when"), "transformLines": ("policies", "p-transform", "transform", "response", "lines"),
    "transformRules": ("policies", "p-transform", "transform", "request", "headers"), "transformCookies": ("policies", "p-transform", "transform", "response", "cookies"),
    "transformCookie": ("policies", "p-transform", "transform", "response", "cookies", "set", "c"), "transformEdit": ("policies", "p-transform", "transform", "response", "edit"),
}
# What stands inside of a row whose schema does not say it.
INSIDE = {("p-api_key", "api_key"): [("keys", 0, "name"), ("keys", 0, "sha256"), ("keys", 0, "claims", "team"), ("from", "header"), ("from", "query")],
          ("p-jwt", "jwt"): [("jwks", "url"), ("jwks", "path"), ("jwks", "ca"), ("oidc", "issuer"), ("revocation", "tokens"), ("revocation", "store"), ("issuers", 0, "secret"),
                             ("issuers", 0, "keys"), ("issuers", 0, "public_key"), ("issuers", 0, "issuer"), ("issuers", 0, "subject"), ("from", "header"), ("from", "query")],
          ("p-authorize", "authorize"): [("claims", "all", "sub"), ("scopes", "all"), ("roles", "any")]}
SECRET_INSIDE = {"sha256", "secret", "public_key"}


def base(url):
    return {
        "listeners": [{"address": "127.0.0.1:0"}], "admin": {"address": "127.0.0.1:0"}, "workers": 1,
        "services": {"app": {"endpoints": [url]}, "auth": {"endpoints": [url], "internal": True}},
        "stores": {"shared": {"redis": "redis://127.0.0.1:1"}},
        "policies": {
            "p-api_key": {"api_key": {"keys": [{"name": "ops", "sha256": hashlib.sha256(b"opskey").hexdigest()}]}},
            "p-jwt": {"jwt": {"algorithms": ["HS256"], "secret": SECRET}}, "p-basic": {"basic": {"htpasswd": ["bob:" + BCRYPT]}},
            "p-any_of": {"any_of": ["p-api_key", "p-jwt"]}, "p-authorize": {"authorize": {"claims": {"all": {"sub": "alice"}}}},
            "p-concurrency": {"concurrency": {"limit": 9}}, "p-cors": {"cors": {"origins": ["https://a.example"]}}, "p-fields": {"fields": {"allow": ["a"]}},
            "p-forward_auth": {"forward_auth": {"service": "auth", "path": "/check"}}, "p-ip_access": {"ip_access": {"allow": ["127.0.0.0/8"]}},
            "p-rate_limit": {"rate_limit": {"key": "client.ip", "limit": 100, "window": "1s"}},
            "p-transform": {"transform": {"request": {"headers": {"set": {"X-Set": "1"}}}}},
        },
        "routes": [
            {"name": "forwarded", "match": {"path": "/f/**"}, "use": ["p-any_of", "p-transform"], "forward": {"service": "app"}},
            {"name": "fixed", "match": {"path": "/r"}, "use": ["p-cors", "p-ip_access", "p-rate_limit"], "respond": {"status": 200, "body": "fixed"}},
            {"name": "away", "match": {"path": "/d"}, "use": ["p-basic"], "redirect": {"to": "/else"}},
            {"name": "several", "match": {"path": "/a"}, "use": ["p-api_key", "p-concurrency"], "aggregate": {"calls": {"one": {"service": "app", "path": "/one"}}, "body": {"one": "$one"}}},
            {"name": "login", "match": {"path": "/login/{user}/{password}"}, "use": ["p-jwt", "p-authorize"], "respond": {"body": "in"}},
        ],
    }


def resolve(path):
    """A way through the schema as a way through the base."""
    path = list(path)
    if path[:1] == ["policies"] and len(path) > 2:
        path[1] = "p-" + str(path[2])
    if path[:1] == ["routes"] and len(path) > 2:
        path[1] = ROUTES.get(path[2], 0)
    return tuple(NAMES.get(path[i - 1], "any") if step == "*" else step for i, step in enumerate(path))


def places():
    """Every row of every object: (its way, whether its value is a secret, whether it may be written as a text)."""
    schema = json.loads(command("schema").out)
    homes, found, open_ways = {}, [], [((), schema, None)]

    def follow(way, node):
        if not isinstance(node, dict):
            return
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[1]
            if name not in homes and "properties" in json.dumps(schema["$defs"][name]):
                homes[name] = way
                open_ways.append((way, schema["$defs"][name], name))
            return
        for one in node.get("oneOf", []):
            follow(way, one)
        if "items" in node:
            follow(way + (0,), node["items"])
        if isinstance(node.get("additionalProperties"), dict):
            follow(way + ("*",), node["additionalProperties"])

    while open_ways:
        way, node, _ = open_ways.pop(0)
        for shape in [node, *node.get("oneOf", [])]:
            for key, row in shape.get("properties", {}).items():
                found.append((resolve(way + (key,)), bool(row.get("writeOnly")) or key == "redis"))
                follow(way + (key,), row)
        if not open_ways:
            for name, home in HOMES.items():
                if name not in homes and name in schema["$defs"]:
                    homes[name] = home
                    open_ways.append((home, schema["$defs"][name], name))
    missing = {n for n, d in schema["$defs"].items() if "properties" in json.dumps(d)} - set(homes)
    assert not missing, f"say in HOMES where these stand: {missing}"
    for home, rows in INSIDE.items():
        found += [(("policies", *home, *row), row[-1] in SECRET_INSIDE or "keys" == row[-1]) for row in rows]
    assert sum(secret for _, secret in found) >= 8 and len(found) > 150
    return found


def with_value(url, way, value):
    """The base with a value in that place, and nothing else in the way of it."""
    config = copy.deepcopy(base(url))
    at = config
    for step, following in zip(way, way[1:]):
        if isinstance(at, list):
            while len(at) <= step:
                at.append({})
        elif step not in at or not isinstance(at[step], (dict, list)):
            at[step] = [] if isinstance(following, int) else {}
        at = at[step]
        if isinstance(at, list) and not isinstance(following, int):
            at.append({})
            at = at[0] if isinstance(at[0], dict) else at[-1]
    if isinstance(at, list):
        at.append(value)
    else:
        at[way[-1]] = value
    return config


def shapes(value):
    return [value, [value], {"X-Any": value}, [{"name": value}], {"base64": value}, {"fil": value}, {value: None}]


def windows(core):
    return {core[i:i + PIECE] for i in range(len(core) - PIECE + 1)}


class Hidden:
    """A text that must not come out."""

    def __init__(self, draw, odd=True):
        self.core = "".join(draw.choice(string.ascii_letters + string.digits) for _ in range(24))
        self.text = self.core + (draw.choice(["", "", "+/=", "%41", "é", " x", "'"]) if odd else "")
        self.pieces = windows(self.core)
        for shift in range(3):  # whatever stands before it in what is encoded
            coded = base64.b64encode(b"\0" * shift + self.core.encode()).decode()
            self.pieces |= windows(coded[4:-4])

    def found_in(self, text):
        return [p for p in self.pieces if p in text or p in urllib.parse.unquote(text)]


def hold(config, hidden, printed, what):
    for one in hidden:
        leaks = one.found_in(printed)
        assert not leaks, f"PORTICO_SEED={SEED}: {what} shows {one.text!r}:\n{printed}\n{json.dumps(config)}"


def asked(config, env, files, hidden):
    """The request that is explained bears credentials, too."""
    for url, headers in (("/f/x?access=b", ["X-API-Key: opskey", "Cookie: session=abcd1234abcd"]), ("/r", ["Origin: https://a.example"]), ("/d", ["Authorization: Basic Ym9iOmJvYg=="]),
                         ("/a", ["X-API-Key: opskey"]), ("/login/bob/x", ["Authorization: Bearer " + hs(claims("alice"))])):
        ran = explain(config, "GET", url, headers, env=env, files=files)
        hold(config, hidden, ran.text, f"explain {url}")
        assert "opskey" not in ran.text and "abcd1234" not in ran.text and "Ym9iOmJvYg" not in ran.text and "eyJ" not in ran.text, ran.text


def trial(draw, way, secret, shape):
    """One place and shape. Returns what a gateway could run, with what must not be seen of it."""
    one, in_url, of_file, of_environment = (Hidden(draw), Hidden(draw, False), Hidden(draw), Hidden(draw))
    url = "http://127.0.0.1:9"
    kinds = [("url", f"{draw.choice(['http', 'https', 'redis'])}://u:{in_url.text}@10.0.0.1/x", in_url), ("environment", draw.choice([MARK, MARK, f"x-{MARK}", f"{MARK}/{MARK}"]), of_environment)]
    if secret:
        kinds += [("secret", one.text, one), ("file", {"file": "kept"}, of_file)]
    good = []
    for kind, value, hidden in kinds:
        shaped = shapes(value)[shape] if isinstance(value, str) else value
        config = with_value(url, way, shaped)
        text = json.dumps(config, ensure_ascii=draw.random() < 0.5)
        if kind == "secret" and draw.random() < 0.5 and f'"{value}"' in text:
            text = text.replace(f'"{value}"', draw.choice(["!!str ", "&kept "]) + f'"{value}"', 1)
        if draw.random() < 0.1:  # no YAML any more, somewhere behind it
            text = text.replace(', "routes"', ', "routes": ], "routes"', 1)
        env, files = {"MARK_OF_TEST": hidden.text}, {"kept": hidden.text + "\n"}
        what = f"check of {kind} at {way} in {shaped!r}"
        ran = check(text, env=env, files=files)
        assert ran.code in (0, 1), ran.text
        hold(text, [hidden], ran.text, what)
        if draw.random() < 0.3:
            more = command("check", "--json", "--strict", config=text, env=env, files=files)
            hold(text, [hidden], more.text, what)
        if ran.code == 0:
            asked(text, env, files, [hidden])
            if kind != "environment":
                good.append((text, env, files, hidden))
    return good


def walk(draw, chosen):
    good = []
    for way, secret, shape in chosen:
        good += trial(draw, way, secret, shape)
    return good


def all_trials():
    return [(way, secret, shape) for way, secret in places() for shape in range(len(shapes("")))]


def test_t50_nothing_that_commands_print_holds_a_secret_or_what_came_from_the_environment():
    draw = random.Random(SEED)
    trials = all_trials()
    certain = [t for t in trials if t[1] and t[2] in (0, 4, 5)]
    walk(draw, certain + draw.sample(trials, 60))


@pytest.mark.long
def test_nothing_that_commands_print_holds_a_secret_in_any_place_and_shape():
    print(f"PORTICO_SEED={SEED}")
    walk(random.Random(SEED), all_trials())


RUNNING = """
listeners: [{{ address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0 }}
workers: 1
services: {{ app: {echo}, away: "http://127.0.0.1:{closed}" }}
stores: {{ shared: {{ redis: "redis://u:{password}@127.0.0.1:{closed}/0", timeout: 20ms }} }}
policies:
  plain: {{ jwt: {{ algorithms: [HS256], secret: "{secret}", from: [{{ header: Authorization }}, {{ query: access_token }}, {{ cookie: session }}], revocation: {{ store: shared, on_store_failure: allow }} }} }}
  coded: {{ jwt: {{ algorithms: [HS256], secret: {{ base64: {coded} }}, from: {{ header: X-Token }} }} }}
  named: {{ jwt: {{ algorithms: [HS256], secret: "${{MARK_OF_TEST}}", from: {{ header: X-Other }} }} }}
  fetched: {{ jwt: {{ algorithms: [ES256], audience: a, jwks: {{ url: "http://127.0.0.1:{closed}/keys?key={password}", timeout: 1s }} }} }}
  key: {{ api_key: {{ from: {{ query: key }}, keys: [{{ name: ops, sha256: {digest} }}] }} }}
  lookup: {{ basic: {{ htpasswd: {{ file: {users} }} }} }}
  each: {{ rate_limit: {{ key: client.ip, limit: 100000, window: 1s, store: shared, on_store_failure: allow }} }}
  set: {{ transform: {{ request: {{ headers: {{ set: {{ Authorization: "Basic ${{MARK_OF_TEST}}" }} }} }} }} }}
routes:
  - {{ match: /plain, use: [plain, each], forward: {{ service: app }} }}
  - {{ match: /coded, use: [coded], forward: {{ service: app }} }}
  - {{ match: /named, use: [named], forward: {{ service: app }} }}
  - {{ match: /fetched, use: [fetched], respond: {{ body: x }} }}
  - {{ match: /key, use: [key], forward: {{ service: app }} }}
  - {{ match: /basic, use: [lookup], forward: {{ service: app }} }}
  - {{ match: /away, use: [set], forward: {{ service: away }} }}
  - {{ match: "/login/{{user}}/{{password}}", respond: {{ body: x }} }}
  - {{ match: "/bad/{{token}}", forward: {{ service: app, path: "/x/{{query.none}}" }} }}
"""


def run_once(draw, tmp_path):
    secret, coded, named, password, key, pin = (Hidden(draw, False) for _ in range(6))
    users = tmp_path / "users"
    users.write_text("bob:" + BCRYPT + "\n")
    with Echo() as echo:
        text = RUNNING.format(echo=echo.url, closed=1, password=password.text, secret=secret.text, coded=base64.b64encode(coded.text.encode()).decode(),
                              digest=hashlib.sha256(key.text.encode()).hexdigest(), users=users)
        sent = []
        with Gateway(text, env={"MARK_OF_TEST": named.text}) as gateway:
            bodies = []
            good = {"plain": hs(claims(), secret=secret.text), "coded": hs(claims(), secret=coded.text), "named": hs(claims(), secret=named.text)}
            bad = SigningKey("ES256")
            requests = [("/plain", [("Authorization", "Bearer " + good["plain"])]), (f"/plain?access_token={good['plain']}", []), (f"/plain?access_token={good['coded']}", []),
                        ("/plain", [("Cookie", "session=" + good["named"])]), ("/plain", [("Authorization", "Bearer " + secret.text)]), ("/coded", [("X-Token", good["coded"])]),
                        ("/coded", [("X-Token", good["plain"] + "x")]), ("/named", [("X-Other", good["named"])]), ("/fetched", [("Authorization", "Bearer " + hs(claims(), kid=bad.kid))]),
                        (f"/key?key={key.text}", []), (f"/key?key={key.text}x", []), (f"/key?key={urllib.parse.quote(key.text)}&key=2", []),
                        ("/basic", [("Authorization", "Basic " + base64.b64encode(f"bob:{password.text}".encode()).decode())]), ("/away", [("Authorization", "Bearer " + good["plain"])]),
                        (f"/login/bob/{pin.text}", []), (f"/bad/{pin.text}", []), (f"/login/bob/{pin.text}%00?pin={pin.text}", [("Cookie", f"pin={pin.text}")]),
                        (f"/nothing?token={key.text}", [("X-API-Key", key.text)])]
            draw.shuffle(requests)
            for target, headers in requests:
                answer = fetch(gateway.port, draw.choice(["GET", "GET", "POST"]), target, headers)
                bodies.append(str(answer.headers) + answer.body.decode("utf-8", "replace"))
                sent += [v for n, v in headers if n not in ("Cookie",)] + [v.partition("=")[2] for n, v in headers if n == "Cookie"]
            for faulty in (text.replace("algorithms: [HS256], secret", "algorithms: [HS25], secret"), text + "  - [", text.replace("secret: ", "secrt: "),
                           text.replace(f'"{secret.text}"', f"{{ {secret.text} }}"), text.replace("http://127.0.0.1:1/keys", "ftp://127.0.0.1:1/keys"), "policies: [\n" + text, text.replace("redis: ", "redsi: ")):
                gateway.reload(faulty, refused=True)
            pages = [get(gateway.admin_port, page, host="localhost").body.decode() for page in ("/live", "/ready", "/metrics", "/routes", "/config", "/")]
            gateway.reload(text.replace("/named", "/renamed"))
            log = [json.dumps(e, ensure_ascii=False) for e in gateway.access_lines(len(requests))]
            gateway.terminate()
            gateway.wait()
            said = "\n".join(gateway.stderr)
        hidden = [secret, coded, named, password, key, pin]
        for what, printed in (("stderr", said), ("the access log", "\n".join(log)), ("an admin page", "\n".join(pages)), ("an answer", "\n".join(bodies))):
            hold(text, hidden, printed, what)
            for credential in sent:
                assert len(credential) < PIECE or credential not in printed, f"PORTICO_SEED={SEED}: {what} shows {credential}:\n{printed}"
        assert any(r.target == "/plain" for r in echo.requests), "the good ones went through"
        for request in echo.requests:
            hold(text, [secret, coded, key, password], str(request.headers) + request.target, "what a service gets")


def test_t50_nothing_that_a_running_gateway_says_logs_answers_or_serves_holds_a_secret(tmp_path):
    run_once(random.Random(SEED), tmp_path)


@pytest.mark.long
def test_nothing_that_running_gateways_say_log_answer_or_serve_holds_a_secret(tmp_path):
    draw = random.Random(SEED)
    for _ in range(30):
        run_once(draw, tmp_path)
