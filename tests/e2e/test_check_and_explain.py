"""`portico check` finds every fault at its place; `portico explain` tells what would happen to a request."""
import re

import pytest

from support.gateway import check, command, explain
from support.tokens import SECRET, claims, hs

GOOD = """listeners: [{ address: 127.0.0.1:0 }]
services: { users: http://127.0.0.1:9 }
routes:
  - { name: general, match: "/{service}/**", forward: { service: "{service}", path: "/{**}" } }
"""


def errors(told):
    """The faults as (line, column, text)."""
    return [(int(m[1]), int(m[2]), m[3]) for m in re.finditer(r"^\S+portico\.yaml:(\d+):(\d+): error: (.*)$", told.text, re.MULTILINE)]


def test_a_good_file_is_good():
    told = check(GOOD)
    assert told.code == 0 and errors(told) == [] and "good" in told.text


def test_every_fault_is_told_at_once_and_in_order():
    told = check("""listeners: [{ address: 127.0.0.1:0 }]
service: {}
routes:
  - { match: /a, respond: { status: 999 } }
  - { match: /b, forward: { service: nobody } }
  - { match: /c }
limits: { boddy: 1MiB }
""")
    assert told.code == 1
    assert [line for line, _, _ in errors(told)] == [2, 4, 5, 6, 7]


def test_a_fault_stands_at_its_line_and_column():
    told = check(GOOD + "timeouts:\n  connect: soon\n")
    [(line, column, text)] = errors(told)
    assert (line, column) == (6, 12) and "duration" in text


def test_a_fault_shows_its_line_with_a_caret():
    lines = check(GOOD + "timeouts:\n  connect: soon\n").text.splitlines()
    shown = next(i for i, line in enumerate(lines) if "connect: soon" in line)
    assert lines[shown + 1].index("^") == lines[shown].index("soon")


@pytest.mark.parametrize("text,hint", [
    ("limts: { body: 1MiB }", "limits"),
    ("limits: { boddy: 1MiB }", "body"),
    ("timeouts: { first_bite: 1s }", "first_byte"),
    ("policies: { p: { ip_acess: { allow: [10.0.0.0/8] } } }", "ip_access"),
])
def test_a_slip_of_the_pen_gets_the_likely_word(text, hint):
    told = check(GOOD + text + "\n")
    assert told.code == 1 and hint in told.text


@pytest.mark.parametrize("config", [
    GOOD + "timeouts: { connect: 0s }",
    GOOD + "timeouts: { connect: 0 }",
    GOOD + "timeouts: { total: -1s }",
    GOOD + "limits: { body: 5 }",
    GOOD + "limits: { body: 5Mib }",
    GOOD + "trusted_proxies: [10.0.0.1/8]",
    GOOD + "trusted_proxies: [everybody]",
    GOOD + "managed_headers: [Authorization]",
    GOOD + "managed_headers: [Cookie]",
    GOOD + "managed_headers: [Host]",
    GOOD + "managed_headers: [Content-Length]",
    GOOD + "managed_headers: ['bad name']",
    GOOD + "workers: 0",
    GOOD + "io: fast",
    GOOD + "unknown_key: 1",
    GOOD.replace("127.0.0.1:0", "localhost:0"),
    GOOD.replace("127.0.0.1:0", ":8080"),
    GOOD.replace("http://127.0.0.1:9", "127.0.0.1:9"),
    GOOD.replace("http://127.0.0.1:9", "http://127.0.0.1:9/base"),
    GOOD.replace("http://127.0.0.1:9", "http://127.0.0.1:99999"),
    GOOD.replace("http://127.0.0.1:9", "{ endpoints: [] }"),
    GOOD.replace("http://127.0.0.1:9", "{}"),
    GOOD.replace("http://127.0.0.1:9", "{ endpoints: [http://a], respond: { body: x } }"),
    GOOD.replace("name: general,", "name: general, use: [nobody],"),
    GOOD.replace("name: general,", "name: general, use: guard,"),
    GOOD.replace('service: "{service}"', "service: nobody"),
    GOOD.replace('service: "{service}"', 'service: "{other}"'),
    GOOD.replace('path: "/{**}"', 'path: "{**}"'),
    GOOD.replace('path: "/{**}"', 'path: "/../{**}"'),
    GOOD.replace('path: "/{**}"', 'path: "//{**}"'),
    GOOD.replace('path: "/{**}"', 'path: "/x#{**}"'),
    GOOD.replace('path: "/{**}"', 'path: "/{unknown}"'),
    GOOD.replace('path: "/{**}"', 'path: "/{claims.sub}"'),
    GOOD.replace('"/{service}/**"', '"{service}/**"'),
    GOOD.replace('"/{service}/**"', '"/{service}/**/more"'),
    GOOD.replace('"/{service}/**"', '"/{service/**"'),
    GOOD.replace('"/{service}/**"', '"/{service}/{service}"'),
    GOOD.replace('"/{service}/**"', '{ path: "/{service}/**", methods: [GTE] }'),
    GOOD.replace('"/{service}/**"', '{ path: "/{service}/**", headers: { X: { regex: "(" } } }'),
    GOOD + "  - { name: general, match: /other, respond: { body: x } }\n",
    GOOD + '  - { match: "/{other}/**", respond: { body: x } }\n',
    GOOD + "  - { match: /x, respond: { body: x }, redirect: { to: /y } }\n",
    GOOD + "  - { match: /x, redirect: { to: /y, status: 200 } }\n",
    GOOD + "  - { match: /x, respond: { status: 204, body: x } }\n",
    GOOD + "  - { match: /x, respond: { body: { n: 0x1F } } }\n",
    GOOD + "  - { match: /x, respond: { body: { n: .5 } } }\n",
    GOOD + "  - { match: /x, respond: { headers: { Content-Length: '5' }, body: x } }\n",
    GOOD + "  - { match: /x, respond: { headers: { 'Bad Name': '5' }, body: x } }\n",
    GOOD + "  - { match: /x, respond: { body: $.a } }\n",
    GOOD + "  - { match: /x, match: /y, respond: { body: x } }\n",
    GOOD + "policies: { p: { ip_access: { allow: [10.0.0.300] } } }\n",
    GOOD + "policies: { p: { ip_access: { alow: [10.0.0.0/8] } } }\n",
    GOOD + "policies: { p: { mode: enforce } }\n",
    GOOD + "policies: { p: { ip_access: {}, mode: sometimes } }\n",
    GOOD + "admin: { address: 127.0.0.1 }\n",
    GOOD + "policies: &p { q: *r }\n",
    "",
    "# nothing but a remark\n",
    "listeners: []\nroutes: [{ match: /x, respond: {} }]\n",
    "listeners: [{ address: 127.0.0.1:0 }]\n",
    "listeners: [{ address: 127.0.0.1:0 }]\nroutes: []\n",
    "routes: [{ match: /x, respond: {} }]\n#listeners:\n",
    "listeners: [{ address: 127.0.0.1:0 }\nroutes: []\n",
    "- a\n- b\n#listeners:\n",
    "just text\n#listeners:\n",
    "listeners: [{ address: 127.0.0.1:7001 }, { address: 127.0.0.1:7001 }]\nroutes: [{ match: /x, respond: {} }]\n",
])
def test_a_fault_is_an_error_with_its_place(config):
    told = check(config)
    assert told.code == 1, told.text
    assert re.search(r"portico\.yaml(:\d+:\d+)?: error: ", told.text), told.text


def test_anchors_and_merge_keys_work():
    told = check("""listeners: [{ address: 127.0.0.1:0 }]
x-defaults: &defaults { timeouts: { connect: 1s }, max_idle: 3 }
services:
  a: { <<: *defaults, endpoints: ["http://127.0.0.1:9"] }
  b: { <<: [*defaults], endpoints: ["http://127.0.0.1:9"], max_idle: 4 }
routes: [{ match: "/{service}/**", forward: { service: "{service}" } }]
""")
    assert told.code == 0, told.text


def test_aliases_that_expand_without_bound_are_an_error():
    bomb = "x-a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for before, name in zip("abcdefgh", "bcdefghi"):
        bomb += f"x-{name}: &{name} [" + ", ".join([f"*{before}"] * 10) + "]\n"
    told = check(bomb + "listeners: [{ address: 127.0.0.1:0 }]\nroutes: [{ match: /x, respond: { body: *i } }]\n")
    assert told.code == 1


def test_a_key_is_never_replaced_from_the_environment():
    told = check(GOOD.replace("users:", '"${NAME_OF_SERVICE}":'), env={"NAME_OF_SERVICE": "users"})
    assert told.code == 1


def test_a_value_from_the_environment_is_read_as_its_fields_type():
    told = check(GOOD + "timeouts: { connect: '${CONNECT}' }\n", env={"CONNECT": "soon"})
    assert told.code == 1 and errors(told)[0][0] == 5
    assert check(GOOD + "timeouts: { connect: '${CONNECT}' }\n", env={"CONNECT": "2s"}).code == 0


@pytest.mark.parametrize("broken,quoted", [("forward: { service: users, path: /users/{id} }", 'path: "/users/{id}"')])
def test_a_template_without_quotes_in_a_flow_mapping_gets_the_corrected_line(broken, quoted):
    told = check(GOOD + f'  - {{ match: "/u/{{id}}", {broken} }}\n')
    assert told.code == 1 and "quotes" in told.text and quoted in told.text


def test_a_missing_file_is_an_error():
    told = command("check", "-c", "/nonexistent/portico.yaml")
    assert told.code == 1 and "/nonexistent/portico.yaml" in told.text


def test_every_fault_is_told_at_once_whoever_finds_it():
    told = check('''
listeners: [{ address: 127.0.0.1:8080 }]
servics: {}
services: { up: http://127.0.0.1:1, odd: ftp://x }
stores: { shared: { redis: "redis://127.0.0.1:6379/x" } }
policies:
  fair: { rate_limit: { limit: 100, window: 60, store: shared } }
  signed: { jwt: { algorithms: [HS265], secret: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa } }
  broken: { jwtt: {} }
routes:
  - { match: /a, use: [signed, fairr], forward: { service: up, path: "/x/{claims.sub}" } }
  - { match: "/c/{x}", use: [fair], respond: { body: "{y}" } }
  - { match: "/c/{z}", respond: { body: "{y}" } }
  - { match: /d, use: [broken], respond: { body: "{claims.sub}" } }
  - { match: /e, methods: [GET], respond: { body: x } }
''')
    assert told.code == 1
    for code in ("unknown-key", "wrong-type", "bad-store", "bad-duration", "missing-key", "unknown-algorithm", "unknown-policy-type",
                 "unknown-policy", "unknown-value", "ambiguous-routes"):
        assert f"[{code}]" in told.text, (code, told.text)
    # What follows from a fault is no fault: the identity of a policy that could not be read.
    assert "no-identity" not in told.text


EXPLAINED = """
services: { users: http://10.1.2.3:8080, hidden: { endpoints: [http://10.1.2.4], internal: true } }
policies: { inner: { ip_access: { allow: [10.0.0.0/8] } } }
routes:
  - { name: general, match: "/{service}/**", forward: { service: "{service}", path: "/{**}" } }
  - { name: only-get, match: { path: /users/special, methods: [GET] }, forward: { service: users, path: "/s?x=1" } }
  - { name: guarded, match: /guarded, use: [inner], respond: { body: x } }
  - { name: away, match: /away/**, redirect: { to: "https://example.com/{**}", status: 302 } }
"""


@pytest.mark.parametrize("header,managed", [("X-Forwarded-Proto: https", True), ("x_real_ip: a", True), ("X-Team: a", True), ("X-Kind: a", False)])
def test_a_condition_on_a_managed_header_is_a_load_error(header, managed):
    told = check(f"managed_headers: [X-Team]\nroutes: [{{ match: {{ path: /x, headers: {{ {header} }} }}, respond: {{ body: x }} }}]\n")
    assert told.code == managed and ("is taken off every request" in told.text) == managed


@pytest.mark.parametrize("url", ["ftp://a/x", "gopher:x", "localhost:8080/x"])
def test_explain_of_another_scheme_says_what_it_wants(url):
    told = explain(EXPLAINED, "GET", url)
    assert told.code == 2 and "http://" in told.err and "answer" not in told.out


def test_explain_names_the_route_and_shows_the_request_upstream():
    told = explain(EXPLAINED, "GET", "http://shop.example.com/users/42/x?q=1", ["X-A: b", "X-Forwarded-For: 6.6.6.6"])
    assert told.code == 0
    assert re.search(r"^route\s+general\b", told.out, re.MULTILINE)
    assert "GET /42/x?q=1 HTTP/1.1" in told.out and "Host: 10.1.2.3:8080" in told.out and "X-A: b" in told.out
    assert "X-Forwarded-Host: shop.example.com" in told.out and "6.6.6.6" not in told.out


def test_explain_tells_why_other_routes_do_not_match():
    told = explain(EXPLAINED, "POST", "/users/special")
    assert re.search(r"^route\s+general\b", told.out, re.MULTILINE)
    assert re.search(r"only-get.*(method|GET)", told.out)


def test_explain_tells_what_a_policy_would_say():
    told = explain(EXPLAINED, "GET", "/guarded")
    assert "inner" in told.out and "403" in told.out and "policy.forbidden" in told.out


@pytest.mark.parametrize("method,url,expected", [
    ("GET", "/hidden/x", "404"), ("GET", "/nobody/x", "404"), ("GET", "/", "404"), ("GET", "/users/a;b", "400"), ("GET", "/users/a%2Fb", "400"),
    ("GET", "/away/a?b=c", "302 Location: https://example.com/a?b=c")])
def test_explain_tells_the_answer_that_the_gateway_would_give(method, url, expected):
    assert expected in explain(EXPLAINED, method, url).out


def test_a_secret_of_the_file_is_not_shown_with_its_line():
    """Its warning is told at every start and reload, into a log that others read."""
    told = check(GOOD.replace("name: general", "use: [{ jwt: { algorithms: [HS256], secret: hunter2-hunter2 } }], name: general"))
    assert "the secret has 15 bytes" in told.text and "secret: *************** }" in told.text
    assert "hunter2" not in told.text


def test_explain_of_a_faulty_file_tells_its_faults():
    told = explain("routes: [{ match: /x }]\n", "GET", "/x")
    assert told.code == 1 and "error" in told.text


def test_the_version_is_told():
    assert re.match(r"portico \S+", command("--version").out)


def test_an_unknown_command_is_an_error_and_shows_the_help():
    told = command("frobnicate")
    assert told.code not in (0, 1) and "run" in told.text


GUARDS = """
services: { s: http://127.0.0.1:9, t: http://127.0.0.1:10 }
policies:
  signed: { jwt: { secret: "0123456789abcdef0123456789abcdef", algorithms: [HS256] } }
  keyed: { api_key: { keys: [{ name: a, sha256: "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5" }] } }
  admin: { authorize: { roles: { any: [admin] } } }
routes:
  - { name: guarded, match: /admin/**, use: [signed], forward: { service: s } }
"""


SENT_ALIKE = """
services: { s: http://10.1.2.3:8080, same: http://10.1.2.3:8080, t: http://10.1.2.4:8080 }
policies:
  signed: { jwt: { algorithms: [HS256], secret: "a secret of more than thirty-two bytes" } }
  admin: { authorize: { roles: { any: [admin] } } }
routes:
  - { name: guarded, match: "/v1/users/{id}", use: [signed, admin], forward: { service: s, path: "/users/{id}" } }
"""


@pytest.mark.parametrize("other,shown", [
    ('{ match: /pub/**, forward: { service: s, path: "/{**}" } }', "GET /pub/users/x "),
    ('{ match: /pub/**, forward: { service: same, path: "/{**}" } }', "GET /pub/users/x "),
    ('{ match: /pub/**, forward: { service: t, path: "/{**}" } }', None),
    ('{ match: /pub/**, open: true, forward: { service: s, path: "/{**}" } }', None),
    ('{ match: /pub/**, use: [signed, admin], forward: { service: s, path: "/{**}" } }', None),
    ('{ match: /pub/**, use: [signed], forward: { service: s, path: "/{**}" } }', "GET /pub/users/x "),
    ('{ match: /pub/**, forward: { service: s, path: "/pub/{**}" } }', None),
    ('{ match: /pub/**, respond: { body: x } }', None),
    ('{ match: { path: /pub/**, methods: [POST] }, forward: { service: s, path: "/{**}" } }', "POST /pub/users/x "),
    ('{ match: "/look/{kind}", forward: { service: s, path: "/{kind}/1" } }', "GET /look/users "),
    ('{ match: "/look/{kind:[0-9]+}", forward: { service: s, path: "/{kind}/1" } }', None),
    ('{ match: /find, forward: { service: s, path: "/users/{query.id}" } }', "GET /find?id=x "),
    ('{ match: /me, use: [signed], forward: { service: s, path: "/users/{claims.sub}" } }', None),
    ('{ match: { path: /users/**, host: other.example }, forward: { service: s } }', "GET /users/x with Host: other.example "),
    ('{ match: "/card/{id}", aggregate: { calls: { user: { service: s, path: "/users/{id}" } }, body: $user } }', "GET /card/x "),
    ('{ match: "/card/{id}", aggregate: { calls: { user: { service: s, path: "/users/{id}", method: POST } }, body: $user } }', "GET /card/x "),
])
def test_t78_check_shows_how_a_service_is_sent_past_a_guard_what_a_guarded_route_sends_it(other, shown):
    told = check(SENT_ALIKE + f"  - {other}\n")
    assert told.code == 0, told.text
    if shown is None:
        assert "[way-around]" not in told.text, told.text
    else:
        assert shown + "goes to the less guarded route" in told.text and told.text.count("[way-around]") == 1, told.text


def test_internal_says_nothing_of_another_name_of_the_same_address():
    config = (SENT_ALIKE.replace("same: http://10.1.2.3:8080", "same: { endpoints: [http://10.1.2.3:8080] }").replace(
        "s: http://10.1.2.3:8080", "s: { endpoints: [http://10.1.2.3:8080], internal: true }") +
        '  - { match: "/{service}/**", forward: { service: "{service}", path: "/{**}" } }\n')
    told = check(config)
    assert told.code == 0 and 'the service "same"' in told.text and "without that route's guards" in told.text, told.text


@pytest.mark.parametrize("other,warned", [
    ("{ name: all, match: /**, forward: { service: s } }", ["other-case"]),
    ("{ name: all, match: /**, forward: { service: s }, open: true }", []),
    ("{ name: all, match: /**, forward: { service: t } }", []),
    ("{ name: all, match: /**, use: [keyed], forward: { service: s } }", []),
    ("{ name: all, match: /**, respond: { status: 403 } }", []),
    ("{ name: lost, match: { path: /admin/**, methods: [POST] }, forward: { service: s } }", ["way-around"]),
    ("{ name: lost, match: { path: /admin/**, methods: [POST] }, forward: { service: s }, open: true }", []),
    ("{ name: lost, match: { path: /admin/**, methods: [POST] }, respond: { status: 403 } }", []),
    ("{ name: lost, match: { path: /admin/**, methods: [POST] }, redirect: { to: /x } }", []),
    ("{ name: lost, match: { path: /admin/**, methods: [POST] }, use: [keyed], forward: { service: s } }", []),
    # Fewer guards of the same kind are less.
    ("{ name: mine, match: /mine/**, use: [signed, admin], forward: { service: t } }, { name: lost, match: { path: /mine/**, methods: [POST] }, use: [signed], forward: { service: t } }", ["way-around"]),
])
def test_t89_only_what_is_less_guarded_by_mistake_is_warned_of(other, warned):
    config = GUARDS + "".join(f"  - {one}\n" for one in other.replace("}, { name", "}\n{ name").split("\n"))
    ran = check(config)
    assert ran.code == 0, ran.text
    assert re.findall(r"\[((?:way-around|other-case)[a-z-]*)\]", ran.out) == warned, ran.text


def test_t3_other_case_is_told_once_of_a_service_with_the_request():
    config = GUARDS + "  - { name: more, match: /more/**, use: [signed], forward: { service: s } }\n  - { name: all, match: /**, forward: { service: s } }\n"
    ran = check(config)
    assert ran.out.count("[other-case]") == 1 and "GET /ADMIN " in ran.out and 'open: true on "all"' in ran.out, ran.text


def test_t3_strict_lists_what_is_open_on_purpose():
    config = """listeners: [{ address: 127.0.0.1:0 }]
services: { s: http://127.0.0.1:9 }
routes:
  - { name: all, match: /**, forward: { service: s }, open: true }
"""
    ran = command("check", "--strict", config=config)
    assert ran.code == 0 and 'open on purpose: "all" (line 4)' in ran.out, ran.text
    ran = command("check", "--strict", config=config.replace(", open: true", ""))
    assert ran.code == 1 and "[open-route]" in ran.out, ran.text


TOKENS = "policies: { p: { jwt: { algorithms: [HS256], secret: %s } } }\nroutes: [{ match: { path: /x, methods: [GET, POST] }, use: [p], respond: {} }]\n"


@pytest.mark.parametrize("headers, code", [([], "jwt.missing"), (["Authorization: Bearer a.b.c"], "jwt."), (["Authorization: Bearer EXPIRED"], "jwt.expired"), (["Authorization: Bearer FORGED"], "jwt.")])
def test_explain_says_why_a_token_is_refused(headers, code):
    tokens = {"EXPIRED": hs(claims(exp=1)), "FORGED": hs(claims(), secret="another-secret-of-32-bytes-at-least")}
    headers = [h if h.split()[-1] not in tokens else "Authorization: Bearer " + tokens[h.split()[-1]] for h in headers]
    told = explain(TOKENS % SECRET, "GET", "/x", headers)
    line = next(line for line in told.out.splitlines() if "401" in line)
    assert told.code == 0 and code in line and not line.rstrip().endswith(":") and not line.rstrip().endswith(code), told.out
    answer = next(line for line in told.out.splitlines() if line.startswith("answer"))
    assert "): " in answer, told.out


@pytest.mark.parametrize("header", ["X-API-Key", "X-API-Key hunter2", ": hunter2", ""])
def test_a_header_without_a_colon_is_a_slip_of_the_command_line(header):
    told = explain(TOKENS % SECRET, "GET", "/x", [header])
    assert told.code == 2 and '-H wants "Name: value"' in told.text and "answer" not in told.text and "hunter2" not in told.text, told.text


@pytest.mark.parametrize("method, said", [("get", True), ("Post", True), ("DELETE", False), ("gte", False)])
def test_explain_says_that_methods_have_case(method, said):
    told = explain(TOKENS % SECRET, method, "/x")
    assert "answer    405" in told.out and ("methods are told apart by case" in told.out) is said, told.out
