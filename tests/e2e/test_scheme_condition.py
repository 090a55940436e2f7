"""`match: { scheme }`: of the connection, or what a trusted proxy says of it."""
import pytest

from support.client import get
from support.gateway import Gateway, check, explain

CONFIG = """
routes:
  - { name: secure, match: { path: /**, scheme: https }, respond: { body: "secure {request.scheme}" } }
  - { name: to-https, match: { path: /**, scheme: http }, redirect: { to: "https://shop.example/{**}" } }
"""
TRUSTED = "trusted_proxies: [127.0.0.0/8]\n"


@pytest.mark.parametrize("trusted,said,status", [
    (True, "https", 200), (True, "HTTPS", 200), (True, "http", 308), (True, None, 308), (True, "gopher", 308), (False, "https", 308), (False, None, 308),
])
def test_t27_a_route_by_scheme_believes_a_trusted_proxy_alone(trusted, said, status):
    with Gateway(CONFIG + (TRUSTED if trusted else "")) as gateway:
        answer = get(gateway.port, "/a/b", [("X-Forwarded-For", "10.0.0.1")] + ([("X-Forwarded-Proto", said)] if said else []))
    assert answer.status == status
    assert answer.body == b"secure https" if status == 200 else answer.get("location") == "https://shop.example/a/b"


def test_a_scheme_ranks_behind_a_method_and_before_headers():
    config = """
routes:
  - { name: method, match: { path: /m, methods: [GET] }, respond: { body: method } }
  - { name: scheme, match: { path: /m, scheme: http }, respond: { body: scheme } }
  - { name: by-scheme, match: { path: /h, scheme: http }, respond: { body: scheme } }
  - { name: by-header, match: { path: /h, headers: { X-A: b } }, respond: { body: header } }
"""
    with Gateway(config) as gateway:
        assert get(gateway.port, "/m").body == b"method"
        assert get(gateway.port, "/h", [("X-A", "b")]).body == b"scheme"


def test_two_routes_of_one_scheme_are_as_ambiguous_as_ever():
    one = "  - {{ match: {{ path: /x, scheme: {} }}, respond: {{ body: x }} }}\n"
    assert check("routes:\n" + one.format("http") + one.format("https")).code == 0
    told = check("routes:\n" + one.format("https") + one.format("https").replace("/x", "[/x, /y]"))
    assert told.code == 1 and "GET /x over https" in told.text


def test_no_route_of_this_scheme_is_404_and_not_405():
    with Gateway("routes: [{ match: { path: /x, scheme: https, methods: [POST] }, respond: { body: x } }]\n") as gateway:
        assert get(gateway.port, "/x").status == 404


def test_check_shows_a_route_that_serves_what_a_redirect_by_scheme_means():
    config = CONFIG + "  - { name: api, match: /api/**, respond: { body: x } }\n"
    told = check(config)
    assert told.code == 0 and "GET /api over http is served by \"api\", and not redirected by \"to-https\"" in told.text, told.text
    for quiet in (config.replace("match: /api/**", "match: { path: /api/**, scheme: https }"), config.replace("name: api,", "name: api, open: true,")):
        assert "outranked-redirect" not in check(quiet).text


def test_check_shows_the_other_scheme_as_a_way_around_a_guard():
    guarded = """
services: { s: http://10.1.2.3 }
policies: { inner: { ip_access: { allow: [10.0.0.0/8] } } }
routes:
  - { name: guarded, match: { path: /x, scheme: https }, use: [inner], forward: { service: s } }
  - { name: all, match: /x, forward: { service: s } }
"""
    told = check(guarded)
    assert told.code == 0 and 'another scheme: GET /x over http goes to the less guarded route "all"' in told.text, told.text


def test_explain_takes_the_scheme_of_its_url():
    assert "route     secure" in explain(CONFIG, "GET", "https://shop.example/a").out
    told = explain(CONFIG, "GET", "http://shop.example/a").out
    assert "route     to-https" in told and "its scheme is https" in told
