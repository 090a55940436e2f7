"""What is refused whatever the configuration says: each row of the reference's table, with its reason there."""
import os

import pytest

from support.client import Client, get, head
from support.gateway import ROOT, Gateway, check
from support.tokens import SECRET, SigningKey, claims, hs

PAGE = open(os.path.join(ROOT, "docs", "configuration.md"), encoding="utf-8").read()
TABLE = PAGE.partition("## What is refused on purpose")[2]
PEM = SigningKey("ES256").pem.replace("\n", "\\n")


def row(*words):
    """The row of the table that says all this, with a reason and a way out."""
    rows = [line.strip("|").split("|") for line in TABLE.splitlines() if line.startswith("|") and all(w in line for w in words)]
    assert len(rows) == 1 and len(rows[0]) == 3 and all(len(cell.strip()) > 10 for cell in rows[0]), rows
    return rows[0]


@pytest.mark.parametrize("keys", ["secret: SECRET, public_key: PEM", "secret: SECRET, jwks: https://id.example/keys",
                                  "issuers: [{ issuer: a, algorithms: [HS256, ES256], secret: SECRET, public_key: PEM }]"])
def test_t75_a_secret_beside_public_keys_is_refused_for_the_reason_that_the_reference_has(keys):
    keys = keys.replace("SECRET", SECRET).replace("PEM", f'"{PEM}"')
    algorithms = "" if keys.startswith("issuers") else "algorithms: [HS256, ES256], "
    ran = check(f"policies: {{ p: {{ jwt: {{ {algorithms}{keys} }} }} }}\nroutes: [{{ match: /x, use: [p], respond: {{}} }}]\n")
    assert ran.code == 1 and "[jwt-keys]" in ran.text, ran.text
    assert "forger" in row("`secret` beside `public_key`")[1]


def test_two_issuers_may_have_a_secret_and_a_public_key():
    ran = check(f"policies: {{ p: {{ jwt: {{ issuers: [{{ issuer: a, algorithms: [HS256], secret: {SECRET} }}, {{ issuer: b, algorithms: [ES256], public_key: \"{PEM}\" }}] }} }} }}\n"
                "routes: [{ match: /x, use: [p], respond: {} }]\n")
    assert ran.code == 0, ran.text


def test_t75_a_token_without_an_end_is_refused_for_the_reason_that_the_reference_has():
    row("without `exp`", "api_key")
    with Gateway(f"policies: {{ p: {{ jwt: {{ algorithms: [HS256], secret: {SECRET} }} }} }}\nroutes: [{{ match: /x, use: [p], respond: {{}} }}]\n") as gateway:
        endless = {k: v for k, v in claims().items() if k != "exp"}
        for told in (endless, {**endless, "exp": None}):
            answer = get(gateway.port, "/x", [("Authorization", "Bearer " + hs(told))])
            assert answer.status == 401 and b"jwt." in answer.body


@pytest.mark.parametrize("origins", ['"*"', '["*"]', '["https://a.example", "*"]'])
def test_t75_credentials_for_every_origin_are_refused_for_the_reason_that_the_reference_has(origins):
    row("`cors`", "credentials: true")
    cors = f"policies: {{ p: {{ cors: {{ origins: {origins}, credentials: %s }} }} }}\nroutes: [{{ match: /x, use: [p], respond: {{}} }}]\n"
    assert check(cors % "true").code == 1 and "[open-credentials]" in check(cors % "true").text and check(cors % "false").code == 0
    assert check('policies: { p: { cors: { origins: ["https://*.example.com"], credentials: true } } }\nroutes: [{ match: /x, use: [p], respond: {} }]\n').code == 0


@pytest.mark.parametrize("sign", list("!$&'()*+,;=") + ["%61", "\u00e9".encode().decode("latin-1")])
def test_t75_a_sign_that_no_name_has_is_refused_in_a_host_for_the_reason_that_the_reference_has(sign):
    row("`Host`", "percent-encoded")
    with Gateway("routes: [{ match: /x, respond: {} }]\n") as gateway:
        for target, host in (("/x", f"a{sign}b.example"), (f"http://a{sign}b.example/x", f"a{sign}b.example")):
            with Client(gateway.port) as client:
                client.send(head("GET", target, host=host))
                assert client.read_response().status == 400
        assert get(gateway.port, "/x", host="a-b_c~d.xn--bcher-kva.example").status == 200
