"""jwt: a good token lets in under its claims; every other one is refused, and says why only to the operator."""
import base64
import json
import time

import pytest

from support.client import get
from support.gateway import Gateway, check, explain
from support.tokens import SECRET, SigningKey, b64, bearer, claims, hs, sign, signed
from support.upstream import Echo, eventually

CONFIG = """
policies:
  signed-in:
    jwt:
      algorithms: [HS256]
      secret: SECRET
      claims_to_headers: { X-User-ID: sub, X-User-Email: email, X-Roles: roles, X-Org: org.name, "X-Odd": "['https://odd.test/x']" }
  strict: { jwt: { algorithms: [HS256], secret: SECRET, issuer: [https://id.test, https://id2.test], audience: [api, web], required_claims: [jti], max_age: 60s } }
  tenants: { jwt: { algorithms: [HS256], secret: SECRET, required_claims: { org.tier: [gold, silver] } } }
  lenient: { jwt: { algorithms: [HS256], secret: SECRET, leeway: 30s } }
  maybe: { jwt: { algorithms: [HS256], secret: SECRET, optional: true, claims_to_headers: { X-User-ID: sub } } }
  passing: { jwt: { algorithms: [HS256], secret: SECRET, forward_token: true } }
  anywhere: { jwt: { algorithms: [HS256], secret: SECRET, from: [{ header: Authorization }, { header: X-Token }, { cookie: session }, { query: access_token }] } }
  watched: { mode: shadow, jwt: { algorithms: [HS256], secret: SECRET, claims_to_headers: { X-Seen: sub, X-Seen-Email: email } } }
  partner: { api_key: { keys: [{ name: acme, sha256: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae }] } }
  either: { any_of: [signed-in, partner] }
services: { svc: URL }
routes:
  - { match: /in, use: [signed-in], forward: { service: svc } }
  - { match: /strict, use: [strict], forward: { service: svc } }
  - { match: /tenants, use: [tenants], forward: { service: svc } }
  - { match: /lenient, use: [lenient], forward: { service: svc } }
  - { match: /maybe, use: [maybe], forward: { service: svc } }
  - { match: /passing, use: [passing], forward: { service: svc } }
  - { match: /anywhere, use: [anywhere], forward: { service: svc } }
  - { match: /shadow, use: [watched], forward: { service: svc } }
  - { match: /either, use: [either], forward: { service: svc } }
  - { match: /open, forward: { service: svc } }
  - { match: "/all/{service}/**", use: [signed-in], forward: { service: "{service}", path: "/{**}" } }
  - { match: /users, use: [signed-in], forward: { service: svc, path: "/users/{claims.sub}" } }
  - { match: /encoded, use: [signed-in], encoded: allow, forward: { service: svc, path: "/users/{claims.sub}" } }
  - { match: /query, use: [signed-in], forward: { service: svc, path: "/q?user={claims.sub}&org={claims.org.name}&{query}" } }
  - { match: /whoami, use: [signed-in], respond: { headers: { X-Me: "{claims.sub}" }, body: { id: "{claims.sub}", mail: "{claims.email}" } } }
  - { match: /greeting, use: [lenient], respond: { headers: { X-Me: "{claims.sub} {query.q}" } } }
  - { match: /home, use: [signed-in], redirect: { to: "/users/{claims.sub}/home?q={claims.sub}", status: 303 } }
""".replace("SECRET", SECRET)


@pytest.fixture(scope="module")
def setup():
    with Echo() as upstream:
        with Gateway(CONFIG.replace("URL", upstream.url)) as gateway:
            yield gateway, upstream


def sent(answer):
    """The headers that the service got."""
    assert answer.status == 200, answer.body
    return {n.lower(): v for n, v in answer.json()["headers"]}


def refused(answer, code, status=401, title="Invalid token"):
    assert answer.status == status and answer.code == code, answer.body
    assert answer.get("Content-Type") == "application/problem+json" and answer.json()["title"] == title
    return answer


def test_a_good_token_lets_in_under_its_claims_and_goes_no_further(setup):
    gateway, _ = setup
    token = hs(claims("alice", email="a@b.test", roles=["admin", "dev,ops"], org={"name": "acme"}, **{"https://odd.test/x": 7}))
    headers = sent(get(gateway.port, "/in", bearer(token)))
    assert headers["x-user-id"] == "alice" and headers["x-user-email"] == "a@b.test" and headers["x-org"] == "acme"
    assert headers["x-roles"] == "admin,dev%2Cops" and headers["x-odd"] == "7"
    assert "authorization" not in headers and token not in str(headers)
    again = sent(get(gateway.port, "/in", bearer(token)))
    assert again["x-user-id"] == "alice"


def test_who_may_not_pass_does_not_learn_which_services_there_are(setup):
    gateway, _ = setup
    refused(get(gateway.port, "/all/nobody/x"), "jwt.missing")
    assert get(gateway.port, "/all/nobody/x", bearer(hs(claims()))).code == "route.service_not_found"
    answer = get(gateway.port, "/all/svc/users/1?a=1", bearer(hs(claims("alice"))))
    assert sent(answer)["x-user-id"] == "alice" and answer.json()["target"] == "/users/1?a=1"


def test_without_a_token_the_answer_names_the_scheme_and_nothing_more(setup):
    answer = refused(get(setup[0].port, "/in"), "jwt.missing")
    assert answer.get("WWW-Authenticate") == 'Bearer realm="Restricted"'
    assert refused(get(setup[0].port, "/in", [("Authorization", "Basic YTpi")]), "jwt.missing").get("WWW-Authenticate") == 'Bearer realm="Restricted"'


@pytest.mark.parametrize("places,said", [
    ("{ cookie: sess }", "send one in the cookie sess."), ("[{ header: X-Token }, { query: t }]", "send one in the header X-Token or in the query parameter t."),
    ("[{ header: X-Token }, { header: Authorization }]", "Authorization")])
def test_who_sends_no_token_is_told_where_one_may_stand(places, said):
    with Gateway(f"routes: [{{ match: /x, use: [{{ jwt: {{ algorithms: [HS256], secret: {SECRET}, from: {places} }} }}], respond: {{}} }}]\n") as gateway:
        answer = get(gateway.port, "/x")
        assert answer.status == 401 and said in answer.json()["detail"], answer.body
        assert "Bearer <token>" not in answer.json()["detail"] or "Authorization" in places


def test_a_bad_token_is_told_in_the_words_of_rfc_6750(setup):
    answer = refused(get(setup[0].port, "/in", bearer(hs(claims(lasts=-5)))), "jwt.expired")
    assert answer.get("WWW-Authenticate") == 'Bearer realm="Restricted", error="invalid_token", error_description="The token has expired: get a new one."'
    assert "detail" in answer.json() and answer.json()["request_id"]


GOOD = hs(claims())


@pytest.mark.parametrize("member,value", [("crit", ["x"]), ("crit", []), ("typ", "logout+jwt"), ("typ", 1), ("cty", "JWT"), ("b64", False), ("kid", 7)])
def test_t61_the_detail_names_the_member_of_the_header_that_was_refused(setup, member, value):
    answer = refused(get(setup[0].port, "/in", bearer(hs(claims(), **{member: value})) + [("X-Request-ID", "member")]), "jwt.malformed")
    assert answer.json()["detail"] == f"The member {member} of the token's header is not accepted here."
    assert f'error_description="The member {member} of the token\'s header is not accepted here."' in answer.get("WWW-Authenticate")


def test_t61_the_detail_says_that_a_token_is_missing_or_is_no_token(setup):
    assert "No token was sent" in refused(get(setup[0].port, "/in"), "jwt.missing").json()["detail"]
    detail = refused(get(setup[0].port, "/in", bearer("x")), "jwt.malformed").json()["detail"]
    assert detail == "This is not a signed token in compact form."


def name_of(value):
    """Tests have the same names in every run."""
    return "long" if isinstance(value, str) and len(value) > 40 else None



@pytest.mark.parametrize("token,code", [
    ("", "jwt.malformed"), ("x", "jwt.malformed"), ("a.b.c", "jwt.malformed"), ("a.b.c.d.e", "jwt.malformed"), (GOOD + ".", "jwt.malformed"),
    (GOOD[:-1], None), (GOOD + "=", "jwt.malformed"), ("{}", "jwt.malformed"), (GOOD.replace(".", ".."), "jwt.malformed"), (GOOD[:-4] + "AAAA", "jwt.signature"),
    (hs(claims(), secret="another secret of some length, indeed"), "jwt.signature"), (hs(claims(), algorithm="HS512"), "jwt.algorithm"),
    (sign({"alg": "none"}, claims(), lambda _: b""), None), (sign({"alg": "none"}, claims(), lambda _: b"x"), "jwt.algorithm"),
    (sign({"alg": "nOnE"}, claims(), lambda _: b"x"), "jwt.algorithm"), (hs(claims(), crit=["x"], x=1), "jwt.malformed"), (hs("[]"), "jwt.malformed"),
    (hs("{"), "jwt.malformed"), (hs('{"sub":"a","sub":"b","exp":9999999999}'), "jwt.malformed"), (hs(claims(lasts=-1)), "jwt.expired"),
    (hs({"sub": "a"}), None), (hs({"sub": "a", "exp": "9999999999"}), None), (hs(claims(lasts=7200, nbf=int(time.time()) + 3600)), "jwt.not_yet_valid"),
    (hs(claims(), typ="at+jwt"), "good"), (hs(claims(), typ="logout+jwt"), "jwt.malformed"), ("A" * 17000, "jwt.malformed")], ids=name_of)
def test_r18_r19_no_other_token_passes(setup, token, code):
    gateway, upstream = setup
    before = len(upstream.requests)
    answer = get(gateway.port, "/in", bearer(token))
    if code == "good":
        assert answer.status == 200
        return
    assert answer.status == 401 and answer.code.startswith("jwt.") and (code is None or answer.code == code), answer.body
    assert len(upstream.requests) == before


def test_r18_two_tokens_are_one_too_many(setup):
    gateway, _ = setup
    refused(get(gateway.port, "/in", bearer(GOOD) + bearer(GOOD)), "jwt.multiple")
    refused(get(gateway.port, "/anywhere?access_token=" + GOOD, bearer(GOOD)), "jwt.multiple")
    refused(get(gateway.port, "/anywhere", [("Cookie", f"session={GOOD}; session={GOOD}")]), "jwt.multiple")


def test_an_expired_token_is_refused_however_often_it_was_accepted(setup):
    gateway, _ = setup
    end = int(time.time()) + 2
    token = hs({"sub": "alice", "exp": end})
    assert get(gateway.port, "/in", bearer(token)).status == 200
    while time.time() < end:
        answer = get(gateway.port, "/in", bearer(token))
        assert answer.status == 200 or time.time() >= end, answer.body
    for _ in range(8):  # on both workers
        refused(get(gateway.port, "/in", bearer(token)), "jwt.expired")


def test_leeway_moves_both_ends(setup):
    gateway, _ = setup
    now = int(time.time())
    assert get(gateway.port, "/lenient", bearer(hs(claims(exp=now - 10)))).status == 200
    assert get(gateway.port, "/lenient", bearer(hs(claims(nbf=now + 10)))).status == 200
    refused(get(gateway.port, "/lenient", bearer(hs(claims(exp=now - 40)))), "jwt.expired")
    refused(get(gateway.port, "/lenient", bearer(hs(claims(nbf=now + 60)))), "jwt.not_yet_valid")


@pytest.mark.parametrize("changed,code", [
    ({}, "good"), ({"iss": "https://id2.test", "aud": ["x", "web"]}, "good"), ({"iss": "https://id.test/"}, "jwt.issuer"), ({"iss": None}, "jwt.issuer"),
    ({"iss": ["https://id.test"]}, "jwt.claim"), ({"aud": "other"}, "jwt.audience"), ({"aud": None}, "jwt.audience"), ({"aud": []}, "jwt.audience"),
    ({"aud": 7}, "jwt.claim"), ({"jti": None}, "jwt.claim"), ({"iat": None}, None), ({"iat": 1_000_000_000}, "jwt.too_old"), ({"iat": 99_999_999_999}, None)])
def test_claims_must_say_what_the_configuration_expects(setup, changed, code):
    made = {"iss": "https://id.test", "aud": "api", "jti": "1", "iat": int(time.time()), **changed}
    answer = get(setup[0].port, "/strict", bearer(hs(claims(**made))))
    if code == "good":
        assert answer.status == 200, answer.body
    else:
        assert answer.status == 401 and (code is None or answer.code == code), answer.body


def test_required_claims_may_have_values_and_stand_deep(setup):
    gateway, _ = setup
    assert get(gateway.port, "/tenants", bearer(hs(claims(org={"tier": "gold"})))).status == 200
    assert get(gateway.port, "/tenants", bearer(hs(claims(org={"tier": ["iron", "silver"]})))).status == 200
    for org in ({"tier": "iron"}, {}, None, "gold", {"tier": {"gold": True}}):
        refused(get(gateway.port, "/tenants", bearer(hs(claims(org=org)))), "jwt.claim")


@pytest.mark.parametrize("path,token", [("/in", GOOD), ("/open", None), ("/maybe", None), ("/shadow", None), ("/lenient", GOOD)], ids=name_of)
@pytest.mark.parametrize("name", ["X-User-ID", "x-user-id", "X_User_Id", "X_USER-ID", "X-User-Email", "x_user_email", "X_Org"])
def test_r1_r2_r4_a_client_never_writes_such_a_header_itself(setup, path, token, name):
    headers = sent(get(setup[0].port, path, [(name, "admin")] + (bearer(token) if token else [])))
    assert "admin" not in headers.values()
    assert headers.get("x-user-id") == ("alice" if path == "/in" else None) and "x_user_id" not in headers


def test_r1_connection_cannot_take_the_header_off(setup):
    assert sent(get(setup[0].port, "/in", bearer(GOOD) + [("Connection", "close, X-User-ID, X-User-Email")]))["x-user-id"] == "alice"


def test_r3_nor_can_many_others_hide_one(setup):
    fillers = [(f"X-Filler-{i}", "x") for i in range(120)]
    answer = get(setup[0].port, "/in", bearer(GOOD) + fillers + [("X-User-ID", "admin"), ("X_User_Email", "admin")])
    assert list(sent(answer).values()).count("admin") == 0 and sent(answer)["x-user-id"] == "alice"


def test_r4_a_claim_that_is_not_there_gives_no_header(setup):
    headers = sent(get(setup[0].port, "/in", bearer(hs(claims(email=None, roles=[]))) + [("X-User-Email", "admin@x"), ("X-Roles", "admin")]))
    assert "x-user-email" not in headers and "x-roles" not in headers


@pytest.mark.parametrize("value,read", [("a@b.test ", "a@b.test"), (" \ta b\t ", "a b"), (" ", ""), ([" a ", "b"], "%20a%20,b")])
def test_t12_outer_white_space_of_a_claim_is_trimmed_in_its_header(setup, value, read):
    token = bearer(hs(claims(" alice ", email=value)))
    for _ in range(2):  # judged, and known
        headers = sent(get(setup[0].port, "/in", token))
        assert headers["x-user-email"] == read and headers["x-user-id"] == "alice"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "a\n", " a\r", {"a": 1}, [["a"]]])
def test_a_claim_that_no_header_can_carry_is_refused(setup, value):
    answer = get(setup[0].port, "/in", bearer(hs(claims(email=value))))
    assert answer.status == 403 and answer.code == "route.claim_refused"


@pytest.mark.parametrize("spelling", ["Bearer {}", "bearer {}", "BEARER {}", "bEARER   {}", "Bearer {}  "])
def test_the_scheme_is_bearer_in_any_case(setup, spelling):
    assert get(setup[0].port, "/in", [("Authorization", spelling.format(GOOD))]).status == 200


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer a b", f"Bearer {GOOD}, Bearer {GOOD}", f"Bearer\t{GOOD}", f"Bearer,{GOOD}", GOOD], ids=name_of)
def test_anything_else_there_is_none(setup, value):
    assert get(setup[0].port, "/in", [("Authorization", value)]).status == 401


@pytest.mark.parametrize("headers,target,left", [
    ([("X-Token", GOOD)], "", {}), ([("x-token", "Bearer " + GOOD)], "", {}), ([("Cookie", f"a=1; session={GOOD}; b=2")], "", {"cookie": "a=1; b=2"}),
    ([("Cookie", f"session={GOOD}")], "", {}), ([("Cookie", f"session={GOOD};a=1")], "", {"cookie": "a=1"}), ([], "?access_token=" + GOOD, {}),
    ([], f"?a=1&access%5Ftoken={GOOD}&b=%2F", {"": "/anywhere?a=1&b=%2F"})], ids=name_of)
def test_a_token_is_found_and_taken_off_wherever_it_may_stand(setup, headers, target, left):
    gateway, upstream = setup
    answer = get(gateway.port, "/anywhere" + target, headers + [("X-Request-ID", "place-1")])
    got = sent(answer)
    assert GOOD not in str(upstream.last.headers) + upstream.last.target
    assert got.get("cookie") == left.get("cookie") and "x-token" not in got
    assert upstream.last.target == left.get("", "/anywhere")


def test_r37_no_token_stands_in_the_log_or_in_an_answer(setup):
    gateway, _ = setup
    bad = hs(claims(), secret="x" * 40)
    ids = []
    for i, (target, headers) in enumerate([("/anywhere?access_token=" + GOOD, []), ("/anywhere?access_token=" + bad, []), ("/in", bearer(bad)),
                                           ("/in", bearer(GOOD)), ("/anywhere", [("Cookie", "session=" + bad)])]):
        ids.append(f"quiet-{i}")
        answer = get(gateway.port, target, headers + [("X-Request-ID", ids[-1])])
        assert answer.status == 200 or (bad not in answer.body.decode() and bad not in str(answer.headers))
    for name in ids:
        gateway.access_line(lambda e, n=name: e["request_id"] == n)
    log = b"".join(gateway.stdout).decode() + "\n".join(gateway.stderr)
    assert GOOD not in log and bad not in log and GOOD.split(".")[2] not in log and bad.split(".")[2] not in log


def test_optional_lets_pass_without_a_token_but_not_with_a_bad_one(setup):
    gateway, _ = setup
    assert "x-user-id" not in sent(get(gateway.port, "/maybe"))
    assert sent(get(gateway.port, "/maybe", bearer(GOOD)))["x-user-id"] == "alice"
    assert sent(get(gateway.port, "/maybe", [("Authorization", "Basic YTpi")]))["authorization"] == "Basic YTpi"
    refused(get(gateway.port, "/maybe", bearer(GOOD[:-4] + "AAAA")), "jwt.signature")


def test_forward_token_passes_it_on(setup):
    assert sent(get(setup[0].port, "/passing", bearer(GOOD)))["authorization"] == "Bearer " + GOOD


def test_in_shadow_it_refuses_nobody_and_believes_only_a_good_token(setup):
    gateway, _ = setup
    for i, (headers, code) in enumerate([([], "jwt.missing"), (bearer(GOOD[:-4] + "AAAA"), "jwt.signature"), (bearer(hs(claims(lasts=-5))), "jwt.expired")]):
        assert "x-seen" not in sent(get(gateway.port, "/shadow", headers + [("X-Seen", "forged"), ("X-Request-ID", f"shadow-{i}")]))
        assert gateway.access_line(lambda e, n=i: e["request_id"] == f"shadow-{n}")["shadow"] == "watched:" + code
    seen = sent(get(gateway.port, "/shadow", bearer(GOOD)))
    assert seen["x-seen"] == "alice"
    # Watching takes nothing away: the service may still be the one that verifies.
    assert seen["authorization"] == "Bearer " + GOOD


def test_in_shadow_a_refusal_halfway_sets_nothing(setup):
    gateway, _ = setup
    headers = sent(get(gateway.port, "/shadow", bearer(hs(claims("alice", email="a\nb"))) + [("X-Request-ID", "halfway")]))
    assert "x-seen" not in headers and "x-seen-email" not in headers
    line = gateway.access_line(lambda e: e["request_id"] == "halfway")
    assert line["shadow"] == "watched:route.claim_refused" and "subject" not in line


def test_a_claim_that_spoils_an_answers_header_is_403(setup):
    refused(get(setup[0].port, "/greeting?q=b", bearer(hs(claims("a\r\nX-Evil: 1")))), "route.claim_refused", 403, "Forbidden")
    refused(get(setup[0].port, "/greeting?q=a%0Ab", bearer(GOOD)), "route.value_refused", 400, "Bad request")


def test_where_it_is_optional_a_tab_makes_no_anonymous_request_of_a_token(setup):
    refused(get(setup[0].port, "/maybe", [("Authorization", f"Bearer\t{GOOD}")]), "jwt.malformed")


def test_another_spelling_of_the_tokens_header_goes_no_further(setup):
    assert not {"x-token", "x_token"} & set(sent(get(setup[0].port, "/anywhere", [("X_Token", GOOD)])))
    refused(get(setup[0].port, "/anywhere", [("X-Token", GOOD), ("X_Token", "unseen")]), "jwt.multiple")


def test_a_query_pair_of_an_identity_that_is_absent_is_left_out():
    with Echo() as echo, Gateway(f"""
services: {{ svc: {echo.url} }}
routes:
  - match: /x
    use:
      - {{ jwt: {{ algorithms: [HS256], secret: {SECRET}, optional: true }} }}
      - {{ forward_auth: {{ service: svc, path: "/asked?who={{claims.sub}}&what=x" }} }}
      - {{ transform: {{ request: {{ path: "/sent?who={{claims.sub}}&what=x" }} }} }}
    forward: {{ service: svc }}
""") as gateway:
        assert get(gateway.port, "/x").status == 200
        assert [r.target for r in echo.requests] == ["/asked?what=x", "/sent?what=x"]


def test_what_shadow_and_optional_cannot_guarantee_is_a_load_error():
    policy = "jwt: { algorithms: [HS256], secret: %s" % SECRET
    head = "services: { svc: http://127.0.0.1:9 }\n"
    for use in (f"{{ mode: shadow, {policy} }} }}", f"{{ {policy}, optional: true }} }}"):
        told = check(head + f"routes: [{{ match: /x, use: [{use}], forward: {{ service: svc, path: \"/{{claims.sub}}\" }} }}]\n")
        assert told.code == 1 and "claims.sub" in told.text, told.text
    for use, good in ((f"{{ mode: shadow, {policy} }} }}", False), (f"{{ {policy}, optional: true }} }}", True)):
        for action in ("respond: { body: \"for {claims.sub}\" }", "forward: { service: svc }"):
            told = check(head + f"routes: [{{ match: /x, use: [{use}, {{ transform: {{ request: {{ headers: {{ set: {{ X-Who: \"{{claims.sub}}\" }} }} }} }} }}], {action} }}]\n")
            assert (told.code == 0) == good and (good or "no-identity" in told.text), told.text
        for target, fine in (("/?who={claims.sub}", good), ("/{claims.sub}", False)):
            for asking in (f'{{ transform: {{ request: {{ path: "{target}" }} }} }}', f'{{ forward_auth: {{ service: svc, path: "{target}" }} }}'):
                told = check(head + f"routes: [{{ match: /x, use: [{use}, {asking}], forward: {{ service: svc }} }}]\n")
                assert (told.code == 0) == fine and (fine or "no-identity" in told.text), told.text
    told = check(head + f"routes: [{{ match: /x, use: [{{ mode: shadow, {policy} }} }}, {{ authorize: {{ scopes: {{ all: [a] }} }} }}], respond: {{}} }}]\n")
    assert told.code == 1 and "authorize" in told.text, told.text


@pytest.mark.parametrize("sub,plain,encoded", [
    ("..", 403, 403), (".", 403, 403), ("", 403, 403), (None, 403, 403), (["x"], 401, 401), ("../admin", 403, 403), ("a/b", 403, "/users/a%2Fb"),
    ("a\\b", 403, None), ("auth0|5 x", "/users/auth0%7C5%20x", "/users/auth0%7C5%20x"), ("é", "/users/%C3%A9", "/users/%C3%A9"), (7, "/users/7", "/users/7"),
    ("a?b=1#c", None, "/users/a%3Fb=1%23c"), ("%2e%2e", None, None), ("a;b", None, None), ({"a": 1}, 401, 401), (True, "/users/true", "/users/true")])
def test_a_claim_in_a_path_is_one_segment_or_nothing_is_sent(setup, sub, plain, encoded):
    gateway, upstream = setup
    for path, expected in (("/users", plain), ("/encoded", encoded)):
        before = len(upstream.requests)
        answer = get(gateway.port, path, bearer(hs(claims(sub))))
        if isinstance(expected, str):
            assert answer.status == 200 and answer.json()["target"] == expected
        elif expected is not None:
            assert answer.status == expected, (path, answer.body)
        if answer.status != 200:
            assert answer.status in (401, 403) and len(upstream.requests) == before, (path, answer.body)
        else:
            assert upstream.last.target.startswith("/users/") and upstream.last.target.count("/") == 2


def test_claims_in_a_query_are_form_encoded_and_cannot_be_overridden(setup):
    gateway, _ = setup
    answer = get(gateway.port, "/query?user=mallory&a=1&org=evil", bearer(hs(claims("a&b=c d", org={"name": "x/y"}))))
    assert answer.json()["target"] == "/q?user=a%26b%3Dc%20d&org=x%2Fy&a=1", answer.json()["target"]
    assert get(gateway.port, "/query", bearer(hs(claims("a")))).json()["target"] == "/q?user=a"


def test_claims_in_answers_and_redirects(setup):
    gateway, _ = setup
    answer = get(gateway.port, "/whoami", bearer(hs(claims("alice", email='a"b'))))
    assert answer.json() == {"id": "alice", "mail": 'a"b'} and answer.get("X-Me") == "alice"
    answer = get(gateway.port, "/home", bearer(hs(claims("a b"))))
    assert answer.status == 303 and answer.get("Location") == "/users/a%20b/home?q=a%20b"
    assert get(gateway.port, "/home", bearer(hs(claims("..")))).status == 403


def test_any_of_takes_the_credential_that_is_there_and_never_the_other(setup):
    gateway, _ = setup
    refused(get(gateway.port, "/either", bearer(GOOD[:-4] + "AAAA") + [("X-API-Key", "foo")]), "jwt.signature")
    assert "x-user-id" not in sent(get(gateway.port, "/either", [("X-API-Key", "foo")]))
    headers = sent(get(gateway.port, "/either", bearer(GOOD) + [("X-API-Key", "foo")]))
    assert headers["x-user-id"] == "alice" and "x-api-key" not in headers and "authorization" not in headers
    answer = get(gateway.port, "/either")
    assert answer.status == 401 and "Bearer" in [v.split()[0].rstrip(",") for v in answer.all("WWW-Authenticate")]


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"])
def test_every_algorithm_verifies_its_own_and_no_other(algorithm):
    if algorithm.startswith("HS"):
        keys = f"secret: {SECRET}"
        good, bad = hs(claims(), algorithm=algorithm), hs(claims(), SECRET + "x", algorithm)
    else:
        key, other = SigningKey(algorithm), SigningKey(algorithm)
        keys = "public_key: |\n" + "".join(f"    {line}\n" for line in key.pem.splitlines())
        good, bad = signed(key, claims()), signed(other, claims())
    config = f"policies:\n p:\n  jwt:\n   algorithms: [{algorithm}]\n   {keys}\nroutes: [{{ match: /x, use: [p], respond: {{ body: {{ ok: true }} }} }}]\n"
    confused = hs(claims(), key.pem) if not algorithm.startswith("HS") else sign({"alg": "RS256"}, claims(), lambda _: b"x" * 256)
    with Gateway(config) as gateway:
        assert get(gateway.port, "/x", bearer(good)).status == 200
        refused(get(gateway.port, "/x", bearer(bad)), "jwt.signature")
        refused(get(gateway.port, "/x", bearer(confused)), "jwt.algorithm")


@pytest.mark.parametrize("configured", ["Ed25519", "EdDSA"])
@pytest.mark.parametrize("published", ["Ed25519", "EdDSA"])
@pytest.mark.parametrize("named", ["Ed25519", "EdDSA"])
def test_t9_ed25519_is_eddsa_wherever_it_is_named(configured, published, named):
    key, other = SigningKey(published, "k"), SigningKey(published, "k")
    config = f"policies: {{ p: {{ jwt: {{ algorithms: [{configured}], keys: '{json.dumps(key.jwk)}' }} }} }}\nroutes: [{{ match: /x, use: [p], respond: {{}} }}]\n"
    with Gateway(config) as gateway:
        assert get(gateway.port, "/x", bearer(signed(key, claims(), alg=named))).status == 200
        refused(get(gateway.port, "/x", bearer(signed(other, claims(), alg=named))), "jwt.signature")
        refused(get(gateway.port, "/x", bearer(signed(key, claims(), alg="Ed448"))), "jwt.algorithm")


@pytest.mark.parametrize("between", ["\\n", " ", "\n", "\\r\\n", ""], ids=["spelt", "spaces", "lines", "spelt-crlf", "nothing"])
def test_t10_a_pem_of_the_environment_is_read_however_its_lines_are_written(between):
    key = SigningKey("RS256")
    config = "policies: { p: { jwt: { algorithms: [RS256], public_key: \"${PEM}\" } } }\nroutes: [{ match: /x, use: [p], respond: {} }]\n"
    with Gateway(config, env={"PEM": key.pem.replace("\n", between)}) as gateway:
        assert get(gateway.port, "/x", bearer(signed(key, claims()))).status == 200
    told = check(config, env={"PEM": "/etc/keys/x.pem"})
    assert told.code == 1 and "did you mean { file: ${PEM} }?" in told.err + told.out, told.err


@pytest.mark.parametrize("written", ["\"${S}\"", "{ file: s }", "{ base64: \"${S64}\" }", "{ base64: { file: s64 } }"])
def test_t10_a_secret_is_the_same_wherever_it_comes_from(written, tmp_path):
    (tmp_path / "s").write_text(SECRET + "\n")
    coded = base64.b64encode(SECRET.encode()).decode()
    (tmp_path / "s64").write_text("\n".join(coded[i:i + 30] for i in range(0, len(coded), 30)) + "\n")
    written = written.replace("file: s", f"file: {tmp_path}/s")
    config = f"policies: {{ p: {{ jwt: {{ algorithms: [HS256], secret: {written} }} }} }}\nroutes: [{{ match: /x, use: [p], respond: {{}} }}]\n"
    with Gateway(config, env={"S": SECRET + "\r\n", "S64": coded + "\n"}) as gateway:
        assert get(gateway.port, "/x", bearer(GOOD)).status == 200


def test_t10_neighbours_of_a_secret_take_base64_and_hint_at_files():
    digest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
    coded = base64.b64encode(digest.encode()).decode()
    keyed = "policies: {{ p: {{ api_key: {{ keys: [{{ name: a, sha256: {} }}] }} }} }}\nroutes: [{{ match: /x, use: [p], respond: {{}} }}]\n"
    assert check(keyed.format(f"{{ base64: {coded} }}")).code == 0
    assert "did you mean { file: … }?" in check(keyed.format("/run/secrets/key")).text
    named = "policies: { p: { basic: { htpasswd: /etc/portico/htpasswd } } }\nroutes: [{ match: /x, use: [p], respond: {} }]\n"
    assert "did you mean { file: /etc/portico/htpasswd }?" in check(named).text
    stored = "stores: { s: { redis: /run/secrets/redis } }\nroutes: [{ match: /x, respond: {} }]\n"
    assert "did you mean { file: … }?" in check(stored).text


def test_t10_neighbour_a_secret_in_base64_or_a_private_key_is_not_shown_with_its_line():
    config = "policies: {{ p: {{ jwt: {{ algorithms: [{}], {} }} }} }}\nroutes: [{{ match: /x, use: [p], respond: {{}} }}]\n"
    private = SigningKey("ES256").private_pem.replace("\n", "\\n")
    for algorithm, written, hidden in (("RS256", "secret: { base64: MDEyMzQ1Njc4OWFi }", "MDEyMzQ1"), ("HS256", "secret: { base64: MDEyMzQ1Njc4OWF }", "MDEyMzQ1"),
                                       ("ES256", f'public_key: "{private}"', private[40:60]), ("HS256", """keys: '{"kty":"oct","k":"c2hvcnQgb25l"}'""", "c2hvcnQ")):
        told = check(config.format(algorithm, written))
        assert told.code == 1 and hidden not in told.text and "****" in told.text, told.text


def padded(token):
    return ".".join(part + "=" * (-len(part) % 4) for part in token.split("."))


def test_t11_a_padded_token_passes_where_padding_is_allowed():
    key, other = SigningKey("ES256", "alb"), SigningKey("ES256", "alb")

    def made_by(one):  # as AWS's load balancers do: the signature covers the padding
        text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode()
                        for part in ({"typ": "JWT", "kid": "alb", "alg": "ES256", "signer": "arn:aws:x", "exp": 4000000000}, claims("alice", note="ab")))
        return text + "." + base64.urlsafe_b64encode(one.sign(text.encode())).decode()

    config = f"""
policies:
  lenient: {{ jwt: {{ algorithms: [ES256], keys: '{json.dumps(key.jwk)}', from: {{ header: x-amzn-oidc-data }}, padding: allow, claims_to_headers: {{ X-User-ID: sub }} }} }}
  strict: {{ jwt: {{ algorithms: [ES256], keys: '{json.dumps(key.jwk)}', from: {{ header: x-amzn-oidc-data }} }} }}
services: {{ svc: URL }}
routes:
  - {{ match: /lenient, use: [lenient], forward: {{ service: svc }} }}
  - {{ match: /strict, use: [strict], respond: {{}} }}
"""
    with Echo() as upstream, Gateway(config.replace("URL", upstream.url)) as gateway:
        token = made_by(key)
        assert "=" in token
        for one in (token, signed(key, claims("alice")), padded(signed(key, claims("alice"))).rpartition(".")[2]):
            answer = get(gateway.port, "/lenient", [("X-Amzn-OIDC-Data", one)])
            if one.count(".") == 2:
                assert sent(answer)["x-user-id"] == "alice"
            else:
                refused(answer, "jwt.malformed")
        refused(get(gateway.port, "/lenient", [("X-Amzn-OIDC-Data", made_by(other))]), "jwt.signature")
        refused(get(gateway.port, "/lenient", [("X-Amzn-OIDC-Data", padded(signed(key, claims())))]), "jwt.signature")  # padding that was not signed
        refused(get(gateway.port, "/lenient", [("X-Amzn-OIDC-Data", token + "=")]), "jwt.malformed")
        refused(get(gateway.port, "/strict", [("X-Amzn-OIDC-Data", token)]), "jwt.malformed")


def test_decisions_are_counted_and_the_log_says_who_and_why(setup):
    gateway, _ = setup
    counted = {d: gateway.metric("portico_policy_decisions_total", policy="strict", decision=d) for d in ("passed", "refused")}
    now = int(time.time())
    get(gateway.port, "/strict", bearer(hs(claims("bob", iss="https://id.test", aud="api", jti="1", iat=now))) + [("X-Request-ID", "log-good")])
    get(gateway.port, "/strict", bearer(hs(claims("bob", iss="https://no.test", jti="1", iat=now))) + [("X-Request-ID", "log-bad")])
    gateway.expect_metric(counted["passed"] + 1, "portico_policy_decisions_total", policy="strict", decision="passed")
    gateway.expect_metric(counted["refused"] + 1, "portico_policy_decisions_total", policy="strict", decision="refused")
    assert gateway.access_line(lambda e: e["request_id"] == "log-good")["subject"] == "bob"
    bad = gateway.access_line(lambda e: e["request_id"] == "log-bad")
    assert bad["code"] == "jwt.issuer" and bad["refused_by"] == "strict" and "subject" not in bad


@pytest.mark.parametrize("sub", [["42"], ["a", "b"], [], {"id": "42"}])
@pytest.mark.parametrize("path", ["/in", "/maybe", "/users", "/whoami"])
def test_t70_a_subject_that_is_a_list_or_an_object_is_refused_everywhere(setup, path, sub):
    refused(get(setup[0].port, path, bearer(hs(claims(sub)))), "jwt.claim")


@pytest.mark.parametrize("sub,shown", [(42, "42"), (12345678901234567890, "12345678901234567890"), (1.50, "1.5"), ("42", "42"), (True, "true"), (None, None)])
def test_t70_the_log_names_a_subject_that_is_no_text(setup, sub, shown):
    gateway, _ = setup
    request_id = f"subject-{sub}-{type(sub).__name__}"
    assert sent(get(gateway.port, "/in", bearer(hs(claims(sub))) + [("X-Request-ID", request_id)])).get("x-user-id") == shown
    assert gateway.access_line(lambda e: e["request_id"] == request_id).get("subject") == shown


def test_explain_shows_who_it_is_or_why_not():
    told = explain(CONFIG.replace("URL", "http://127.0.0.1:9"), "GET", "/in", ["Authorization: Bearer " + hs(claims("alice"))]).out
    assert '"sub": "alice"' in told and "by signed-in" in told and "X-User-ID: alice" in told, told
    told = explain(CONFIG.replace("URL", "http://127.0.0.1:9"), "GET", "/in", ["Authorization: Bearer " + hs(claims(lasts=-9))]).out
    assert "401 jwt.expired" in told, told
    told = explain("policies: { p: { jwt: { algorithms: [RS256], jwks: http://127.0.0.1:9/k } } }\nroutes: [{ match: /x, use: [p], respond: {} }]\n",
                   "GET", "/x", ["Authorization: Bearer " + signed(SigningKey("RS256", "k"), claims())]).out
    assert "would verify the token with the keys of http://127.0.0.1:9/k" in told, told


def test_a_payload_of_any_size_up_to_the_bound_is_taken(setup):
    gateway, _ = setup
    fits = hs(claims(note="x" * 11000))
    assert len(fits) < 16384
    assert get(gateway.port, "/in", bearer(fits)).status == 200
    refused(get(gateway.port, "/in", bearer(hs(claims(note="x" * 13000)))), "jwt.malformed")


def test_a_header_that_is_not_canonical_is_refused(setup):
    head, payload, mac = GOOD.split(".")
    for spelled in (head + "=", head[:-1] + chr(ord(head[-1]) + 1), b64(b'{"alg":"HS256"} x')):
        refused(get(setup[0].port, "/in", bearer(".".join((spelled, payload, mac)))), "jwt.malformed")


def test_a_changed_secret_holds_from_the_reload_on():
    config = "policies: { p: { jwt: { algorithms: [HS256], secret: %s } } }\nroutes: [{ match: /x, use: [p], respond: {} }]\n"
    with Gateway(config % SECRET) as gateway:
        assert get(gateway.port, "/x", bearer(GOOD)).status == 200
        gateway.reload(config % ("another secret of sufficient length " * 2).replace(" ", "-"))
        eventually(lambda: get(gateway.port, "/x", bearer(GOOD)).status == 401, "the new secret")
        for _ in range(6):
            refused(get(gateway.port, "/x", bearer(GOOD)), "jwt.signature")


def test_an_identity_that_is_optional_is_no_value_where_it_is_absent():
    policy = "{ jwt: { algorithms: [HS256], secret: %s, optional: true } }" % SECRET
    shape = '{ transform: { request: { headers: { set: { X-Who: "{claims.sub}", X-All: "for {claims.sub}." } }, query: { set: { who: "{claims.sub}" } } } } }'
    with Echo() as echo:
        text = f"""services: {{ svc: "{echo.url}" }}
routes:
  - {{ match: /sent, use: [{policy}, {shape}], forward: {{ service: svc }} }}
  - {{ match: /said, use: [{policy}], respond: {{ headers: {{ X-Who: "{{claims.sub}}" }}, body: "for {{claims.sub}}." }} }}
  - {{ match: /asked, use: [{policy}], aggregate: {{ calls: {{ c: {{ service: svc, path: /c, headers: {{ X-Who: "{{claims.sub}}" }} }} }}, body: $c.headers }} }}
"""
        with Gateway(text) as gateway:
            for headers, who in (([], None), (bearer(hs(claims("alice"))), "alice")):
                seen = get(gateway.port, "/sent", headers)
                assert dict(seen.json()["headers"]).get("X-Who") == who and dict(seen.json()["headers"])["X-All"] == f"for {who or ''}."
                assert seen.json()["target"] == ("/sent?who=alice" if who else "/sent")
                said = get(gateway.port, "/said", headers)
                assert said.get("X-Who") == who and said.body == f"for {who or ''}.".encode()
                assert dict(get(gateway.port, "/asked", headers).json()).get("X-Who") == who
