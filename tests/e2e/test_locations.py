"""Where a service's `Location` leads: back through the path by which its client came, and never to an address that only the gateway can reach."""
import pytest

from support.client import fetch, get
from support.gateway import Gateway, check
from support.upstream import Scripted

CONFIG = """
services: {{ users: {url} }}
routes:
  - {{ match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}"{more} }} }}
  - {{ match: "/plain/**", forward: {{ service: users, host: client }} }}
"""


def telling(connection):
    """Answers with the fields that the request's own headers `Say-…` ask for."""
    while True:
        request = connection.read_request()
        said = [(name[4:], value.replace("HOST", connection_host(request))) for name, value in request.headers if name.lower().startswith("say-")]
        connection.answer(b"", "302 Found", said)


def connection_host(request):
    return next(value for name, value in request.headers if name.lower() == "host")


@pytest.fixture(scope="module")
def service():
    with Scripted(telling) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(service):
    with Gateway(CONFIG.format(url=service.url, more="")) as running:
        yield running


@pytest.mark.parametrize("target,value,wanted", [
    ("/users/a", "/bar/", "/users/bar/"), ("/users/a", "http://HOST/bar?x=1#y", "/users/bar?x=1#y"), ("/users/a", "/users/bar", "/users/bar"),
    ("/users", "/", "/users/"), ("/users/a", "bar", "bar"), ("/users/a", "https://other.test/bar", "https://other.test/bar"), ("/users/a", "/..//x", "/..//x"),
    ("/plain/a", "http://HOST/login", "/login"), ("/plain/a", "https://HOST/login", None)])
def test_t20_a_location_leads_back_the_way_its_client_came(gateway, service, target, value, wanted):
    service_host = service.url.removeprefix("http://")
    answer = get(gateway.port, target, [("Say-Location", value), ("Say-Content-Location", value), ("Say-Link", value)])
    wanted = wanted or value.replace("HOST", "gateway.test")
    assert answer.status == 302 and answer.get("location") == wanted and answer.get("content-location") == wanted
    assert answer.get("link") == value.replace("HOST", "gateway.test" if target.startswith("/plain") else service_host)


def test_pass_leaves_it_and_map_maps_what_seems_mapped(service):
    with Gateway(CONFIG.format(url=service.url, more=", location: pass")) as gateway:
        assert get(gateway.port, "/users/a", [("Say-Location", "/bar")]).get("location") == "/bar"
    with Gateway(CONFIG.format(url=service.url, more=", location: map")) as gateway:
        assert get(gateway.port, "/users/a", [("Say-Location", "/users/bar")]).get("location") == "/users/users/bar"
    assert "map" in check(CONFIG.format(url=service.url, more=", location: off")).out


def test_policies_see_what_the_client_gets(service):
    config = CONFIG.format(url=service.url, more="").replace("forward:", """use: [{ transform: { response: { when: { headers: { Location: /users/bar } }, headers: { set: { X-Seen: yes } } } } }], forward:""", 1)
    with Gateway(config) as gateway:
        assert fetch(gateway.port, "POST", "/users/a", [("Say-Location", "/bar")]).get("x-seen") == "yes"


UNEVEN = """
workers: 1
services: {{ users: {url} }}
routes:
  - {{ match: {{ path: ["/{{tenant}}/users/**", "/public/users/**"] }}, forward: {{ service: users, path: "/users/{{**}}" }} }}
  - {{ match: /account, forward: {{ service: users }} }}
  - {{ match: {{ path: ["/s/{{y}}/{{x}}/**", "/s/a/{{x}}/**"] }}, forward: {{ service: users, path: "/{{x}}/{{**}}" }} }}
  - {{ match: {{ path: ["/t/{{y:[a-z]+}}/{{x}}", "/t/b/{{x}}"] }}, forward: {{ service: users, path: "/{{x}}" }} }}
  - {{ match: /shop/**, forward: {{ service: users, path: "/store/{{**}}" }} }}
  - {{ match: /a/b, forward: {{ service: users, path: / }} }}
"""


@pytest.mark.parametrize("target,value,wanted", [
    ("/public/users/old", "/users/new", "/public/users/new"), ("/acme/users/old", "/users/new", "/acme/users/new"),
    ("/s/a/1/z", "/1/bar", "/s/a/1/bar"), ("/s/q/1/z", "/1/bar", "/s/q/1/bar"), ("/t/b/1", "/2", "/t/b/2"), ("/t/c/1", "/2", "/t/c/2"),
    # The service's root without its slash is no path that it is sent: who is led there from there would be for ever.
    ("/shop", "/store", "/store"), ("/shop/", "/store", "/shop"), ("/shop/x", "/store", "/shop"), ("/shop", "/store/", "/shop/"),
    # Nothing was stripped that the service was told of.
    ("/a/b", "/a/b/c", "/a/b/c"), ("/a/b", "http://HOST/a/b/c", "http://HOST/a/b/c"),
    # Browsers drop a tab, and read another host.
    ("/shop/x", "/store/\t/evil.test", "/store/\t/evil.test"), ("/account", "http://HOST/\t/evil.test", "http://HOST/\t/evil.test"),
])
def test_a_location_leads_back_by_the_path_that_came(service, target, value, wanted):
    """And by nothing of an earlier request, whose bytes its connection may still hold."""
    with Gateway(UNEVEN.format(url=service.url)) as gateway:
        for _ in range(2):
            get(gateway.port, "/" + "A" * 1500 + "/users/x")
            get(gateway.port, "/account", [("X-Pad", "p" * 200), ("Authorization", "Bearer of-somebody-else"), ("Cookie", "session=of-somebody-else")])
            answer = get(gateway.port, target, [("Say-Location", value)])
            assert answer.get("location") == wanted.replace("HOST", service.url.split("//")[1])


def test_a_path_of_cookies_is_led_back_by_the_recipe_of_the_document(service):
    config = CONFIG.format(url=service.url, more=", location: map").replace("routes:", """policies:
  cookies-of-shop:
    transform: { response: { headers: { replace: { Set-Cookie: { regex: "Path=/app", with: "Path=/shop/app" } } } } }
routes:""").replace('match: "/{service}/**",', 'match: "/{service}/**", use: [cookies-of-shop],')
    with Gateway(config) as gateway:
        answer = get(gateway.port, "/users/a", [("Say-Set-Cookie", "a=1; Path=/app; HttpOnly"), ("Say-Set-Cookie", "b=2; Path=/other")])
        assert [value for name, value in answer.headers if name.lower() == "set-cookie"] == ["a=1; Path=/shop/app; HttpOnly", "b=2; Path=/other"]
        answer = get(gateway.port, "/plain/a", [("Say-Set-Cookie", "a=1; Path=/app")])
        assert answer.get("set-cookie") == "a=1; Path=/app"
