"""portico token: makes what a jwt policy takes, and says what it lacks."""
import base64
import json
import time

import pytest

from support.client import get
from support.gateway import Gateway, command
from support.tokens import SECRET, SigningKey, bearer

ISSUERS = """
policies:
  one: { jwt: { algorithms: [HS512, HS256], secret: SECRET, issuer: [https://id.test, https://other.test], audience: [api, web], max_age: 1h, claims_to_headers: { X-User-ID: sub } } }
  env: { jwt: { algorithms: [HS256], secret: "${TOKEN_TEST_KEY}" } }
  many:
    jwt:
      audience: all
      issuers:
        - { issuer: https://a.test, algorithms: [RS256], jwks: "http://127.0.0.1:9/k" }
        - { issuer: https://b.test, algorithms: [HS256], secret: SECRET }
routes:
  - { match: /one, use: [one], respond: { headers: { X-Me: "{claims.sub}" }, body: { mail: "{claims.email}" } } }
  - { match: /many, use: [many], respond: {} }
  - { match: /env, use: [env], respond: {} }
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
""".replace("SECRET", SECRET)
ENV = {"TOKEN_TEST_KEY": "from-the-environment-0123456789abcdef"}


def made(*arguments, **more):
    ran = command("token", *arguments, **more)
    assert ran.code == 0, ran.text
    assert ran.err == "" and ran.out.count("\n") == 1
    return ran.out.strip()


def part(token, index):
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_it_makes_what_the_files_policy_takes():
    with Gateway(ISSUERS, env=ENV) as gateway:
        token = made("--policy", "one", "--sub", "alice", "--email", "a@b.test", config=ISSUERS, env=ENV)
        assert part(token, 0) == {"alg": "HS512", "typ": "JWT"}
        answer = get(gateway.port, "/one", bearer(token))
        assert answer.status == 200 and answer.get("X-Me") == "alice" and answer.json() == {"mail": "a@b.test"}
        for name in ("many", "env"):
            assert get(gateway.port, "/" + name, bearer(made("--policy", name, "--sub", "bob", config=ISSUERS, env=ENV))).status == 200
        assert get(gateway.port, "/one", bearer(made("--policy", "many", "--sub", "bob", config=ISSUERS, env=ENV))).status == 401


def test_the_only_jwt_policy_needs_no_name():
    config = "routes: [{ match: /x, use: [{ jwt: { algorithms: [HS256], secret: %s } }], respond: {} }]\nlisteners: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0 }\n" % SECRET
    with Gateway(config) as gateway:
        assert get(gateway.port, "/x", bearer(made(config=config))).status == 200


def test_claims_are_json_where_they_are_some():
    token = made("--secret", SECRET, "--sub", "a", "--claim", "n=12.50", "--claim", "roles=[\"x\", \"y\"]", "--claim", "t=true", "--claim", "text=a=b, \"c\"",
                 "--claim", "empty=", "--claim", "sub=\"instead\"", "--claim", "exp=1", "--expires", "90s", "--kid", "k1")
    assert part(token, 0)["kid"] == "k1"
    claims = part(token, 1)
    assert claims["n"] == 12.5 and claims["roles"] == ["x", "y"] and claims["t"] is True and claims["text"] == 'a=b, "c"' and claims["empty"] == ""
    assert claims["sub"] == "instead" and claims["exp"] == 1


def test_it_holds_for_as_long_as_was_said():
    now = int(time.time())
    for words, lasts in (((), 3600), (("--expires", "90s"), 90), (("--expires", "2d"), 172800)):
        claims = part(made("--secret", SECRET, *words), 1)
        assert claims["exp"] - claims["iat"] == lasts and abs(claims["iat"] - now) < 10


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS384", "ES256", "ES384", "ES512", "EdDSA"])
def test_private_keys_sign_too(tmp_path, algorithm):
    key = SigningKey(algorithm)
    (tmp_path / "key.pem").write_text(key.private_pem)
    (tmp_path / "public.pem").write_text(key.pem)
    config = f"routes: [{{ match: /x, use: [{{ jwt: {{ algorithms: [{algorithm}], public_key: {{ file: {tmp_path}/public.pem }} }} }}], respond: {{}} }}]\n"
    with Gateway(config) as gateway:
        assert get(gateway.port, "/x", bearer(made("--key", str(tmp_path / "key.pem"), "--algorithm", algorithm))).status == 200
    config += "listeners: [{ address: 127.0.0.1:0 }]\n"
    assert part(made("--key", str(tmp_path / "key.pem"), config=config), 0)["alg"] == algorithm


def test_a_secret_may_stand_in_a_file(tmp_path):
    (tmp_path / "secret").write_text(SECRET + "\n")
    assert made("--secret-file", str(tmp_path / "secret"), "--claim", "iat=1", "--claim", "exp=2") == made("--secret", SECRET, "--claim", "iat=1", "--claim", "exp=2")


LISTENERS = "listeners: [{ address: 127.0.0.1:0 }]\n"


@pytest.mark.parametrize("arguments,config,says", [
    ([], None, "--secret, --secret-file or --key"), (["--secret", "x", "--key", "y"], None, "is enough"), (["--key", "/nowhere/key.pem"], None, "/nowhere/key.pem cannot be read"),
    (["--secret-file", "/nowhere/s"], None, "/nowhere/s cannot be read"), (["--secret", "x", "--algorithm", "RS256"], None, "cannot sign RS256"),
    (["--secret", "x", "--algorithm", "none"], None, "there is no algorithm \"none\""), (["--secret", "x", "--expires", "60"], None, "a duration such as"),
    (["--secret", "x", "--claim", "novalue"], None, "name=value"), (["--secret", "x", "--claim", "=v"], None, "name=value"), (["--secret", "x", "--policy", "p"], None, "give -c FILE"),
    ([], LISTENERS + "routes: [{ match: /x, respond: {} }]\n", "has no jwt policy"), (["--policy", "none"], ISSUERS, "has no jwt policy \"none\", but one, env, many"),
    ([], ISSUERS, "choose one with --policy NAME"), ([], LISTENERS + "rutes: []\n", "portico check -c"),
    ([], LISTENERS + "routes: [{ match: /x, use: [{ jwt: { algorithms: [RS256], jwks: http://127.0.0.1:9/k } }], respond: {} }]\n", "the policy has no secret")])
def test_what_is_wrong_is_said_with_what_to_do(arguments, config, says):
    ran = command("token", *arguments, config=config, env=ENV)
    assert ran.code == 1 and ran.out == "" and says in ran.err, ran.text


def test_an_unknown_option_is_a_matter_of_usage():
    assert command("token", "--nonsense").code == 2
