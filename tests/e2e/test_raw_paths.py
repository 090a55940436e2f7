"""`forward: { path: raw }`: the path as it came, for services that verify a signature over it, where nothing depends on its meaning."""
import pytest

from support.client import Client, get
from support.gateway import Gateway, check, explain
from support.upstream import Echo

CONFIG = """
services: {{ store: "{url}", other: "http://127.0.0.1:9" }}
policies: {{ guard: {{ ip_access: {{ allow: [127.0.0.0/8] }} }} }}
routes:
  - {{ name: files, match: {{ host: files.example, path: /** }}, use: [guard], forward: {{ service: store, path: raw }} }}
  - {{ name: rest, match: /x, forward: {{ service: other }} }}
"""


@pytest.fixture(scope="module")
def store():
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        yield gateway


@pytest.mark.parametrize("target", ["/a%7Eb//c%2fd", "/", "//", "/a/../b", "/a;x=1/b%3Fc", "/%e4%bd%a0?x=a%2Fb&y", "/b%5Cc", "/a+b%20c"])
def test_t90_a_raw_path_is_sent_as_it_came(store, target):
    assert get(store.port, target, host="files.example").json()["target"] == target


@pytest.mark.parametrize("target", ["/a/%2e%2e%2fb", "/a/..;/b", "/a/..%5Cb", "/a%00b", "/a%zz"])
def test_what_no_path_may_hold_is_400_there_too(store, target):
    with Client(store.port) as client:
        client.send(f"GET {target} HTTP/1.1\r\nHost: files.example\r\n\r\n".encode())
        assert client.read_response().status == 400


def test_policies_and_the_log_see_the_normal_path(store):
    get(store.port, "/a%7Eb//c%2fd", [("X-Request-ID", "raw-1")], host="files.example")
    assert store.access_line(lambda e: e["request_id"] == "raw-1")["path"] == "/a~b/c%2Fd"


def test_explain_shows_what_would_be_sent():
    assert "GET /a%7Eb//c%2fd HTTP/1.1" in explain(CONFIG.format(url="http://127.0.0.1:9999"), "GET", "http://files.example/a%7Eb//c%2fd").out


RAW = "{ name: files, match: { host: files.example, path: /** }, forward: { service: store, path: raw } }"


@pytest.mark.parametrize("routes,said", [
    ([RAW], None),
    ([RAW, "{ match: /x, forward: { service: other } }"], None),
    ([RAW.replace("host: files.example, ", "")], "only on a route with a host and the path /**"),
    ([RAW.replace("/**", "/files/**")], "only on a route with a host and the path /**"),
    ([RAW.replace("path: /** }", "path: [/**, /x] }")], "only on a route with a host and the path /**"),
    ([RAW.replace("service: store", 'service: "{header.x}"')], "only to a service that is named"),
    ([RAW, "{ name: two, match: /x, forward: { service: store } }"], '"two" reaches this one'),
    ([RAW, "{ name: two, match: /x, forward: { service: same } }"], '"two" reaches this one'),
    ([RAW, '{ name: two, match: "/{service}/**", forward: { service: "{service}" } }'], '"two" reaches this one'),
    ([RAW.replace("store", "inner"), '{ name: two, match: "/{service}/**", forward: { service: "{service}" } }'], None),
    ([RAW, "{ name: two, match: /x, aggregate: { calls: { one: { service: store, path: / } }, body: $one } }"], '"two" reaches this one'),
])
def test_check_allows_a_raw_path_only_where_nothing_depends_on_its_meaning(routes, said):
    told = check("services: { store: http://10.0.0.1, same: http://10.0.0.1, other: http://10.0.0.2, inner: { endpoints: [http://10.0.0.3], internal: true } }\nroutes:\n" +
                 "".join(f"  - {r}\n" for r in routes))
    if said is None:
        assert told.code == 0, told.text
    else:
        assert told.code == 1 and said in told.text, told.text
