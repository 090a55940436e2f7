"""What a file takes at a start or a reload grows with the file, or hardly more; what is told of its faults is bounded."""
import hashlib
import json
import os
import resource

import pytest

from support.gateway import SANITIZED, command

HEAD = 'listeners: [{ address: "127.0.0.1:0" }]\nservices: { s: http://127.0.0.1:9 }\n'
HASH = "$2y$04$UZiyk.K4MtlxXNePsJkTFuMQTqbjVcdRbSumPivKMPT8kN5nCajzu"


def routes(one):
    return lambda count: HEAD + "routes:\n" + "".join(f"  - {one.replace('%', str(i))}\n" for i in range(count))


def policy(text, one, between=", "):
    """A policy whose list, or text, has so many parts."""
    return lambda count: HEAD + f"policies:\n  p: {text}\n".replace("@", between.join(one(i) for i in range(count))) + \
        "routes:\n  - { match: '/a/**', use: [p], forward: { service: s } }\n"


def merged(text, one, times):
    """So many times as many parts as other files have: each costs little, and did not where it was held against all before it."""
    return lambda count: HEAD + text.replace("@", ", ".join(one(i) for i in range(times * count))) + "\nroutes: [{ match: /x, respond: {} }]\n"


FILES = {
    "fixed paths": routes("{ match: /a/%, forward: { service: s } }"),
    "parameters": routes("{ match: '/a%/{id}/x', forward: { service: s } }"),
    "trees": routes("{ match: '/a/b%/**', forward: { service: s, path: '/{**}' } }"),
    "a parameter first": routes("{ match: '/{x}/b%', forward: { service: s } }"),
    "hosts": routes("{ match: { path: /a, host: h%.test }, respond: { body: ok } }"),
    "texts of one query pair": routes("{ match: { path: /a, query: { k: v% } }, respond: { body: ok } }"),
    "texts of two headers": routes("{ match: { path: /a, headers: { A: v%, B: w } }, respond: { body: ok } }"),
    "patterns of one header": routes("{ match: { path: /a, headers: { A: { regex: 'a%.*' } } }, tie_break: %, respond: { body: ok } }"),
    "routes that nothing tells apart": routes("{ match: { path: '/a/{x%}', headers: { X%: y } }, forward: { service: s } }"),
    "routes that nothing tells apart but a tie_break": routes("{ match: { path: '/a/{x%}', headers: { X%: y } }, tie_break: %, forward: { service: s } }"),
    "unknown services": routes("{ match: /a/%, forward: { service: nope% } }"),
    "services": lambda count: HEAD.split("services")[0] + "services:\n" + "".join(f"  s{i}: http://127.0.0.1:{1000 + i}\n" for i in range(count)) +
    "routes:\n" + "".join(f"  - {{ match: '/a{i}/**', forward: {{ service: s{i} }} }}\n" for i in range(count)),
    "endpoints": lambda count: HEAD.split("services")[0] + "services:\n  s: { endpoints: [" + ", ".join(f"http://10.0.{i >> 8}.{i & 255}:80" for i in range(count)) +
    "] }\nroutes:\n  - { match: '/a/**', forward: { service: s } }\n",
    "policies": lambda count: HEAD + "policies:\n" + "".join(f"  p{i}: {{ rate_limit: {{ limit: 5, window: 60s, key: client.ip }} }}\n" for i in range(count)) +
    "routes:\n" + "".join(f"  - {{ match: '/a{i}/**', use: [p{i}], forward: {{ service: s }} }}\n" for i in range(count)),
    "keys": policy("{ api_key: { keys: [@] } }", lambda i: f"{{ name: n{i}, sha256: {hashlib.sha256(str(i).encode()).hexdigest()} }}"),
    "keys without a hash, in one line": policy("{ api_key: { keys: [@] } }", lambda i: "{ name: a }"),
    "passwords": policy("{ basic: { htpasswd: \"@\" } }", lambda i: f"u{i}:{HASH}", "\\n"),
    "ranges": policy("{ ip_access: { allow: [@] } }", lambda i: f"10.{i >> 8}.{i & 255}.0/24"),
    "headers": policy("{ transform: { request: { headers: { set: { @ } } } } }", lambda i: f"X-A{i}: v{i}"),
    "members of a template": policy("{ transform: { response: { body: { @ } } } }", lambda i: f"a{i}: $.b{i}"),
    "steps of an edit": policy("{ transform: { response: { edit: { set: { @ } } } } }", lambda i: f"$.a{i}: {i}"),
    "removals": policy("{ transform: { response: { edit: { remove: [@] } } } }", lambda i: f"$.a{i}.b"),
    "revoked subjects": policy("{ jwt: { secret: " + "x" * 40 + ", algorithms: [HS256], revocation: { subjects: [@] } } }", lambda i: f"u{i}"),
    "a44 merge keys of one mapping": merged("x-a: { @ }", lambda i: f"<<: {{ k{i}: 1 }}", 20),
    "a44 mappings of one merge key": merged("x-a: { <<: [@] }", lambda i: f"{{ k{i}: 1 }}", 20),
    "a44 merge keys of one alias": merged("x-a: &a { k: 1 }\nx-b: [@]", lambda i: f"{{ <<: *a, n: {i} }}", 5),
    "a text with many values": policy("{ transform: { response: { headers: { set: { X-A: \"@\" } } } } }", lambda i: "{query.a}", ""),
}


def check(config):
    """@returns seconds of processor time, and what it printed"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = command("check", "-c", "gateway.yaml", files={"gateway.yaml": config})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done


@pytest.mark.parametrize("case", FILES)
def test_the_cost_of_a_file_is_linear(case):
    make = FILES[case]
    small, large = (1000, 4000) if not SANITIZED else (300, 1200)
    # The least of several: the machine has other things to do. What a start takes whatever the file is does not count.
    nothing, less, more = (min(check(make(count))[0] for _ in range(3)) for count in (1, small, large))
    print(f"\n{case}: {small}: {(less - nothing) * 1e3:.1f} ms, {large}: {(more - nothing) * 1e3:.1f} ms")
    assert more - nothing < 4 * 1.6 * (less - nothing) + 0.02


def test_a44_merge_keys_that_make_far_more_of_a_file_than_it_is_are_refused():
    """Each mapping has all that the one before it has, and one more."""
    chain = "x-0: &a0 { k0: 1 }\n" + "".join(f"x-{i}: &a{i} {{ <<: *a{i - 1}, k{i}: 1 }}\n" for i in range(1, 40_000))
    seconds, done = check(HEAD + chain + "routes: [{ match: /x, respond: {} }]\n")
    assert done.code == 1 and done.out.count("[alias-expansion]") == 1, done.out
    assert SANITIZED or seconds < 3


def test_a_thousand_faults_are_told_of_by_a_hundred():
    config = FILES["unknown services"](1000)
    _, done = check(config)
    assert done.code == 1
    assert done.out.count("[unknown-service]") == 100
    assert "gateway.yaml: 900 more errors are not shown: portico check --json lists them\n" in done.out
    assert "gateway.yaml: 1000 errors\n" in done.out
    listed = json.loads(command("check", "--json", "-c", "gateway.yaml", files={"gateway.yaml": config}).out)
    assert len(listed) == 1000
    assert os.path.basename(listed[0]["file"]) == "gateway.yaml"


def test_a_route_is_told_of_beside_the_first_that_it_cannot_be_told_from():
    _, done = check(FILES["routes that nothing tells apart"](40))
    assert done.out.count("[ambiguous-routes]") == 39
    assert done.out.count(' on line 4 could both take ') == 39
