"""What people of other gateways write, and what nothing uses: each gets a likely correction or a warning."""
import pytest

from support.client import get
from support.gateway import Gateway, check, command

S = "services: { s: http://127.0.0.1:1 }\n"
JWT = "{ jwt: { algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef%s } }"


def route(rest):
    return S + "routes: [{ " + rest + " }]\n"


@pytest.mark.parametrize("config, hint", [
    (route('match: "/users/:id", forward: { service: s }'), 'did you mean "/users/{id}"?'),
    (route('match: "/users/<id>/x", forward: { service: s }'), 'did you mean "/users/{id}/x"?'),
    (route('match: "/users/<int:id>", forward: { service: s }'), 'did you mean "/users/{id:[0-9]+}"?'),
    (route('match: "/users/{id:int}", forward: { service: s }'), 'did you mean "/users/{id:[0-9]+}"?'),
    (route('match: { path: ["/a", "/users/{id:uuid}"] }, forward: { service: s }'), 'did you mean "/users/{id:[0-9a-fA-F-]{36}}"?'),
    (route('match: "/files/{name:path}", forward: { service: s }'), 'did you mean "/files/**"?'),
    (route('match: "/files/{*rest}", forward: { service: s }'), "** at the end of a path"),
    (route('match: "/files/{rest...}", forward: { service: s }'), "** at the end of a path"),
    (route('match: "/users/{id?}", forward: { service: s }'), "did you mean {id}?"),
    (route('match: "/users/{user-id}", forward: { service: s }'), "did you mean {user_id}?"),
    (route('match: /x, use: [' + JWT % ", claims_to_headers: { sub: X-User-ID }" + '], forward: { service: s }'), "did you mean X-User-ID: sub?"),
    (route('match: /x, use: [' + JWT % ", claims_to_headers: { email: x-email }" + '], forward: { service: s }'), "did you mean x-email: email?"),
    ("services: { s: 'http://10.0.0.256:80' }\nroutes: [{ match: /x, forward: { service: s } }]\n", "four numbers from 0 to 255"),
    ("services: { s: 'http://10.0.0.1.5' }\nroutes: [{ match: /x, forward: { service: s } }]\n", "four numbers from 0 to 255"),
    (route('match: { path: /x, methods: "GET, POST" }, forward: { service: s }'), "did you mean [GET, POST]?"),
    (route('match: { path: /x, methods: "GET|POST" }, forward: { service: s }'), "did you mean [GET, POST]?"),
    (route('match: { path: /x, methods: ["*"] }, forward: { service: s }'), "leave methods out"),
    (route('match: { path: /x, methods: ANY }, forward: { service: s }'), "leave methods out"),
    (route('match: /x, use: [{ ip_access: { allow: "10.0.0.0/8, 192.168.0.0/16" } }], forward: { service: s }'), "did you mean [10.0.0.0/8, 192.168.0.0/16]?"),
    (route('match: /x, use: [{ cors: { origins: ["https://a.test"], methods: "GET, PUT" } }], forward: { service: s }'), "did you mean [GET, PUT]?"),
    (route('match: "/users/{id}", forward: { service: s, path: "/u/{user_id}" }'), "did you mean {id}? (known are {id} {client.ip}"),
    (route('match: "/users/{user_id}", forward: { service: s, path: "/u/{id}" }'), "did you mean {user_id}? (known are {user_id} {client.ip}"),
    (route('match: "/users/{id}", forward: { service: s, path: "/u/{client_ip}" }'), "did you mean {client.ip}?"),
    (route('match: "/users/{id}", use: [{ transform: { request: { headers: { set: { X-User: "{user_id}" } } } } }], forward: { service: s }'), "did you mean {id}? (known are {id} {client.ip}"),
    (route('match: "/users/{id}", use: [{ rate_limit: { limit: 1, window: 1s, key: user_id } }], forward: { service: s }'), "did you mean id?"),
    (route('match: "/users/{id}", use: [{ transform: { request: { headers: { set: { X-User: "{nothing_like_it}" } } } } }], forward: { service: s }'), "known are {id} {client.ip}"),
    (route('match: "/users/{id}", forward: { service: s, path: "/{requestid}" }'), "did you mean {request.id}?"),
    (route('match: /x, use: [' + JWT % "" + '], forward: { service: s, path: "/{claim.sub}" }'), "did you mean {claims.sub}?"),
    (route('match: /x, forward: { service: s, path: "/{headers.x-a}" }'), "did you mean {header.x-a}?"),
    (route('match: /x, forward: { service: s, path: "/{cookies.a}" }'), "did you mean {cookie.a}?"),
    ('services: { s: "$USERS" }\nroutes: [{ match: /x, forward: { service: s } }]\n', "did you mean ${USERS}?"),
    ('services: { s: "http://$USERS_HOST:80" }\nroutes: [{ match: /x, forward: { service: s } }]\n', "did you mean http://${USERS_HOST}:80?"),
    ('services: { s: "${ORDERS:http://x}" }\nroutes: [{ match: /x, forward: { service: s } }]\n', "did you mean ${ORDERS:-http://x}?"),
    ('services: { s: "${ORDERS-http://x}" }\nroutes: [{ match: /x, forward: { service: s } }]\n', "did you mean ${ORDERS:-http://x}?"),
    ('services: { s: "${ORDERS:=http://x}" }\nroutes: [{ match: /x, forward: { service: s } }]\n', "did you mean ${ORDERS:-http://x}?"),
    ("routes: [{ match: /x, use: [{ jwt: { algorithms: [HS256], secret: { env: JWT_SECRET } } }], respond: {} }]\n", 'did you mean "${JWT_SECRET}"?'),
    (route('match: "https://x.example/i", forward: { service: s }'), "did you mean match: { host: x.example, path: /i }?"),
    (route('match: "http://x.example:8080", forward: { service: s }'), "did you mean match: { host: x.example, path: / }?"),
    (route('match: /x, use: [{ authorize: { roles: admin } }], forward: { service: s }'), "{ any: [...] }"),
    (route('match: /x, use: [{ authorize: { scopes: "a b" } }], forward: { service: s }'), "{ any: [...] }"),
    (route('match: /x, forward: s'), "did you mean { service: s }?"),
    ("routes: [{ match: /x, forward: 'http://127.0.0.1:1' }]\n", "name it under services"),
    ("routes: [{ match: /x, respond: hello }]\n", "did you mean { body: hello }?"),
    ("routes: [{ match: /x, respond: 204 }]\n", "did you mean { status: 204 }?"),
    ("routes: [{ match: /x, redirect: /y }]\n", "did you mean { to: /y }?"),
    ("services:\nusers: http://127.0.0.1:1\nroutes: [{ match: /x, respond: {} }]\n", "indented further"),
    ("services:\nusers: http://127.0.0.1:1\nroutes: [{ match: /x, respond: {} }]\n", 'if it belongs to "services", indent it'),
    ("policies:\nfair-use: { rate_limit: { limit: 1, window: 1s } }\nroutes: [{ match: /x, respond: {} }]\n", 'if it belongs to "policies", indent it'),
    ("log: { access: true, access: false }\nroutes: [{ match: /x, respond: {} }]\n", "keep one of the two"),
])
def test_t53_what_others_write_gets_the_likely_correction(config, hint):
    told = check(config)
    assert hint in told.out, told.out


@pytest.mark.parametrize("path", ["/v1/{name}/x", "/files/{name:[a-z]+}", "/a:b", "/:", "/time/12:30"])
def test_t53_what_is_meant_as_written_gets_none(path):
    told = check(route(f'match: "{path}", respond: {{}}').replace(S, ""))
    assert told.code == 0 and "literal-parameter" not in told.out, told.out


def test_t53_a_hasura_claim_is_no_reversed_header():
    told = check(route("match: /x, use: [" + JWT % ", claims_to_headers: { X-Hasura-Role: x-hasura-role }" + "], forward: { service: s }"))
    assert told.code == 0, told.out


@pytest.mark.parametrize("config, code", [
    (S + "routes: [{ match: /x, respond: {} }]\n", "unused-service"),
    ("services: { s: http://127.0.0.1:1, i: { endpoints: ['http://127.0.0.1:2'], internal: true } }\nroutes: [{ match: '/{service}/**', forward: { service: '{service}' } }]\n", "unused-service"),
    ("stores: { m: memory }\nroutes: [{ match: /x, respond: {} }]\n", "unused-store"),
    ("policies: { p: { ip_access: { deny: [10.0.0.1] } } }\nroutes: [{ match: /x, respond: {} }]\n", "unused-policy"),
    ("trusted_proxies: [0.0.0.0/0]\nroutes: [{ match: /x, respond: {} }]\n", "trusted-everybody"),
    ("trusted_proxies: ['::/0']\nroutes: [{ match: /x, respond: {} }]\n", "trusted-everybody"),
    ("trusted_proxies: [0.0.0.0/1, 128.0.0.0/1]\nroutes: [{ match: /x, respond: {} }]\n", "trusted-everybody"),
    ("routes: [{ match: /x, use: [{ ip_access: { allow: [0.0.0.0/0] } }], respond: {} }]\n", "allowed-everybody"),
])
def test_t54_what_does_nothing_or_believes_everybody_is_warned_of(config, code):
    told = check(config)
    assert told.code == 0 and told.out.count(": warning: ") == 1 and f"[{code}]" in told.out, told.out
    strict = "listeners: [{ address: 127.0.0.1:0 }]\n" + config
    assert command("check", "--strict", config=strict).code == 1


@pytest.mark.parametrize("config", [
    "services: { a: http://127.0.0.1:1, b: http://127.0.0.1:2 }\nroutes: [{ match: '/{service}/**', forward: { service: '{service}' } }]\n",
    ("stores: { m: memory }\npolicies: { l: { rate_limit: { limit: 1, window: 1s, key: client.ip, store: m, on_store_failure: allow } } }\n"
     "routes: [{ match: /x, use: [l], respond: {} }]\n"),
    ("policies: { k: { api_key: { keys: [{ name: a, sha256: '" + "0" * 64 + "' }] } }, p: { any_of: [k, " + JWT % "" + "] } }\n"
     "routes: [{ match: /x, use: [p], respond: {} }]\n"),
    ("services: { auth: { endpoints: ['http://127.0.0.1:1'], internal: true } }\n"
     "routes: [{ match: /x, use: [{ forward_auth: { service: auth, path: /check } }], respond: {} }]\n"),
    "services: { a: http://127.0.0.1:1 }\nroutes: [{ match: /x, aggregate: { calls: { u: { service: a, path: / } }, body: { u: $u } } }]\n",
    "trusted_proxies: [10.0.0.0/8, 'fc00::/7']\nroutes: [{ match: /x, respond: {} }]\n",
])
def test_t54_what_is_used_is_not_warned_of(config):
    told = check(config)
    assert told.code == 0 and ": warning: " not in told.out, told.out


ORIGINS = "routes: [{ match: /x, use: [{ cors: { origins: %s } }], respond: {} }]\n"


@pytest.mark.parametrize("origins", ['"${ORIGINS}"', '["${ORIGINS}"]', "['https://c.test', '${ORIGINS}']", '"${NONE:-https://a.test,https://b.test}"'])
def test_t52_a_list_from_one_variable_is_split_at_commas(origins):
    with Gateway(ORIGINS % origins, env={"ORIGINS": "https://a.test, https://b.test,,"}) as gateway:
        for origin in ("https://a.test", "https://b.test"):
            assert get(gateway.port, "/x", [("Origin", origin)]).get("access-control-allow-origin") == origin


@pytest.mark.parametrize("config", [
    "trusted_proxies: ${V}\nroutes: [{ match: /x, respond: {} }]\n",
    "trusted_proxies: ['${V}', 172.16.0.0/12]\nroutes: [{ match: /x, respond: {} }]\n",
    "trusted_proxies: ${V},${W}\nroutes: [{ match: /x, respond: {} }]\n",
    "routes: [{ match: /x, use: [{ ip_access: { allow: '${V}', deny: '${V}' } }], respond: {} }]\n",
    "routes: [{ match: { path: /x, client: '${V}' }, respond: {} }]\n",
])
def test_t52_blocks_from_one_variable(config):
    told = check(config, env={"V": "10.0.0.0/8,192.168.0.0/16", "W": "172.16.0.0/12"})
    assert told.code == 0 or "client" in config, told.out


@pytest.mark.parametrize("config, value", [
    ("services: { s: { endpoints: '${V}' } }\nroutes: [{ match: /x, forward: { service: s } }]\n", "http://127.0.0.1:1,http://127.0.0.1:2"),
    ("dns: { servers: '${V}' }\nroutes: [{ match: /x, respond: {} }]\n", "127.0.0.1:53,127.0.0.2:53"),
    ("managed_headers: ${V}\nroutes: [{ match: /x, respond: {} }]\n", "X-A,X-B"),
    ("routes: [{ match: { path: /x, methods: '${V}' }, respond: {} }]\n", "GET,POST"),
    ("routes: [{ match: { path: /x, host: '${V}' }, respond: {} }]\n", "a.test,b.test"),
    ("services: { s: http://127.0.0.1:1 }\nroutes:\n  - match: /x\n    aggregate:\n      calls:\n        u:\n          service: s\n          path: /\n          pass: ${V}\n"
     "      body: { u: $u }\n", "404,410"),
])
def test_t52_other_lists_of_plain_values(config, value):
    told = check(config, env={"V": value})
    assert told.code == 0, told.out


def test_t52_an_empty_list_stays_an_error():
    for value in ("", ",", " , "):
        told = check("trusted_proxies: ${V}\nroutes: [{ match: /x, respond: {} }]\n", env={"V": value})
        assert told.code == 1 and "[empty-list]" in told.out, told.out


def test_t52_a_comma_that_is_written_is_part_of_its_text():
    with Gateway("routes: [{ match: '/a,b/${V}', respond: {} }]\n", env={"V": "c"}) as gateway:
        assert get(gateway.port, "/a,b/c").status == 200


def test_t52_a_piece_of_the_environment_is_shown_by_its_name():
    told = check("trusted_proxies: ${V}\nroutes: [{ match: /x, respond: {} }]\n", env={"V": "10.0.0.0/8,secret-value"})
    assert told.code == 1 and "secret-value" not in told.out and "${V}" in told.out, told.out


@pytest.mark.parametrize("address", ["':99999'", "99999", "'localhost:99999'", "'0.0.0.0:99999'"])
def test_a_port_that_is_none_is_not_led_to_another_error(address):
    told = command("check", config=f"listeners: [{{ address: {address} }}]\nroutes: [{{ match: /x, respond: {{}} }}]\n")
    assert told.code == 1 and "did you mean" not in told.out and "a port is a number from 0 to 65535" in told.out, told.out


@pytest.mark.parametrize("other, hint", [("[::1]", "0.0.0.0:7001"), ("[::]", "0.0.0.0:7001"), ("127.0.0.1", "[::]:7001")])
@pytest.mark.parametrize("order", [1, -1])
def test_two_listeners_of_one_port_are_led_to_addresses_that_stand_beside_each_other(other, hint, order):
    config = "listeners: [{ address: '%s' }, { address: '%s' }]\nroutes: [{ match: /x, respond: {} }]\n"
    told = command("check", config=config % tuple([":7001", other + ":7001"][::order]))
    assert told.code == 1 and f"write {hint} for IPv" in told.out, told.out
    told = command("check", config=config % tuple([hint, other + ":7001"][::order])) if hint[:3] != other[:3] else None
    assert told is None or told.code == 0, told.out


@pytest.mark.parametrize("settings", ["limit: 1, window: 1s, burst: 2", "windows: [{ limit: 1, window: 1s, burst: 2 }]", "limit: { by: header.a, values: { b: 2 }, default: 1 }, window: 1s, burst: 2"])
def test_a_burst_without_a_bucket_is_one_fault(settings):
    told = check("routes: [{ match: /x, use: [{ rate_limit: { %s } }], respond: {} }]\n" % settings)
    assert told.out.count(": error: ") == 1 and "token_bucket" in told.out, told.out
