"""`portico check` warns of ways around a guard by what a service is sent, whoever chooses it and however it is written down."""
import re

import pytest

from support.gateway import check, command

HEAD = """
services: { s: http://10.1.2.3:8080, t: http://10.1.2.4:8080 }
policies:
  signed: { jwt: { algorithms: [HS256], secret: "a secret of more than thirty-two bytes" } }
  partner: { jwt: { algorithms: [HS256], secret: "another secret of more than thirty-two" } }
  guest: { jwt: { algorithms: [HS256], secret: "a secret of more than thirty-two bytes", optional: true } }
  keyed: { api_key: { keys: [{ name: a, sha256: "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5" }] } }
  either: { any_of: [signed, partner] }
  admin: { authorize: { roles: { any: [admin] } } }
  few: { rate_limit: { limit: 5, window: 1s, key: client.ip } }
  slow: { concurrency: { limit: 5 } }
  near: { ip_access: { allow: [10.0.0.0/8] } }
routes:
"""


def told(*routes, head=HEAD):
    ran = check(head + "".join(f"  - {r}\n" for r in routes))
    assert ran.code == 0, ran.text
    return ran


def ways(ran):
    return ran.text.count("[way-around]")


GUARDED = '{ name: guarded, match: "/admin/{id}", use: [signed], forward: { service: s } }'


@pytest.mark.parametrize("use,warned", [
    ("[either, admin]", 0), ("[partner, admin]", 0), ("[keyed, admin]", 0), ("[keyed, admin, few]", 0),
    ("[either]", 1), ("[partner]", 1), ("[keyed]", 1), ("[signed]", 1), ("[keyed, near]", 1), ("[guest]", 1),
])
def test_another_way_to_sign_in_is_no_way_around_only_where_as_much_is_asked_of_who_signed_in(use, warned):
    ran = told('{ name: guarded, match: "/admin/**", use: [signed, admin], forward: { service: s } }',
               f'{{ name: other, match: "/pub/**", use: {use}, forward: {{ service: s, path: "/{{**}}" }} }}')
    assert ran.text.count('goes to the less guarded route "other"') == warned, ran.text


@pytest.mark.parametrize("guarded,other,warned", [
    ("[signed]", "[keyed]", 0), ("[signed, few]", "[keyed]", 0), ("[signed, slow, few]", "[keyed, few]", 0), ("[signed, near]", "[keyed]", 1), ("[signed, near]", "[keyed, near]", 0),
])
def test_limits_say_nothing_of_who_may(guarded, other, warned):
    ran = told(f'{{ name: guarded, match: "/admin/**", use: {guarded}, forward: {{ service: s }} }}',
               f'{{ name: other, match: "/pub/**", use: {other}, forward: {{ service: s, path: "/{{**}}" }} }}')
    assert ways(ran) == warned, ran.text


@pytest.mark.parametrize("use,is_open", [
    ("[]", True), ("[guest]", True), ("[few]", True), ("[slow]", True), ("[guest, few, slow]", True),
    ("[signed]", False), ("[near]", False), ("[guest, near]", False), ("[few, keyed]", False), ("[either]", False),
])
def test_strict_names_as_open_what_everybody_may_use(use, is_open):
    config = HEAD + f"  - {{ name: one, match: /one, use: {use}, forward: {{ service: s }} }}\nlisteners: [{{ address: 127.0.0.1:0 }}]\n"
    ran = command("check", "--strict", config=config)
    assert ('the route "one" has no guard' in ran.text) == is_open, ran.text


@pytest.mark.parametrize("one,other,same", [
    ("http://127.0.0.1:81", "http://[::ffff:127.0.0.1]:81", True), ("http://127.0.0.1:81", "http://0.0.0.0:81", True), ("http://[::1]:81", "http://[0:0:0:0:0:0:0:1]:81", True),
    ("http://[::1]:81", "http://localhost:81", True), ("http://svc:81", "http://svc.:81", True), ("http://localhost.:81", "http://127.0.0.1:81", True),
    ("http://10.0.0.1", "http://[::ffff:a00:1]:80", True), ("http://svc:81", "http://svc:82", False), ("http://svc", "http://svc.example", False), ("http://127.0.0.1:81", "http://127.0.0.2:81", False),
])
def test_t78_two_names_of_one_address_are_one_service(one, other, same):
    head = HEAD.replace("s: http://10.1.2.3:8080, t: http://10.1.2.4:8080", f's: "{one}", t: "{other}"')
    ran = told(GUARDED, '{ match: "/pub/**", forward: { service: t, path: "/{**}" } }', head=head)
    assert ways(ran) == same, ran.text
    raw = f'services: {{ s: "{one}", t: "{other}" }}\nroutes:\n  - {{ match: {{ host: a.example, path: /** }}, forward: {{ service: s, path: raw }} }}\n  - {{ match: /x, forward: {{ service: t }} }}\n'
    assert ("[raw-path]" in check(raw).text) == same


@pytest.mark.parametrize("guarded,other,shown", [
    ('match: "/api/{service}/**", use: [signed], forward: { service: "{service}", path: "/{**}" }', 'match: "/pub/{service}/**", forward: { service: "{service}", path: "/{**}" }', "GET /pub/s/x "),
    ('match: "/api/{service}/**", use: [signed], forward: { service: "{service}", path: "/{**}" }', 'match: "/pub/{name:[a-z]}/**", forward: { service: "{name}", path: "/v1/{**}" }', "GET /pub/s/x "),
    ('match: "/api/**", use: [signed], forward: { service: "{header.svc}", path: "/{**}" }', 'match: "/pub/**", forward: { service: s, path: "/{**}" }', "GET /pub/x "),
    ('match: "/api/**", use: [signed], forward: { service: s, path: "/{**}" }', 'match: "/pub/**", forward: { service: "{header.svc}", path: "/{**}" }', "GET /pub/x with svc: s "),
    ('match: "/api/{service}/**", use: [signed], forward: { service: "{service}", path: "/{**}" }', 'match: "/pub/{service}/**", use: [signed], forward: { service: "{service}", path: "/{**}" }', None),
    ('match: "/api/{service}/**", use: [signed], forward: { service: "{service}", path: "/{**}" }', 'match: "/pub/{service}/**", forward: { service: "{service}" }, open: true', None),
    ('match: "/api/{service:s}/**", use: [signed], forward: { service: "{service}", path: "/{**}" }', 'match: "/pub/{service:t}/**", forward: { service: "{service}", path: "/{**}" }', None),
])
def test_services_that_are_chosen_by_a_value_are_compared(guarded, other, shown):
    ran = told(f"{{ name: guarded, {guarded} }}", f"{{ name: other, {other} }}")
    about = [line for line in ran.text.split("\n") if "[way-around]" in line and 'as "guarded" does' in line]
    assert len(about) == (shown is not None) and shown is None or shown + "goes to the less guarded route" in about[0], ran.text


@pytest.mark.parametrize("other,shown", [
    ('match: "/p/{id}", forward: { service: s, path: "/%61dmin/{id}" }', "GET /p/x "),
    ('match: "/p/{id}", forward: { service: s, path: "/admin//{id}" }', "GET /p/x "),
    ('match: "/p", forward: { service: s, path: "/{cookie.a}/{cookie.b}" }', "GET /p with Cookie: a=admin; b=x "),
    ('match: "/p", forward: { service: s, path: "/admin/{request.host}" }', "GET /p with Host: x "),
    ('match: "/p", forward: { service: s, path: "/admin/{request.id}" }', "GET /p with X-Request-ID: x "),
    ('match: "/p/{a}/{b}", forward: { service: s, path: "/admin/{a}{b}" }', "GET /p/x/x "),
    ('match: "/pub/**", forward: { service: s, path: "/adm{**}" }', "GET /pub/in/x "),
    ('match: "/pub/**", forward: { service: s, path: "/{**}/x" }', "GET /pub/admin "),
    ('match: "/p", forward: { service: s, path: "/admin/{query.z}" }', "GET /p?z=x "),
    ('match: { path: "/p", query: { z: only } }, forward: { service: s, path: "/admin/{query.z}" }', None),  # no example of another value reaches it
    ('match: "/p/{id}", forward: { service: s, path: "/other//{id}" }', None),
    ('match: "/p", use: [partner], forward: { service: s, path: "/admin/{claims.sub}" }', None),
    ('match: "/p/{a}/{b}", forward: { service: s, path: "/x{a}{b}/1" }', None),
])
def test_what_a_route_sends_is_told_whoever_chooses_it(other, shown):
    ran = told(GUARDED, f"{{ name: other, {other} }}")
    assert ways(ran) == (shown is not None), ran.text
    assert shown is None or shown + "goes to the less guarded route" in ran.text, ran.text


@pytest.mark.parametrize("path,warned", [("/{client.ip}/{client.ip}", 1), ("/geo/{client.ip}", 0), ("/admin/{request.method}", 1)])
def test_what_no_example_shows_is_said_to_be_unknown_once_where_it_may_matter(path, warned):
    ran = told(GUARDED, f'{{ name: other, match: {{ path: [/p, /q] }}, forward: {{ service: s, path: "{path}" }} }}')
    assert ways(ran) == warned == ran.text.count('what the less guarded route "other" sends the service "s" cannot be told'), ran.text


@pytest.mark.parametrize("transform,shown", [
    ('{ path: "/admin/{id}" }', "GET /p/x goes to"), ('{ path: "/admin/{id}", when: { headers: { x-a: b } } }', "GET /p/x goes to"), ('{ path: "/geo/{id}" }', None),
    ('{ path: "/admin/{$.id}" }', 'what the less guarded route "other" sends the service "s" cannot be told'),
])
def test_a_path_that_a_policy_writes_counts_as_the_routes(transform, shown):
    ran = told(GUARDED, f'{{ name: other, match: "/p/{{id}}", use: [{{ transform: {{ request: {transform} }} }}], forward: {{ service: s }} }}')
    assert ways(ran) == (shown is not None) and (shown is None or shown in ran.text), ran.text
    # And on the guarded side.
    ran = told(f'{{ name: guarded, match: "/p/{{id}}", use: [signed, {{ transform: {{ request: {transform} }} }}], forward: {{ service: s }} }}',
               '{ name: other, match: "/pub/**", forward: { service: s, path: "/{**}" } }')
    assert ways(ran) == 1, ran.text


@pytest.mark.parametrize("path,when,warned", [("/p/**", "", 0), ("/p/**", ", when: { headers: { x-a: b } }", 1)])
def test_a_policy_takes_the_routes_own_path_away_only_where_it_has_no_condition(path, when, warned):
    ran = told(GUARDED, f'{{ name: other, match: {path}, use: [{{ transform: {{ request: {{ path: "/geo"{when} }} }} }}], forward: {{ service: s, path: "/{{**}}" }} }}')
    assert ways(ran) == warned, ran.text


@pytest.mark.parametrize("when,warned", [("", 1), (", when: { headers: { x-a: b } }", 1)])
def test_a_method_that_a_policy_writes_counts_as_the_routes(when, warned):
    ran = told('{ name: guarded, match: { path: "/admin/{id}", methods: [DELETE] }, use: [signed], forward: { service: s } }',
               f'{{ name: other, match: {{ path: "/p/{{id}}", methods: [GET] }}, use: [{{ transform: {{ request: {{ method: DELETE{when} }} }} }}], forward: {{ service: s, path: "/admin/{{id}}" }} }}')
    assert ways(ran) == warned and "GET /p/x goes to" in ran.text and "DELETE /admin/x" in ran.text, ran.text


@pytest.mark.parametrize("routes,shown", [
    (['match: "/admin/**", use: [signed], forward: { service: s }', 'match: "/admin/{page}", open: true, forward: { service: s }', 'match: "/pub/**", forward: { service: s, path: "/{**}" }'], "GET /pub/admin/x/x "),
    (['match: "/a/{x:[0-9]{7}}", use: [signed], forward: { service: s }', 'match: "/pub/**", forward: { service: s, path: "/{**}" }'], "GET /pub/a/1111111 "),
    (['match: "/orders/{id}/**", use: [signed], forward: { service: s }', 'match: "/orders/{id:ord_[a-z0-9]+}/public", forward: { service: t }'], "GET /orders/ord_a/public "),
    (['match: "/orders/**", use: [signed], forward: { service: s }', 'match: { path: "/orders/**", headers: { x-v: { regex: "v[0-9]{9}" } } }, forward: { service: t }'], "GET /orders with x-v: v111111111 "),
])
def test_one_unlucky_example_does_not_end_the_search(routes, shown):
    ran = told(*[f"{{ {r} }}" for r in routes])
    assert ways(ran) == 1 and shown + "goes to the less guarded route" in ran.text, ran.text


def test_a_route_of_which_there_is_no_example_is_said_not_to_be_judged():
    odd = "{ name: odd, match: '/a/{x:\\x{40}+}', use: [signed], forward: { service: s } }"
    ran = told(odd, '{ match: "/pub/**", forward: { service: s, path: "/{**}" } }')
    assert ran.text.count("[unjudged-route]") == 1 and '"odd" takes by /a/' in ran.text, ran.text
    assert "[unjudged-route]" not in told(odd, '{ match: "/x", use: [signed], forward: { service: s } }').text


@pytest.mark.parametrize("other,warned", [('match: "/pub/**", forward: { service: s, path: "/{**}" }', 1), ("match: /health, forward: { service: s }", 0)])
def test_what_an_issuer_chooses_is_met_by_what_a_client_chooses_alone(other, warned):
    ran = told('{ name: guarded, match: /me, use: [signed], forward: { service: s, path: "/{claims.sub}" } }', f"{{ {other} }}")
    assert ways(ran) == warned, ran.text


def test_what_a_guarded_aggregate_asks_for_is_guarded():
    dash = '{ name: dash, match: "/dash/{id}", use: [signed], aggregate: { calls: { p: { service: s, path: "/profile/{id}" }, q: { service: t, path: "/likes/{$p.id}" } }, body: $p } }'
    ran = told(dash, '{ match: "/pub/**", forward: { service: s, path: "/{**}" } }')
    assert ways(ran) == 1 and "GET /pub/profile/x goes to the less guarded route" in ran.text and 'as "dash" does' in ran.text, ran.text
    ran = told(dash, '{ match: "/pub/**", forward: { service: t, path: "/{**}" } }')
    assert ways(ran) == 1 and "GET /pub/likes/x goes to the less guarded route" in ran.text, ran.text
    assert ways(told(dash, '{ match: { path: "/pub/**", methods: [POST] }, forward: { service: s, path: "/{**}" } }')) == 0


@pytest.mark.parametrize("guarded,other", [
    ('match: "/a/b", use: [signed], forward: { service: s }', 'match: "/o", forward: { service: s, path: "/{query.z}/{query.z}" }'),
    ('match: "/a", use: [signed], forward: { service: s }', 'match: "/o/**", forward: { service: s, path: "/a/{**}" }'),
])
def test_no_request_is_shown_that_sends_something_else(guarded, other):
    ran = told(f"{{ {guarded} }}", f"{{ {other} }}")
    assert ways(ran) == 0, ran.text


def test_only_where_a_route_takes_its_service_from_the_request_should_one_that_decides_be_internal():
    head = HEAD.replace("routes:\n", "  asked: { forward_auth: { service: t, path: /check } }\nroutes:\n")
    one = "{ match: /one, use: [asked], forward: { service: s } }"
    assert "[reachable-by-name]" not in told(one, head=head).text
    assert '"t" decides about requests' in told(one, '{ match: "/x/{service}/**", forward: { service: "{service}" } }', head=head).text


def test_a_large_file_loses_no_warning_in_silence():
    many = "".join(f'  - {{ match: "/r{i}/**", use: [signed], forward: {{ service: s }} }}\n' for i in range(3000))
    ran = check(HEAD + many + '  - { name: pub, match: "/pub/**", forward: { service: s, path: "/{**}" } }\n')
    assert ran.code == 0 and re.search(r"there are 2800 more warnings of this kind.*\[more-ways-around\]", ran.text), ran.text[-2000:]


def test_a_search_that_ends_early_says_so():
    guarded = "".join(f'  - {{ match: "/{{a}}/r{i}/**", use: [signed], forward: {{ service: s }} }}\n' for i in range(1100))
    others = "".join(f'  - {{ match: "/{{a}}/q{i}/**", forward: {{ service: s }} }}\n' for i in range(1000))
    ran = check(HEAD + guarded + others)
    assert ran.code == 0 and ran.text.count("[unfinished-search]") == 1, ran.text[-2000:]
