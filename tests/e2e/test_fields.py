"""Header fields on their way: those of one connection end here, those of the gateway are its own, the rest pass."""
import re

import pytest

from support.client import Client, fetch, get
from support.gateway import Gateway
from support.upstream import Echo, Scripted, answering

CONFIG = """
services: {{ svc: {url} }}
routes:
  - {{ match: "/{{service}}/**", forward: {{ service: "{{service}}", path: "/{{**}}" }} }}
  - {{ match: /who, respond: {{ body: "{{client.ip}}" }} }}
"""


@pytest.fixture(scope="module")
def echo():
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def trusting():
    """A gateway that trusts the loopback and 10.0.0.0/8."""
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url) + "trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]\n") as gateway:
        yield gateway


def seen_by_service(gateway, headers, **more):
    """The fields that the service sees, as pairs with names in lower case."""
    answer = get(gateway.port, "/svc/x", headers, **more)
    assert answer.status == 200, answer.body
    return [(n.lower(), v) for n, v in answer.json()["headers"]]


def values(fields, name):
    return [v for n, v in fields if n == name]


@pytest.mark.parametrize("name,value", [("Connection", "keep-alive"), ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("TE", "trailers"),
                                        ("Upgrade", "websocket"), ("Proxy-Authorization", "Basic eDp5")])
def test_a_hop_by_hop_field_does_not_reach_the_service(echo, name, value):
    fields = seen_by_service(echo, [(name, value)])
    assert values(fields, name.lower()) == []


@pytest.mark.parametrize("connection", ["X-Secret", "close, X-Secret", "keep-alive , x-SECRET", ",,X-Secret,", "X-Other, X-Secret"])
def test_a_field_that_connection_lists_does_not_reach_the_service(echo, connection):
    fields = seen_by_service(echo, [("Connection", connection), ("X-Secret", "1"), ("X-Stays", "2")])
    assert values(fields, "x-secret") == [] and values(fields, "x-stays") == ["2"]


def test_fields_that_several_connection_lines_list_do_not_reach_the_service(echo):
    fields = seen_by_service(echo, [("Connection", "X-One"), ("X-One", "1"), ("Connection", "X-Two"), ("X-Two", "2")])
    assert values(fields, "x-one") == values(fields, "x-two") == []


@pytest.mark.parametrize("name", ["Host", "Content-Length", "Transfer-Encoding"])
def test_connection_cannot_take_away_what_frames_or_routes(echo, name):
    answer = fetch(echo.port, "POST", "/svc/x", [("Connection", name)], body=b"hello")
    if answer.status == 200:
        fields = [n.lower() for n, _ in answer.json()["headers"]]
        assert answer.json()["length"] == 5 and "host" in fields
    else:
        assert answer.status == 400


def test_the_answers_hop_by_hop_fields_end_at_the_gateway():
    headers = [("Connection", "keep-alive, X-Private"), ("Keep-Alive", "timeout=50"), ("X-Private", "1"), ("X-Public", "2"), ("Upgrade", "h2c"),
               ("Proxy-Connection", "keep-alive")]
    with Scripted(answering(b"ok", headers=headers)) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        answer = get(gateway.port, "/svc/x")
    names = answer.names()
    assert not {"keep-alive", "x-private", "upgrade", "proxy-connection", "connection"} & set(names)
    assert answer.get("x-public") == "2"


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "TLS/1.3", "foo, bar"])
def test_an_upgrade_that_the_route_does_not_pass_on_is_ignored(echo, upgrade):
    fields = seen_by_service(echo, [("Upgrade", upgrade), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")])
    assert not {"upgrade", "connection", "http2-settings"} & {n for n, _ in fields}


def test_an_upgrade_with_a_body_is_ignored_and_the_body_passes(echo):
    answer = fetch(echo.port, "POST", "/svc/x", [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "")], body=b"hello")
    assert answer.status == 200 and answer.json()["length"] == 5


def test_via_names_the_gateway_both_ways(echo):
    answer = get(echo.port, "/svc/x")
    assert answer.get("via") == "1.1 portico"
    assert values([(n.lower(), v) for n, v in answer.json()["headers"]], "via") == ["1.1 portico"]


def test_via_of_those_before_is_kept(echo):
    assert values(seen_by_service(echo, [("Via", "1.0 fred")]), "via") in (["1.0 fred", "1.1 portico"], ["1.0 fred, 1.1 portico"])


def test_forwarding_fields_are_made_by_the_gateway(echo):
    fields = seen_by_service(echo, [])
    assert values(fields, "x-forwarded-for") == ["127.0.0.1"]
    assert values(fields, "x-forwarded-proto") == ["http"]
    assert values(fields, "x-forwarded-host") == ["gateway.test"]


@pytest.mark.parametrize("name,value", [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example"),
                                        ("X-Forwarded-Port", "1"), ("X-Forwarded-Prefix", "/admin"), ("X-Forwarded-User", "root"),
                                        ("Forwarded", "for=1.2.3.4;proto=https"), ("X-Real-IP", "1.2.3.4"),
                                        ("X_Forwarded_For", "1.2.3.4"), ("x-FORWARDED_proto", "https"), ("X_Real_IP", "1.2.3.4")])
def test_a_forwarding_field_of_a_stranger_is_removed(echo, name, value):
    fields = seen_by_service(echo, [(name, value)])
    assert value not in [v for _, v in fields], fields
    assert get(echo.port, "/who", [(name, value)]).body == b"127.0.0.1"


def test_the_removal_of_managed_fields_is_counted(echo):
    before = echo.metric("portico_managed_headers_removed_total")
    get(echo.port, "/svc/x", [("X-Forwarded-For", "1.2.3.4"), ("X-Real-IP", "1.2.3.4")])
    echo.expect_metric(before + 2, "portico_managed_headers_removed_total")


@pytest.mark.parametrize("chain,client", [
    ("203.0.113.9", "203.0.113.9"),
    ("203.0.113.9, 10.1.1.1", "203.0.113.9"),
    ("1.1.1.1, 203.0.113.9, 10.1.1.1, 10.2.2.2", "203.0.113.9"),
    ("203.0.113.9:4711", "203.0.113.9"),
    ("[2001:db8::7]:4711", "2001:db8::7"),
    ("2001:db8::7", "2001:db8::7"),
    ("10.9.9.9", "10.9.9.9"),
    ("203.0.113.9, unknown", ""),  # said, but not to be read: the client has no address
    ("203.0.113.9, _hidden, 10.1.1.1", ""),
    ("", ""),
    ("not an address", ""),
])
def test_behind_trusted_proxies_the_client_is_found_from_the_right(trusting, chain, client):
    assert get(trusting.port, "/who", [("X-Forwarded-For", chain)]).body.decode() == client


def test_several_lines_of_x_forwarded_for_are_one_list(trusting):
    assert get(trusting.port, "/who", [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "203.0.113.9, 10.1.1.1")]).body == b"203.0.113.9"


def test_the_service_sees_one_chain_that_a_client_cannot_lengthen_to_the_left(trusting):
    fields = seen_by_service(trusting, [("X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.1.1.1")])
    chain = [part.strip() for part in ",".join(values(fields, "x-forwarded-for")).split(",")]
    assert chain[0] == "203.0.113.9" and chain[-1] == "127.0.0.1" and "6.6.6.6" not in chain


def test_proto_and_host_of_a_trusted_proxy_are_passed_on(trusting):
    fields = seen_by_service(trusting, [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "shop.example.com")])
    assert values(fields, "x-forwarded-proto") == ["https"] and values(fields, "x-forwarded-host") == ["shop.example.com"]


@pytest.mark.parametrize("proto", ["gopher", "https, http", "", "HTTPS"])
def test_a_proto_is_http_or_https_and_nothing_else(trusting, proto):
    assert values(seen_by_service(trusting, [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", proto)]), "x-forwarded-proto")[0] in ("http", "https")


def test_forwarded_of_a_trusted_proxy_is_asked_only_where_the_file_says_so(trusting):
    answer = get(trusting.port, "/who", [("Forwarded", 'for=1.1.1.1, for="[2001:db8::7]:99";proto=https, for=10.1.1.1')])
    assert answer.body == b"127.0.0.1"


def test_a_trusted_proxys_other_forwarding_fields_are_removed_all_the_same(trusting):
    fields = seen_by_service(trusting, [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Prefix", "/admin"), ("X_Forwarded_For", "6.6.6.6")])
    assert "/admin" not in values(fields, "x-forwarded-prefix") and values(fields, "x_forwarded_for") == []


def test_managed_headers_of_the_file_are_removed_in_every_spelling():
    config = "managed_headers: [X-User-ID, X-Tenant]\n"
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url) + config) as gateway:
        fields = seen_by_service(gateway, [("X-User-ID", "a"), ("x-user-id", "b"), ("X_User_Id", "c"), ("x_USER-id", "d"), ("X-TENANT", "e"),
                                           ("X-User-IDs", "stays")])
    assert not [n for n, _ in fields if n.replace("_", "-") in ("x-user-id", "x-tenant")]
    assert values(fields, "x-user-ids") == ["stays"]


def test_a_managed_header_is_removed_before_a_template_reads_it():
    config = """
policies: { plan: { transform: { request: { when: { query: { gold: { present: true } } }, headers: { set: { X-Plan: gold } } } } } }
managed_headers: [X-Plan]
routes: [{ match: /door, use: [plan], respond: { body: "plan {header.x-plan}." } }]
"""
    with Gateway(config) as gateway:
        assert get(gateway.port, "/door?gold=", [("X-Plan", "free")]).body == b"plan gold."
        assert get(gateway.port, "/door", [("X-Plan", "gold")]).body == b"plan ."
        assert get(gateway.port, "/door", [("X_Plan", "gold")]).body == b"plan ."


def test_a_valid_request_id_is_kept_everywhere(echo):
    answer = get(echo.port, "/svc/x", [("X-Request-ID", "order-42.a_B")])
    assert answer.get("x-request-id") == "order-42.a_B"
    assert ["X-Request-ID", "order-42.a_B"] in answer.json()["headers"]
    assert echo.access_line(lambda e: e["request_id"] == "order-42.a_B")


@pytest.mark.parametrize("sent", [[("X-Request-ID", "has space")], [("X-Request-ID", "")], [("X-Request-ID", "x" * 500)], [("X-Request-ID", "<script>")],
                                  [("X-Request-ID", "one"), ("X-Request-ID", "two")], []])
def test_without_a_valid_request_id_one_is_made(echo, sent):
    answer = get(echo.port, "/svc/x", sent)
    made = answer.get("x-request-id")
    assert re.fullmatch(r"[0-9A-Za-z._-]{8,128}", made) and made not in [v for _, v in sent]
    assert values([(n.lower(), v) for n, v in answer.json()["headers"]], "x-request-id") == [made]


def test_request_ids_that_are_made_differ(echo):
    assert len({get(echo.port, "/svc/x").get("x-request-id") for _ in range(50)}) == 50


def test_the_services_own_request_id_does_not_double_the_gateways():
    with Scripted(answering(b"ok", headers=[("X-Request-ID", "theirs")])) as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        assert get(gateway.port, "/svc/x", [("X-Request-ID", "ours")]).all("x-request-id") == ["ours"]


PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0"


@pytest.mark.parametrize("parent", [PARENT + "0", PARENT + "1", "cc" + PARENT[2:] + "1-what-is-to-come"])
def test_t28_a_valid_traceparent_is_passed_on_as_it_came(echo, parent):
    fields = seen_by_service(echo, [("traceparent", parent), ("tracestate", "a=1,b=2")])
    assert values(fields, "traceparent") == [parent]
    assert values(fields, "tracestate") == ["a=1,b=2"]
    assert echo.access_line(lambda e: e["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736")


@pytest.mark.parametrize("sent", [None, "", "garbage", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                                  "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                                  PARENT + "1-more"])
def test_t28_without_a_valid_traceparent_none_is_made(echo, sent):
    """One that says "not sampled" would keep parent-based samplers behind the gateway from recording anything."""
    fields = seen_by_service(echo, [("traceparent", sent), ("tracestate", "a=1")] if sent is not None else [("tracestate", "a=1")])
    assert values(fields, "traceparent") == [] and values(fields, "tracestate") == []


def test_two_traceparents_are_none(echo):
    fields = seen_by_service(echo, [("traceparent", PARENT + "1"), ("traceparent", PARENT + "0")])
    assert values(fields, "traceparent") == []


def test_t21_via_may_be_left_out_on_both_sides():
    config = "forwarding: { via: none }\n"
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url) + config) as gateway:
        assert all(n.lower() != "via" for n, _ in get(gateway.port, "/svc/x").json()["headers"])
        answer = get(gateway.port, "/svc/x", [("Via", "1.1 front")])
        fields = [(n.lower(), v) for n, v in answer.json()["headers"]]
    assert [v for n, v in fields if n == "via"] == ["1.1 front"], "a client's stays"
    assert answer.get("via") is None


@pytest.mark.parametrize("match,path,asked,prefix", [
    ("/users/**", '"/{**}"', "/users/42", "/users"),
    ("/users/**", '"/{**}"', "/users", "/users"),
    ("/users/**", '"/{**}"', "/users/", "/users"),
    ("/api/users/**", '"/users/{**}"', "/api/users/7/x?q=1", "/api"),
    ("/api/users/**", '"/users/{**}"', "/api/users", "/api"),
    ('"/api/{id}"', '"/{id}"', "/api/7", "/api"),
    ('"/{version}/users/**"', '"/users/{**}"', "/v2/users/7", "/v2"),
    ("/users/**", '"/people/{**}"', "/users/42", None),
    ("/users/**", '"/v1/users/{**}"', "/users/42", None),
    ("/users/**", None, "/users/42", None),
    ("/a", '"/"', "/a", None),
])
def test_t27_x_forwarded_prefix_says_what_was_stripped(match, path, asked, prefix):
    action = "{ service: svc" + (f", path: {path}" if path else "") + " }"
    with Echo() as upstream, Gateway(f"services: {{ svc: {upstream.url} }}\nroutes: [{{ match: {match}, forward: {action} }}]\n") as gateway:
        fields = [(n.lower(), v) for n, v in get(gateway.port, asked, [("X-Forwarded-Prefix", "/evil")]).json()["headers"]]
    assert [v for n, v in fields if n == "x-forwarded-prefix"] == ([prefix] if prefix else [])


def test_host_client_passes_the_clients_host_on():
    config = """
services: {{ svc: {url} }}
routes:
  - {{ match: /client, forward: {{ service: svc, host: client }} }}
  - {{ match: /fixed, forward: {{ service: svc, host: "inner.example:81" }} }}
"""
    with Echo() as upstream, Gateway(config.format(url=upstream.url)) as gateway:
        for path, host in (("/client", "shop.example.com:8443"), ("/fixed", "inner.example:81")):
            fields = get(gateway.port, path, host="shop.example.com:8443").json()["headers"]
            assert ["Host", host] in fields and ["X-Forwarded-Host", "shop.example.com:8443"] in fields


def test_a_client_cannot_make_two_of_a_field_that_the_gateway_sets(echo):
    fields = seen_by_service(echo, [("Host2", "x"), ("Via", "x"), ("X-Request-ID", "a"), ("X-Forwarded-For", "b"), ("traceparent", PARENT + "1")])
    for name in ("host", "x-request-id", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "traceparent"):
        assert len(values(fields, name)) == 1, name


def test_a_field_of_obs_text_passes_unchanged(echo):
    assert values(seen_by_service(echo, [("X-Name", "J\xfcrgen \xa9")]), "x-name") == ["J\xfcrgen \xa9"]


def test_spaces_around_a_value_are_no_part_of_it(echo):
    with Client(echo.port) as client:
        client.send(b"GET /svc/x HTTP/1.1\r\nHost: a\r\nX-A:   b c \t \r\nX-B:\r\nX-C:d\r\n\r\n")
        fields = client.read_response().json()["headers"]
    assert ["X-A", "b c"] in fields and ["X-B", ""] in fields and ["X-C", "d"] in fields
