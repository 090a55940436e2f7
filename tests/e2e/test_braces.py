"""A `{` where nothing is a template is a fault that says so, in every place: the text would be used as it stands, and never mean what it says."""
import os
import re

import pytest

from support.gateway import check

S = "services: { s: http://127.0.0.1:1 }\n"
JWT = "{ jwt: { algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef, %s } }"
SHA = "0" * 64


def route(rest, head=S):
    return head + "routes: [{ " + rest + " }]\n"


def used(policy, match="'/users/{id}'"):
    return route(f"match: {match}, use: [{policy}], forward: {{ service: s }}")


PLACES = {
    "issuer": used(JWT % "issuer: 'https://login.test/{tenant}/v2.0'"),
    "audience[1]": used(JWT % "audience: [a, '{request.host}']"),
    "required_claims.tenant": used(JWT % "required_claims: { tenant: '{header.X-Tenant}' }"),
    "revocation.subjects": used(JWT % "revocation: { subjects: ['{id}'], tokens: [a] }"),
    "realm": used("{ basic: { htpasswd: 'a:$2b$04$abcdefghijklmnopqrstuu5eSa1.hQwHe7rNbiHNbYCYbXbBpyKsW', realm: 'of {request.host}' } }"),
    "allow[1]": used("{ fields: { allow: [id, '{query.fields}'] } }"),
    "origins": used("{ cors: { origins: ['https://{tenant}.test'] } }"),
    "headers": used("{ forward_auth: { service: s, send: ['X-{id}'] } }"),
    "name": used(f"{{ api_key: {{ keys: [{{ name: '{{claims.sub}}', sha256: {SHA} }}] }} }}"),
    "tenant": used(f"{{ api_key: {{ keys: [{{ name: a, sha256: {SHA}, claims: {{ tenant: '{{header.X-Tenant}}' }} }}] }} }}"),
    "store": used(JWT % "revocation: { store: '{id}', tokens: [a] }"),
    "x{id}": used("{ transform: { request: { query: { set: { 'x{id}': a } } } } }"),
    "X-A": used("{ transform: { request: { headers: { rename: { X-A: 'X-{id}' } } } } }"),
    "remove": used("{ transform: { request: { query: { remove: '{id}' } } } }"),
    "method": used("{ transform: { request: { method: '{header.X-Method}' } } }"),
    "headers.X-Tenant": route("match: { path: /x, headers: { X-Tenant: '{claims.tenant}' } }, forward: { service: s }"),
    "query.a": route("match: { path: /x, query: { a: '{b}' } }, forward: { service: s }"),
    "methods": route("match: { path: /x, methods: ['{m}'] }, forward: { service: s }"),
    "name": route("name: 'to {service}', match: /x, forward: { service: s }"),
    "host": route("match: '/{h}/x', forward: { service: s, host: '{h}.test' }"),
    "log.file": S + "log: { file: '/var/log/{route.name}.log' }\n" + route("match: /x, forward: { service: s }", ""),
    "services.s": route("match: /x, forward: { service: s }", "services: { s: 'http://{tenant}.internal' }\n"),
    "managed_headers": S + "managed_headers: ['X-{id}']\n" + route("match: /x, forward: { service: s }", ""),
}


@pytest.mark.parametrize("config", PLACES.values(), ids=PLACES)
def test_a_brace_where_nothing_is_a_template_is_located(config):
    ran = check(config)
    assert ran.code == 1 and ran.out.count("error:") == 1, ran.text
    assert "[no-template]" in ran.out and re.search(r'"[^"]*{[^"]*" holds a "{" in a place that takes no template', ran.out), ran.text


def test_what_to_write_instead_is_said(tmp_path):
    assert "did you mean ${TENANT}, a variable of the environment?" in check(used(JWT % "issuer: 'https://login.test/{TENANT}'")).out
    assert "write the value itself" in check(used(JWT % "issuer: 'https://login.test/{tenant}'")).out


@pytest.mark.parametrize("config", [
    used(JWT % "issuer: '${BRACED}', claims_to_headers: { X-Q: sub }"),
    used("{ fields: { allow: ['${BRACED}'] } }"),
    # What a pattern, a secret, a condition or a path makes of a brace is its own affair.
    used("{ jwt: { algorithms: [HS256], secret: '{0123456789abcdef0123456789abcd}' } }"),
    used("{ transform: { request: { headers: { remove: { regex: 'X-a{2}' } }, query: { replace: { a: { regex: 'a{2}', with: b } } } } } }"),
    used("{ transform: { response: { when: { body: \"$.a == '{b}'\" }, edit: { remove: \"$['{c}']\" } } } }"),
    route("match: { path: '/{a:[0-9]{4}}', headers: { X-A: { regex: '[a-z]{2}' } } }, forward: { service: s }"),
])
def test_braces_that_mean_something_are_good(config, monkeypatch):
    monkeypatch.setitem(os.environ, "BRACED", "{id}")
    ran = check(config)
    assert ran.code == 0, ran.text
