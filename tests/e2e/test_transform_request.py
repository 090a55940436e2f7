"""`transform` on the way in: what the service gets of a request."""
import gzip
import json
import zlib

import pytest

from support.client import Client, chunk, fetch, get
from support.gateway import Gateway, check
from support.tokens import SECRET, claims, hs
from support.upstream import Echo, Scripted, answering

KIB = 1 << 10


def config(url, request, more="", match="/x/**", use=""):
    return f"""
services: {{ svc: {url} }}
{more}
routes:
  - match: "{match}"
    use:
      {use}
      - transform:
          request:
{indent(request, 12)}
    forward: {{ service: svc, path: "/{{**}}" }}
  - {{ match: "/plain/**", forward: {{ service: svc, path: "/{{**}}" }} }}
"""


def indent(text, by):
    return "\n".join(" " * by + line for line in text.strip("\n").splitlines())


class Site:
    """A gateway with one transform before an Echo."""

    def __init__(self, request, **more):
        self.request, self.more = request, more

    def __enter__(self):
        self.echo = Echo().__enter__()
        self.gateway = Gateway(config(self.echo.url, self.request, **self.more)).__enter__()
        self.port = self.gateway.port
        return self

    def __exit__(self, *how):
        self.gateway.__exit__(*how)
        self.echo.__exit__(*how)

    def send(self, method="GET", target="/x/a", headers=(), body=None):
        """What the service saw; an answer that is none of its own fails."""
        answer = fetch(self.port, method, target, headers, body)
        assert answer.status == 200, answer.body
        return self.echo.last

    def refusal(self, method="GET", target="/x/a", headers=(), body=None):
        """Status and code; the service saw nothing."""
        before = len(self.echo.requests)
        answer = fetch(self.port, method, target, headers, body)
        assert len(self.echo.requests) == before
        return answer.status, answer.code


def test_headers_are_copied_renamed_replaced_removed_added_set_and_appended():
    with Site(r"""
headers:
  copy: { X-Source: X-Copy }
  rename: { X-Old: X-New }
  replace: { X-Path: { regex: "^/internal(/.*)?", with: '/public\1' } }
  remove: [X-Gone, { regex: "x-debug-.*" }]
  add: { X-Default: fallback, X-Present: fallback }
  set: { X-Set: "{client.ip} {request.method}", X-Dollar: $$5 }
  append: { X-Many: two }
""") as site:
        seen = site.send(headers=[("x-source", "s"), ("X-OLD", "o"), ("X-New", "forged"), ("X-Path", "/internal/a"), ("X-Gone", "g"),
                                  ("X-Debug-Level", "9"), ("X-Present", "mine"), ("X-Set", "theirs"), ("X-Many", "one")])
    assert seen.get("X-Source") == seen.get("X-Copy") == "s"
    assert (seen.get("X-Old"), seen.get("X-New")) == (None, "o")
    assert seen.get("X-Path") == "/public/a"
    assert seen.get("X-Gone") is None and seen.get("X-Debug-Level") is None
    assert (seen.get("X-Default"), seen.get("X-Present")) == ("fallback", "mine")
    assert seen.get("X-Set") == "127.0.0.1 GET" and seen.get("X-Dollar") == "$5"
    assert seen.all("X-Many") == ["one", "two"]


def test_a_rule_for_every_header_leaves_those_of_the_messages_form():
    with Site("headers: { remove: { regex: '.*' } }") as site:
        seen = site.send("POST", headers=[("X-A", "a"), ("Content-Encoding", "gzip")], body=b"body")
    assert seen.get("X-A") is None
    assert seen.get("Content-Encoding") == "gzip" and seen.get("Content-Length") == "4" and seen.get("Host") == site.echo.authority


def test_a_value_that_is_nothing_but_one_name_is_left_out_where_it_has_no_value():
    with Site("""
headers: { set: { X-Tenant: "{query.tenant}", X-Label: "tenant {query.tenant}" } }
query: { set: { who: "{header.x-who}" } }
""") as site:
        seen = site.send(target="/x/a?who=forged&b=1", headers=[("X-Tenant", "forged")])
        assert seen.get("X-Tenant") is None and seen.get("X-Label") == "tenant"
        assert seen.target == "/a?b=1"
        seen = site.send(target="/x/a?tenant=acme%20ltd", headers=[("X-Who", "a&b=c")])
        assert seen.get("X-Tenant") == "acme ltd"
        assert seen.target == "/a?tenant=acme%20ltd&who=a%26b%3Dc"


@pytest.mark.parametrize("bad", ["%0d%0aX-Forged:%201", "%00", "%0a"])
def test_a_value_with_a_line_end_or_nul_refuses_the_request(bad):
    with Site('headers: { set: { X-Tenant: "{query.tenant}" } }') as site:
        assert site.refusal(target=f"/x/a?tenant=a{bad}") == (400, "route.value_refused")


def test_the_querys_pairs_are_changed_and_the_others_keep_their_bytes():
    with Site(r"""
query:
  copy: { a: a2 }
  rename: { old: new }
  replace: { page: { regex: "^0*", with: "" } }
  remove: [drop, { regex: "utm_.*" }]
  add: { size: "20", b: "0" }
  set: { tenant: acme }
  append: { tag: z }
""") as site:
        seen = site.send(target="/x/p?a=%41&old=1%2b1&page=007&drop=1&utm_source=x&UTM_x=1&b=&tenant=evil&tag=y&flag")
    assert seen.target == "/p?a=%41&new=1%2b1&page=7&UTM_x=1&b=&tenant=acme&tag=y&flag&a2=%41&size=20&tag=z"


@pytest.mark.parametrize("query", ["b=1;tenant=evil", "tenant=evil;b=1", "x;tenant=evil", "%74enant=evil", "a=1&tenant=evil&tenant=worse"])
def test_a_pair_that_is_set_cannot_be_overridden(query):
    with Site("query: { set: { tenant: acme } }") as site:
        target = site.send(target=f"/x/p?{query}").target
    assert "evil" not in target and "worse" not in target and target.count("tenant=acme") == 1


def test_the_path_replaces_the_one_of_forward_and_is_judged_like_it():
    with Site('path: "/v1/{query.name}/items?fixed=1&{query}"') as site:
        assert site.send(target="/x/a?name=a%20b&fixed=2&c=3").target == "/v1/a%20b/items?fixed=1&name=a%20b&c=3"
        assert site.refusal(target="/x/a?name=..") == (400, "route.bad_rewrite")
        assert site.refusal(target="/x/a?name=a%2Fb") == (400, "route.bad_rewrite")
        assert site.refusal(target="/x/a") == (400, "route.value_refused")


def test_the_rest_of_the_path_may_stand_in_it():
    with Site('path: "/v2/{**}"') as site:
        assert site.send(target="/x/a/b%20c/?q=1").target == "/v2/a/b%20c/?q=1"
        assert site.send(target="/x").target == "/v2/"


def test_the_method_is_another_for_the_service_alone():
    with Site("method: POST") as site:
        seen = site.send("GET")
        assert (seen.method, seen.get("Content-Length")) == ("POST", "0")
        assert site.send("PUT", body=b"abc").method == "POST"


def test_cookies_are_set_and_removed_and_the_others_keep_their_bytes():
    with Site('cookies: { remove: [track, { regex: "_ga.*" }], set: { tenant: "{query.t}", theme: dark } }') as site:
        seen = site.send(target="/x/a?t=acme", headers=[("Cookie", "a=1; track=2;theme=light"), ("Cookie", '_ga_x=3; b="q q"')])
        assert seen.get("Cookie") == 'a=1; b="q q"; tenant=acme; theme=dark'
        assert site.refusal(target="/x/a?t=a%3Bb") == (400, "route.value_refused")
    with Site("cookies: { remove: { regex: '.*' } }") as site:
        assert site.send(headers=[("Cookie", "a=1; b=2")]).get("Cookie") is None


def test_authorization_set_on_one_route_leaves_the_others_alone():
    with Site('headers: { set: { Authorization: "Bearer of-the-gateway" } }') as site:
        assert site.send(headers=[("Authorization", "Bearer mine")]).all("Authorization") == ["Bearer of-the-gateway"]
        assert site.send(target="/plain/a", headers=[("Authorization", "Bearer mine")]).all("Authorization") == ["Bearer mine"]


JWT = f"""
policies:
  signed-in: {{ jwt: {{ algorithms: [HS256], secret: "{SECRET}", claims_to_headers: {{ X-User-ID: sub }} }} }}
"""


def bearer(**more):
    return ("Authorization", "Bearer " + hs(claims(**more)))


def test_a_header_that_is_set_from_a_claim_comes_from_no_client_on_any_route():
    with Site('headers: { set: { X-Plan: "{claims.plan}" } }', more=JWT, use="- signed-in") as site:
        assert site.send(headers=[bearer(sub="u", plan="gold"), ("X-Plan", "forged")]).all("X-Plan") == ["gold"]
        assert site.send(headers=[bearer(sub="u"), ("x_plan", "forged")]).all("X-Plan") == []
        for spelling in ("X-Plan", "x_plan", "X_PLAN"):
            seen = site.send(target="/plain/a", headers=[(spelling, "forged")])
            assert "forged" not in str(seen.headers)
        assert site.refusal(headers=[bearer(sub="u", plan=["a"])]) == (403, "route.claim_refused")
        assert site.refusal(headers=[bearer(sub="u", plan="a\r\nb")]) == (403, "route.claim_refused")


def test_what_is_renamed_from_an_identity_header_is_no_clients_even_without_one():
    optional = JWT.replace("algorithms:", "optional: true, algorithms:")
    with Site("headers: { rename: { X-User-ID: X-Uid } }", more=optional, use="- signed-in") as site:
        assert site.send(headers=[bearer(sub="ada"), ("X-Uid", "forged")]).all("X-Uid") == ["ada"]
        assert site.send(headers=[("X-Uid", "forged")]).all("X-Uid") == []


BODY = """
body:
  user: { id: $.id, name: "{$.first} {$.last}" }
  plan: { get: $.plan, default: free }
  total: $.total
  tags: $.tags[*]
"""


def test_a_body_is_made_of_the_clients_with_its_exact_numbers():
    with Site(BODY) as site:
        seen = site.send("POST", headers=[("Content-Type", "text/json"), ("Content-MD5", "x"), ("Digest", "y")],
                         body=b'{"id":12345678901234567890,"first":"Ada","last":"L","total":2.0,"tags":[1e2,"\\u00e9"]}')
    assert seen.body == ('{"user":{"id":12345678901234567890,"name":"Ada L"},"plan":"free","total":2.0,"tags":[1e2,"\\u00e9"]}').encode()
    assert seen.get("Content-Length") == str(len(seen.body)) and seen.get("Content-Type") == "application/json"
    assert seen.get("Content-MD5") is None and seen.get("Digest") is None and not seen.chunked


def test_a_chunked_body_leaves_with_a_length_and_without_its_trailers():
    with Site("body: { n: $.n }") as site, Client(site.port) as client:
        client.send_head("POST", "/x/a", [("Transfer-Encoding", "chunked"), ("Trailer", "X-T")])
        for part in (b'{"n"', b":", b" 7, ", b'"m":1}'):
            client.send(chunk(part))
        client.send(b"0\r\nX-T: 1\r\n\r\n")
        assert client.read_response().status == 200
        seen = site.echo.last
        assert (seen.body, seen.chunked, seen.trailers) == (b'{"n":7}', False, [])
        assert client.get("/plain/a").status == 200


def deflated(text):
    return zlib.compress(text)


@pytest.mark.parametrize("coding,encode", [("gzip", gzip.compress), ("deflate", deflated), ("x-gzip", gzip.compress)])
def test_a_coded_body_is_undone_first(coding, encode):
    with Site("body: { n: $.n }") as site:
        seen = site.send("POST", headers=[("Content-Encoding", coding)], body=encode(b'{"n": 1}'))
        assert seen.body == b'{"n":1}' and seen.get("Content-Encoding") is None


@pytest.mark.parametrize("coding,body", [("zstd", b"{}"), ("gzip", b'{"n":1}'), ("gzip", gzip.compress(b'{"n":1}', mtime=0)[:-4]), ("gzip, gzip, gzip, gzip", b"")])
def test_a_coding_that_cannot_be_undone_is_refused(coding, body):
    with Site("body: { n: $.n }") as site:
        assert site.refusal("POST", headers=[("Content-Encoding", coding)], body=body) == (415, "body.encoding")


def test_a_body_that_swells_over_the_bound_is_refused():
    with Site("body: { n: $.n }\nmax_body: 64KiB") as site:
        assert site.refusal("POST", headers=[("Content-Encoding", "gzip")], body=gzip.compress(b" " * (10 << 20), mtime=0)) == (413, "http.body_too_large")


@pytest.mark.parametrize("body", [b"{", b"<a/>", b"{} x", b'{"a":1,"a":2}', b'"\\ud800"', b"\xff", b"", b"[" * 100 + b"]" * 100])
def test_a_body_that_is_not_good_json_is_refused(body):
    with Site("body: { n: $.n }") as site:
        assert site.refusal("POST", body=body) == (400, "body.not_json")
        assert site.refusal("POST", headers=[("Content-Type", "application/json")], body=body) == (400, "body.not_json")


def test_a_required_value_that_is_missing_is_named():
    with Site("body: { id: { get: $.user.id, required: true } }") as site:
        before = len(site.echo.requests)
        answer = fetch(site.port, "POST", "/x/a", body=b'{"user":{}}')
        assert (answer.status, answer.code) == (400, "body.mapping") and "$.user.id" in answer.json()["detail"]
        assert len(site.echo.requests) == before


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_bound_is_refused_whole_and_never_cut(chunked):
    with Site("body: { n: $.n }\nmax_body: 16KiB") as site:
        small = b'{"n":1,"pad":"' + b"x" * (16 * KIB - 16) + b'"}'
        assert len(small) == 16 * KIB
        assert site.send("POST", body=small).body == b'{"n":1}'
        large = small[:-2] + b'x"}'
        if not chunked:
            assert site.refusal("POST", body=large) == (413, "http.body_too_large")
            return
        with Client(site.port) as client:
            client.send_head("POST", "/x/a", [("Transfer-Encoding", "chunked")])
            client.send(chunk(large) + b"0\r\n\r\n")
            answer = client.read_response()
        assert (answer.status, answer.code) == (413, "http.body_too_large")


def test_a_length_over_the_bound_is_refused_before_the_body_is_asked_for():
    with Site("body: { n: $.n }\nmax_body: 1KiB") as site, Client(site.port) as client:
        client.send_head("POST", "/x/a", [("Content-Length", 1 << 20), ("Expect", "100-continue")])
        answer = client.read_response()
        assert (answer.status, answer.code, answer.interim) == (413, "http.body_too_large", [])


def test_a_client_that_waits_for_100_gets_it_and_the_service_is_not_asked_to_wait():
    with Site("body: { n: $.n }") as site, Client(site.port) as client:
        client.send_head("POST", "/x/a", [("Content-Length", 7), ("Expect", "100-continue")])
        client.wire.line("the interim answer")
        assert client.wire.line("its end") == b""
        client.send(b'{"n":1}')
        assert client.read_response().status == 200
        assert site.echo.last.get("Expect") is None and site.echo.last.body == b'{"n":1}'


def test_a_body_of_several_buffers_is_made_and_sent_whole():
    items = [{"id": i, "text": "x" * 100} for i in range(40_000)]
    body = json.dumps({"items": items}).encode()
    with Site("body: { list: \"$.items[*].id\" }\nmax_body: 8MiB") as site:
        assert json.loads(site.send("POST", body=body).body) == {"list": list(range(40_000))}
    with Site("body: $.items\nmax_body: 8MiB") as site:
        seen = site.send("POST", body=body)
        assert seen.length == len(json.dumps(items)) and not seen.chunked


def test_a_get_without_a_body_stays_without_one():
    with Site("body: { n: $.n }") as site:
        seen = site.send("GET")
        assert seen.get("Content-Length") is None and seen.get("Content-Type") is None


def test_a_constant_body_goes_with_a_method_that_has_one():
    with Site('method: POST\nbody: { query: "{query.q}", limit: 10 }') as site:
        seen = site.send("GET", target='/x/a?q=a"b')
        assert (seen.method, seen.body) == ("POST", b'{"query":"a\\"b","limit":10}')
        assert site.send("POST", target="/x/a?q=x", body=b"not json").body == b'{"query":"x","limit":10}'


FORM = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")


def test_a_form_is_read_as_an_object_of_texts_and_lists():
    with Site("body: { name: $.name, tags: $.tag, all: $ }") as site:
        seen = site.send("POST", headers=[FORM], body=b"name=Ada+L%2e&tag=a&tag=b&empty=&flag")
    assert json.loads(seen.body) == {"name": "Ada L.", "tags": ["a", "b"],
                                     "all": {"name": "Ada L.", "tag": ["a", "b"], "empty": "", "flag": ""}}
    assert seen.get("Content-Type") == "application/json"


def test_json_under_a_forms_type_is_json():
    with Site("body: { user: $.name }") as site:
        seen = site.send("POST", headers=[FORM], body=b' {"name":"a&b=c"}')
        assert (seen.body, seen.get("Content-Type")) == (b'{"user":"a&b=c"}', "application/json")
    with Site("edit: { remove: $.x }") as site:
        seen = site.send("POST", headers=[FORM], body=b'{"name":"a","x":1}')
        assert (seen.body, seen.get("Content-Type")) == (b'{"name":"a"}', "application/json")


def test_a_body_leaves_as_a_form():
    with Site("body: { user: $.name, n: $.n, tag: $.tags, none: $.none }\nas: form") as site:
        seen = site.send("POST", body=b'{"name":"a&b c","n":2.50,"tags":["x","y"],"none":null}')
        assert seen.body == b"user=a%26b+c&n=2.50&tag=x&tag=y"
        assert seen.get("Content-Type") == "application/x-www-form-urlencoded"
        assert site.refusal("POST", body=b'{"name":{"a":1}}') == (400, "body.mapping")


def test_headers_query_and_path_are_made_of_the_body_too():
    with Site("""
path: "/tenants/{$.tenant}"
headers: { set: { X-Order: "{$.order.id}", X-None: "{$.nope}" } }
query: { set: { total: "{$.order.total}" } }
""") as site:
        body = b'{"tenant":"a b","order":{"id":18446744073709551616,"total":2.0}}'
        seen = site.send("POST", target="/x/a", body=body)
        assert seen.target == "/tenants/a%20b?total=2.0" and seen.get("X-Order") == "18446744073709551616" and seen.get("X-None") is None
        assert seen.body == body
        assert site.refusal("POST", body=b'{"tenant":"..","order":{}}') == (400, "route.bad_rewrite")
        assert site.refusal("POST", body=b'{"tenant":"t","order":{"id":"a\\r\\nb"}}')[0] == 400
        assert site.refusal("POST", body=b'{"tenant":"t","order":{"id":{}}}')[0] == 400


@pytest.mark.parametrize("when,matching,other", [
    ("{ headers: { X-Kind: a } }", dict(headers=[("X-Kind", "a")]), dict(headers=[("X-Kind", "b")])),
    ("{ headers: { X-Kind: { present: false } } }", dict(), dict(headers=[("X-Kind", "b")])),
    ("{ query: { v: { regex: '[0-9]+' } } }", dict(target="/x/a?v=12"), dict(target="/x/a?v=x")),
    ("{ content_type: [application/json, application/*+json] }", dict(headers=[("Content-Type", "application/ld+json; a=b")]),
     dict(headers=[("Content-Type", "text/plain")])),
    ("{ body: \"$.plan == 'gold'\" }", dict(method="POST", body=b'{"plan":"gold"}'), dict(method="POST", body=b'{"plan":"free"}')),
    ("{ body: \"$.plan == 'gold'\" }", dict(method="POST", body=b'{"plan":"gold"}'), dict(method="POST", body=b"no json")),
    ("{ body: \"$.plan == 'gold'\" }", dict(method="POST", body=b'{"plan":"gold"}'), dict(method="GET")),
])
def test_only_requests_for_which_when_holds_are_changed(when, matching, other):
    with Site(f"when: {when}\nheaders: {{ set: {{ X-Changed: 'yes' }} }}") as site:
        assert site.send(**matching).get("X-Changed") == "yes"
        seen = site.send(**other)
        assert seen.get("X-Changed") is None and seen.body == other.get("body", b"")


def test_two_transforms_follow_each_other():
    first = "body: { a: $.a, n: 1 }\nheaders: { set: { X-One: one } }"
    use = "- transform: { request: { body: { a: { inner: $.a } }, headers: { set: { X-Two: \"{header.x-zero}\" } } } }"
    with Site(first, use=use) as site:
        seen = site.send("POST", headers=[("X-Zero", "0")], body=b'{"a":5}')
        assert seen.body == b'{"a":{"inner":5},"n":1}' and (seen.get("X-One"), seen.get("X-Two")) == ("one", "0")


def test_what_one_transform_sets_the_next_one_sees():
    first = '- transform: { request: { body: { a: $.a }, as: form, headers: { set: { X-Plan: gold } } } }'
    with Site("when: { headers: { X-Plan: gold }, content_type: application/x-www-form-urlencoded }\nbody: { form: $ }", use=first) as site:
        seen = site.send("POST", headers=[("X-Plan", "free"), ("Content-Type", "application/json")], body=b'{"a":1}')
        assert (seen.body, seen.all("Content-Type"), seen.all("X-Plan")) == (b'{"form":{"a":"1"}}', ["application/json"], ["gold"])


def test_a_renamed_pair_is_the_only_one_of_its_name():
    with Site("query: { rename: { a: role } }") as site:
        assert site.send(target="/x/p?a=1;role=9&a=3&role=2&b=4").target == "/p?role=3&b=4"
        assert site.send(target="/x/p?a=1&b=2&a=3").target == "/p?role=1&b=2&role=3"
    with Site("query: { copy: { a: role } }") as site:
        assert site.send(target="/x/p?a=1;role=9&a=3&role=2").target == "/p?a=3&role=3"


def test_t20_what_a_match_becomes_is_a_template():
    config = """
services: { s: URL }
routes:
  - match: "/{service}/**"
    use:
      - transform:
          request:
            headers: { replace: { X-Base: { regex: "^/(.*)$", with: '/{service}/\\1{{{header.X-Tail}}}' } } }
            query: { replace: { to: { regex: "^~", with: '{query.base}' } } }
          response: { headers: { replace: { Location: { regex: "^/", with: "/{service}/" } } } }
    forward: { service: s, path: "/{**}", location: pass }
"""
    with Echo() as echo, Gateway(config.replace("URL", echo.url)) as gateway:
        seen = get(gateway.port, "/shop/x?to=~/a&base=%5C1%5C", [("X-Base", "/b"), ("X-Tail", r"\1\0\\")]).json()
        assert ["X-Base", r"/shop/b{\1\0\\}"] in seen["headers"], seen
        assert seen["target"] == "/x?to=%5C1%5C%2Fa&base=%5C1%5C"
        # No value is no text.
        seen = get(gateway.port, "/shop/x?to=~/a", [("X-Base", "/b")]).json()
        assert ["X-Base", "/shop/b{}"] in seen["headers"] and seen["target"] == "/x?to=%2Fa"
    with Scripted(answering(b"", "302 Found", [("Location", "/login")])) as service, Gateway(config.replace("URL", service.url)) as gateway:
        assert get(gateway.port, "/shop/x").get("location") == "/shop/login"


@pytest.mark.parametrize("made,said", [("{nobody}", "unknown-value"), ("\\\\{id}", "bad-regex"), ("{id", "bad-template"), ("{claims.sub}", "no-identity")])
def test_what_a_match_becomes_is_judged_as_a_template_is(made, said):
    ran = check('services: { s: http://127.0.0.1:1 }\nroutes: [{ match: "/{id}", use: [{ transform: { request: { headers: { replace: '
                '{ X-A: { regex: "a", with: "%s" } } } } } }], forward: { service: s } }]\n' % made)
    assert ran.code == 1 and f"[{said}]" in ran.out, ran.text


GUARDED_BODY = """
services: {{ svc: {url} }}
routes:
  - {{ match: /edit, use: [{{ transform: {{ request: {{ edit: {{ remove: $.role }} }} }} }}], forward: {{ service: svc }} }}
  - {{ match: /when, use: [{{ transform: {{ request: {{ when: {{ body: "$.role == 'admin'" }}, edit: {{ remove: $.role }} }} }} }}], forward: {{ service: svc }} }}
"""
ROLE = '{"role":"admin"}'


@pytest.mark.parametrize("target", ["/edit", "/when"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", None])
@pytest.mark.parametrize("body,wanted", [
    (b"\xef\xbb\xbf" + ROLE.encode(), b"{}"), (ROLE.encode("utf-16-be"), 400), (ROLE.encode("utf-16-le"), 400), (ROLE.encode("utf-16"), 400),
    (b"\xfe\xff" + ROLE.encode("utf-16-be"), 400), (ROLE.encode("utf-32-be"), 400), (b"\0" + ROLE.encode(), 400),
], ids=["mark", "utf-16-be", "utf-16-le", "utf-16", "utf-16-be-mark", "utf-32-be", "nul"])
def test_json_in_another_encoding_is_no_way_around_a_rule_over_the_body(target, kind, body, wanted):
    with Echo() as upstream, Gateway(GUARDED_BODY.format(url=upstream.url)) as gateway:
        answer = fetch(gateway.port, "POST", target, [("Content-Type", kind)] if kind else [], body)
        if wanted == 400:
            assert answer.status == 400 and not upstream.requests, (answer.status, upstream.requests)
        else:
            assert answer.status == 200 and upstream.requests[-1].body == wanted


@pytest.mark.parametrize("target", ["/edit", "/when"])
@pytest.mark.parametrize("body,wanted", [(b"\xef\xbb\xbfrole=admin&id=1", b"id=1"), ("role=admin".encode("utf-16"), 400), ("role=admin".encode("utf-16-be"), 400)],
                         ids=["mark", "utf-16", "utf-16-be"])
def test_a_form_in_another_encoding_is_none(target, body, wanted):
    with Echo() as upstream, Gateway(GUARDED_BODY.format(url=upstream.url)) as gateway:
        answer = fetch(gateway.port, "POST", target, [("Content-Type", "application/x-www-form-urlencoded")], body)
        assert (upstream.requests[-1].body if answer.status == 200 else answer.status) == wanted


def test_values_of_a_query_have_a_bound():
    config = """
services: {{ svc: {url} }}
routes: [{{ match: /, use: [{{ transform: {{ request: {{ query: {{ set: {{ q: "{{$.v}}" }} }} }} }} }}], forward: {{ service: svc }} }}]
"""
    with Echo() as upstream, Gateway(config.format(url=upstream.url)) as gateway:
        for size, status in ((60_000, 200), (70_000, 400)):
            answer = fetch(gateway.port, "POST", "/", [("Content-Type", "application/json")], b'{"v":"' + b"x" * size + b'"}')
            assert answer.status == status, answer.body
        assert len(upstream.requests) == 1
