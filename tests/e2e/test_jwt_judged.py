"""Tokens and keys changed at random by the ten thousand: the gateway lets pass exactly what a second judge does (support/judge.py).

The seed stands in the output of a failure; PORTICO_SEED=N draws the same changes again (of new keys), PORTICO_LONG=1 many more.
"""
import hmac
import json
import os
import random
import re
import socket

import pytest

from support.gateway import SANITIZED, Gateway
from support.judge import ALGORITHMS, HMAC_ALGORITHMS, RSA_ALGORITHMS, Bad, Key, passes, usable
from support.tokens import PlainIssuer, SigningKey, b64, claims, sign

SEED = int(os.environ.get("PORTICO_SEED") or random.SystemRandom().randrange(2**32))
TOKENS = [2_000 if SANITIZED else 8_000, pytest.param(300_000, marks=pytest.mark.long)]
SETS, KEYS_OF_SET = [4 if SANITIZED else 20, pytest.param(200, marks=pytest.mark.long)], 100
BATCH = 64
DEAR = RSA_ALGORITHMS | {"ES384", "ES512"}
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def verdicts(port, tokens):
    """Whether each passes. Asked in batches, each in one write."""
    got = []
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        for at in range(0, len(tokens), BATCH):
            batch = tokens[at:at + BATCH]
            sock.sendall(b"".join(b"GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n" % t.encode("latin-1") for t in batch))
            data = b""
            while len(found := STATUS.findall(data)) < len(batch) or not data.endswith((b"}", b"fine")):
                part = sock.recv(1 << 18)
                assert part, "the gateway closed"
                data += part
            assert set(found) <= {b"200", b"401"}, found
            got += [status == b"200" for status in found]
    return got


def judged(token, issuers):
    try:
        return passes(token, issuers)
    except Bad:
        return False


def compare(port, tokens, issuers):
    """@returns how many passed"""
    got = verdicts(port, tokens)
    wanted = [judged(t, issuers) for t in tokens]
    wrong = [(t, g) for t, g, w in zip(tokens, got, wanted, strict=True) if g != w]
    shown = "\n".join(f"{'passed' if g else 'refused'}: {t}" for t, g in wrong[:3])
    assert not wrong, f"PORTICO_SEED={SEED}: {len(wrong)} of {len(tokens)} are judged otherwise:\n{shown}"
    return sum(got)


class Signer:
    """Signs for an issuer."""

    def __init__(self, iss, algorithm, key, kid=None):
        self.iss, self.algorithm, self.key, self.kid = iss, algorithm, key, kid

    def signature(self, text):
        if self.algorithm in HMAC_ALGORITHMS:
            return hmac.new(self.key, text, "sha" + self.algorithm[2:]).digest()
        return self.key.sign(text)

    def token(self, header=None, payload=None):
        made = {"alg": self.algorithm, "typ": "JWT", **({"kid": self.kid} if self.kid else {}), **(header or {})}
        return sign(made, payload if isinstance(payload, str) else claims(**{"iss": self.iss, **(payload or {})}), self.signature)


HEADERS = [{"alg": "none"}, {"alg": "HS256"}, {"alg": "hs256"}, {"alg": "RS256"}, {"alg": "ES256"}, {"alg": "Ed25519"}, {"alg": "Ed448"}, {"alg": 5}, {"alg": None}, {"alg": ["HS256"]}, {"kid": ""}, {"kid": 1},
           {"kid": None}, {"kid": "k" * 256}, {"kid": "k" * 257}, {"kid": "é" * 128}, {"kid": "../../dev/null"}, {"kid": "HS256"}, {"typ": "jwt"}, {"typ": "AT+JWT"},
           {"typ": "application/at+jwt"}, {"typ": "logout+jwt"}, {"typ": 1}, {"cty": "JWT"}, {"cty": "json"}, {"crit": []}, {"b64": False}, {"b64": True}, {"jku": "x"},
           {"x5u": 1}, {"x5c": ["x" * 5000]}, {"jwk": {"kty": "oct", "k": "AA"}}, {"x5t": "x"}, {"odd": {"deep": [[[[[[1]]]]]]}}, {"odd": {"deep": [[[[[[[1]]]]]]]}}, {"odd": "x" * 4000}]
CLAIMS = [{"exp": "4000000000"}, {"exp": 4e9}, {"exp": 4000000000.5}, {"exp": 1}, {"exp": -1}, {"exp": 0}, {"exp": 10**30}, {"exp": True}, {"exp": None}, {"nbf": 1}, {"nbf": 4 * 10**9},
          {"nbf": "1"}, {"nbf": 10**30}, {"nbf": -10**30}, {"iat": 4 * 10**9}, {"iat": []}, {"iss": "nobody"}, {"iss": ["hmac"]}, {"iss": "hmac"}, {"iss": "set"}, {"iss": "pem"},
          {"aud": "x"}, {"aud": ["x", "y"]}, {"aud": ["x", 1]}, {"aud": {}}, {"aud": []}, {"sub": 7}, {"sub": ["7"]}, {"sub": {}}, {"sub": True}, {"sub": None}, {"sub": "\ud83d\ude00"}, {"deep": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]},
          {"deep": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}]
TEXTS = ['{"iss":"%s","exp":4000000000}', '{"iss":"%s","exp":4000000000,"exp":1}', '{"iss":"%s","exp":1,"\\u0065xp":4000000000}', ' {"iss":"%s" , "exp":4e9}\n',
         '{"iss":"%s","exp":4000000000,"x":NaN}', '{"iss":"%s","exp":1e400}', '{"iss":"%s","exp":4000000000,"x":"\\ud800"}', '{"iss":"%s","exp":4000000000,}',
         '{"iss":"%s","exp":04000000000}', '\ufeff{"iss":"%s","exp":4000000000}', '["%s"]', '{"iss":"%s","exp":4000000000}{}', "{'iss':'%s'}", '{"iss":"%s","exp":4000000000,"x":1e9999}',
         '{"iss":"%s","exp":+4000000000}', '{"iss":"%s","exp":4000000000,"x":"\t"}', '{"iss":"%s","exp":4000000000/**/}', '{"iss":"%s","exp":Infinity}']
CHARACTERS = "ABab01-_=+/.~ ,;%\"\\\xe9\xff"


def change_text(rng, token):
    """Some characters of a token, or its parts."""
    parts = token.split(".")
    how = rng.randrange(9)
    at = rng.randrange(len(token))
    if how == 0:
        return token[:at] + rng.choice(CHARACTERS) + token[at + 1:]
    if how == 1:
        return token[:at] + rng.choice(CHARACTERS) + token[at:]
    if how == 2:
        return token[:at] + token[at + rng.choice((1, 1, 2, 9)):]
    if how == 3:  # the bits that a last character may not have
        part = rng.randrange(3)
        parts[part] = parts[part][:-1] + rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        return ".".join(parts)
    if how == 4:
        parts[rng.randrange(3)] += rng.choice(("=", "==", "A", "", "."))
        return ".".join(parts)
    if how == 5:
        parts[2] = rng.choice(("", "AA", b64(b"\0" * 32), b64(b"\0" * 64), b64(b"\0" * 256), b64(b"\xff" * 64), parts[0]))
        return ".".join(parts)
    if how == 6:
        rng.shuffle(parts)
        return ".".join(parts)
    if how == 7:
        return rng.choice((token + "." + parts[2], parts[0] + "." + parts[1], token[:-1], token + " ", "", ".", "..", token.upper()))
    return token


def change_signature(rng, signer, token):
    """A signature of the same text in another form."""
    text, _, signature = token.rpartition(".")
    raw = signer.signature(text.encode())
    half = len(raw) // 2
    forms = [raw + b"\0", b"\0" + raw, raw[:-1], raw[1:], raw[half:] + raw[:half], raw[::-1], bytes([raw[0] ^ 0x80]) + raw[1:], raw[:half] + bytes(half), raw]
    if signer.algorithm.startswith("ES"):
        order = {"ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551}.get(signer.algorithm)
        if order:  # (r, n - s) is good too, (r, n + s) is not
            s = int.from_bytes(raw[half:], "big")
            forms += [raw[:half] + (order - s).to_bytes(half, "big"), raw[:half] + ((order + s) % 2**256).to_bytes(half, "big")]
    return text + "." + b64(rng.choice(forms))


def a_token(rng, signers, good):
    at = rng.randrange(len(signers))
    signer = signers[at]
    how = rng.randrange(8)
    # These signatures take long: such tokens are mostly changed as they are.
    if how >= 4 and signer.algorithm in DEAR and rng.randrange(20):
        how = rng.randrange(4)
    if how < 3:
        return change_text(rng, good[at])
    if how == 3:  # parts of two
        one, other = good[at].split("."), good[rng.randrange(len(good))].split(".")
        part = rng.randrange(3)
        return ".".join(one[:part] + [other[part]] + one[part + 1:])
    if how == 4:
        return signer.token(header=rng.choice(HEADERS))
    if how == 5:
        return signer.token(payload=rng.choice(CLAIMS))
    if how == 6:
        text = rng.choice(TEXTS)
        return signer.token(payload=text % signer.iss)
    return change_signature(rng, signer, good[at])


@pytest.mark.parametrize("count", TOKENS)
def test_thousands_of_changed_tokens_are_judged_as_by_another_library(count):
    rng = random.Random(SEED)
    print(f"PORTICO_SEED={SEED}")
    secrets = {a: rng.randbytes(64) for a in sorted(HMAC_ALGORITHMS)}
    published = [SigningKey(a, a) for a in ("RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA")]
    fetched, pem = [SigningKey("ES256", "f1"), SigningKey("ES256", "f2"), SigningKey("EdDSA", "f3")], SigningKey("PS256")
    signers = [Signer("hmac", a, secrets[a], a) for a in secrets]
    signers += [Signer("set", k.algorithm, k, k.kid) for k in published] + [Signer("fetched", k.algorithm, k, k.kid) for k in fetched]
    signers += [Signer("pem", "PS256", pem), Signer("set", "ES256", published[2])]
    everything = sorted(ALGORITHMS - HMAC_ALGORITHMS)
    issuers = {"hmac": (HMAC_ALGORITHMS, [Key(secrets[a], {a}, a) for a in secrets]), "set": (set(everything), [usable(k.jwk) for k in published]),
               "fetched": ({"ES256", "EdDSA"}, [usable(k.jwk) for k in fetched]), "pem": ({"PS256"}, [Key(pem.key.public_key(), RSA_ALGORITHMS)])}
    hmac_set = json.dumps({"keys": [{"kty": "oct", "kid": a, "alg": a, "k": b64(s)} for a, s in secrets.items()]})
    with PlainIssuer(*fetched) as issuer:
        config = f"""
policies:
  p:
    jwt:
      issuers:
        - {{ issuer: hmac, algorithms: [HS256, HS384, HS512], keys: '{hmac_set}' }}
        - {{ issuer: set, algorithms: [{", ".join(everything)}], keys: '{json.dumps({"keys": [k.jwk for k in published]})}' }}
        - {{ issuer: fetched, algorithms: [ES256, EdDSA], jwks: "{issuer.url}/keys" }}
        - {{ issuer: pem, algorithms: [PS256], public_key: {json.dumps(pem.pem)} }}
routes: [{{ match: /x, use: [p], respond: {{ body: fine }} }}]
"""
        good = [s.token() for s in signers]
        with Gateway("limits: { head: 64KiB }\n" + config) as gateway:
            assert compare(gateway.port, good, issuers) == len(good), "all of these are good"
            passed = 0
            for _ in range(count // 1000):
                passed += compare(gateway.port, [a_token(rng, signers, good) for _ in range(1000)], issuers)
            assert count // 50 < passed < count // 2, "both verdicts are drawn often enough to mean something"


def a_jwk(rng, key, kid):
    """A key's JWK with something changed, under a name that no other key of its set has."""
    jwk = {**key.jwk, "kid": kid}
    if rng.randrange(2):
        jwk.pop("alg")
    for _ in range(rng.choice((0, 1, 1, 2))):
        numbers = [n for n in ("n", "e", "x", "y") if isinstance(jwk.get(n), str) and jwk[n]]
        how = rng.randrange(12)
        if how < 4 and numbers:
            name = rng.choice(numbers)
            at = rng.randrange(len(jwk[name]))
            jwk[name] = rng.choice((jwk[name][:at] + rng.choice("ABab01-_=+/ ") + jwk[name][at + 1:], jwk[name][:at] + jwk[name][at + 1:], jwk[name] + "=", jwk[name] + "A",
                                    "AA" + jwk[name], "AAAA" + jwk[name], "", "AQ", "Aw", "AAEAAQ", jwk[name] * 5))
        elif how == 4:
            jwk["use"] = rng.choice(("sig", "enc", "", None, 1))
        elif how == 5:
            jwk["key_ops"] = rng.choice((["verify"], ["sign"], ["sign", "verify"], [], "verify", None))
        elif how == 6:
            jwk["alg"] = rng.choice((*sorted(ALGORITHMS), "Ed25519", "ed25519", "Ed448", "none", "", None, 1))
        elif how == 7:
            jwk["kty"] = rng.choice(("RSA", "EC", "OKP", "oct", "rsa", "", None, 1))
        elif how == 8:
            jwk["crv"] = rng.choice(("P-256", "P-384", "P-521", "Ed25519", "Ed448", "secp256k1", "", None))
        elif how == 9:
            jwk[rng.choice(("n", "e", "x", "y", "kty", "crv"))] = rng.choice((None, 1, [], "AQAB"))
        elif how == 10:
            jwk["kid"] = rng.choice((kid + "-other", 7, None, "k" * 300 + kid))
        else:
            jwk.update(rng.choice(({"d": "AQAB"}, {"x5c": ["x"]}, {"more": {"deep": [1]}}, {"x5t": "AA"})))
    return jwk


@pytest.mark.parametrize("sets", SETS)
def test_thousands_of_changed_keys_are_judged_as_by_another_library(tmp_path, sets):
    rng = random.Random(SEED)
    print(f"PORTICO_SEED={SEED}")
    anchor = SigningKey("ES256", "anchor")  # without a usable key a set is an error
    pool = [SigningKey(a) for a in ("ES256", "ES384", "ES512", "EdDSA", "RS256")]
    issuers, tokens, lines = {}, [], []
    algorithms = sorted(ALGORITHMS - HMAC_ALGORITHMS)
    for number in range(sets):
        jwks, keys = [anchor.jwk], [usable(anchor.jwk)]
        for at in range(1, KEYS_OF_SET):
            key = pool[rng.choice((0, 0, 0, 3, 3, 3, rng.randrange(len(pool))))]
            jwk = a_jwk(rng, key, f"k{at}")
            jwks.append(jwk)
            try:
                keys.append(usable(jwk))
            except Bad:
                pass
            tokens.append(Signer(f"i{number}", key.algorithm, key, f"k{at}").token())
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps({"keys": jwks}))
        issuers[f"i{number}"] = (set(algorithms), keys)
        lines.append(f"        - {{ issuer: i{number}, algorithms: [{', '.join(algorithms)}], keys: {{ file: {file} }} }}\n")
    config = "policies:\n  p:\n    jwt:\n      issuers:\n" + "".join(lines) + "routes: [{ match: /x, use: [p], respond: { body: fine } }]\n"
    with Gateway(config) as gateway:
        passed = compare(gateway.port, tokens, issuers)
        assert len(tokens) // 10 < passed < len(tokens), "both verdicts are drawn often enough to mean something"
