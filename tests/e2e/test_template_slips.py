"""Texts that are likely meant as templates and are none: each is warned of with what was likely meant, also by --strict; what is meant as
it is written is not."""
import pytest

from support.gateway import check, command

S = "services: { s: http://127.0.0.1:1 }\n"
JWT = "{ jwt: { algorithms: [HS256], secret: 0123456789abcdef0123456789abcdef } }"


def route(rest, match="/x/{id}"):
    return S + f'routes: [{{ match: "{match}", {rest} }}]\n'


def warnings(told):
    return told.out.count("[looks-like-template]")


@pytest.mark.parametrize("path, hint", [
    ("/y/$id", "did you mean {id}?"), ("/y/:id", "did you mean {id}?"), ("/y/<id>/z", "did you mean {id}?"), ("/y/{{id}}", "did you mean {id}?"),
    ("/y/:id/z", "did you mean {id}?"), ("/y?a=$id", "did you mean {id}?"), ("/y?a=:id&b=c", "did you mean {id}?")])
@pytest.mark.parametrize("action", ['forward: {{ service: s, path: "{}" }}', 'redirect: {{ to: "{}" }}', 'redirect: {{ to: "https://a.test{}" }}',
                                    'use: [{{ transform: {{ request: {{ path: "{}" }} }} }}], forward: {{ service: s }}',
                                    'aggregate: {{ calls: {{ a: {{ service: s, path: "{}" }} }}, body: {{ a: $a }} }}'])
def test_a_parameter_in_the_way_of_other_gateways_is_warned_of_in_a_path(action, path, hint):
    config = route(action.format(path))
    told = check(config)
    assert told.code == 0 and warnings(told) == 1 and hint in told.out, told.out
    assert command("check", "--strict", config="listeners: [{ address: 127.0.0.1:0 }]\n" + config).code == 1


@pytest.mark.parametrize("path", ["/y/**", "/y/*"])
@pytest.mark.parametrize("action", ['forward: {{ service: s, path: "{}" }}', 'redirect: {{ to: "{}" }}', 'use: [{{ transform: {{ request: {{ path: "{}" }} }} }}], forward: {{ service: s }}'])
def test_stars_as_a_segment_of_a_path_are_warned_of(action, path):
    told = check(route(action.format(path), match="/x/**"))
    assert told.code == 0 and warnings(told) == 1 and "did you mean {**}?" in told.out, told.out
    told = check(route(action.format(path), match="/x"))
    assert told.code == 0 and warnings(told) == 1 and "did you mean {**}?" not in told.out, told.out


@pytest.mark.parametrize("path", ["/y/$ids", "/y/$other", "/y/:other", "/y/a:id", "/y/{{other}}", "/y/a*", "/y/***", "/y/{id}", "/y/id", "/y/$/:"])
def test_what_names_no_parameter_of_the_route_is_text(path):
    told = check(route(f'forward: {{ service: s, path: "{path}" }}'))
    assert told.code == 0 and warnings(told) == 0, told.out


VALUES = ["claims.sub", "claims.realm_access.roles", "header.X-T", "client.ip", "request.path", "request.id", "query.a", "cookie.a", "{{claims.sub}}"]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("rest", [
    "use: [%s, {{ transform: {{ request: {{ headers: {{ set: {{ X-A: '{}' }} }} }} }} }}], forward: {{ service: s }}" % JWT.replace("{", "{{").replace("}", "}}"),
    "use: [%s, {{ transform: {{ request: {{ query: {{ set: {{ a: '{}' }} }} }} }} }}], forward: {{ service: s }}" % JWT.replace("{", "{{").replace("}", "}}"),
    "use: [%s, {{ transform: {{ request: {{ cookies: {{ set: {{ a: '{}' }} }} }} }} }}], forward: {{ service: s }}" % JWT.replace("{", "{{").replace("}", "}}"),
    "use: [%s], respond: {{ headers: {{ X-A: '{}' }} }}" % JWT.replace("{", "{{").replace("}", "}}"),
    "use: [%s], aggregate: {{ calls: {{ a: {{ service: s, path: /, headers: {{ X-A: '{}' }} }} }}, body: {{ a: $a }} }}" % JWT.replace("{", "{{").replace("}", "}}"),
    "use: [%s], aggregate: {{ calls: {{ a: {{ service: s, path: /, query: {{ a: '{}' }} }} }}, body: {{ a: $a }} }}" % JWT.replace("{", "{{").replace("}", "}}")])
def test_a_values_name_without_braces_is_warned_of_where_a_template_stands(rest, value):
    told = check(route(rest.format(value)))
    meant = value.strip("{}")
    assert told.code == 0 and warnings(told) == 1 and f'did you mean "{{{meant}}}"?' in told.out, told.out


@pytest.mark.parametrize("value", ["claims", "header", "client.ip and more", "query.wikidata.org", "id", "$.a", "request.paths", "{claims.sub}", "a claims.sub", "calls.a.status", "response.status"])
def test_a_text_that_is_no_values_name_is_sent_in_silence(value):
    told = check(route("use: [%s, { transform: { request: { headers: { set: { X-A: '%s' } } } } }], forward: { service: s }" % (JWT, value)))
    assert warnings(told) == 0, told.out


def test_what_came_from_the_environment_is_text():
    told = check(route("respond: { headers: { X-A: '${V}' } }"), env={"V": "client.ip"})
    assert told.code == 0 and warnings(told) == 0, told.out


@pytest.mark.parametrize("rest", [
    "use: [%s, { rate_limit: { limit: 9, window: 1s, key: claims.sub, cost: query.items } }], respond: {}" % JWT,
    "use: [%s, { rate_limit: { limit: { by: claims.plan, values: { gold: 9 }, default: 1 }, window: 1s, key: [client.ip, header.x] } }], respond: {}" % JWT,
    "use: [%s, { authorize: { claims: { any: { tenant: '{header.x}' } } } }], respond: {}" % JWT,
    "use: [{ transform: { request: { when: { body: \"$.a == 'b'\" }, headers: { remove: [X-A] } } } }], forward: { service: s }"])
def test_keys_costs_and_conditions_take_values_without_braces(rest):
    told = check(route(rest))
    assert told.code == 0 and warnings(told) == 0, told.out


def test_a_text_of_the_environment_is_no_slip():
    ran = check("services: { s: 'http://127.0.0.1:9' }\nroutes: [{ match: '/x/{id}', forward: { service: s, path: '${BASE}/x' } }]\n", env={"BASE": "/v1/{id}/$id/:id"})
    assert ran.code == 0 and "looks-like-template" not in ran.text, ran.text
