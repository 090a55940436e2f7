"""What a token and a JWK are worth, by rules written down a second time and by Python's cryptography: the gateway's verdicts are held
against it. Nothing here knows the gateway's code."""
import base64
import binascii
import hmac
import json
import re
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from support.tokens import digest

CURVES = {"P-256": (ec.SECP256R1(), 32, "ES256"), "P-384": (ec.SECP384R1(), 48, "ES384"), "P-521": (ec.SECP521R1(), 66, "ES512")}
RSA_ALGORITHMS = {kind + bits for kind in ("RS", "PS") for bits in ("256", "384", "512")}
HMAC_ALGORITHMS = {"HS256", "HS384", "HS512"}
ALGORITHMS = RSA_ALGORITHMS | HMAC_ALGORITHMS | {"ES256", "ES384", "ES512", "EdDSA"}
SAME = {"Ed25519": "EdDSA"}  # RFC 9864


class Bad(Exception):
    """Why it is worth nothing."""


def decoded(text):
    """Canonical base64url without padding (RFC 7515 §2)."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        raise Bad("base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise Bad("not canonical")
    return data


def unpadded(text):
    """Without the padding that the numbers of a JWK may have."""
    if isinstance(text, str) and len(text) % 4 == 0:
        return text[:-2] + text[-2:].rstrip("=")
    return text


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings(member)


def read_object(data, most):
    def members(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise Bad("a name twice")
        return dict(pairs)

    def constant(_):
        raise Bad("no JSON")

    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=members, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise Bad("no JSON") from error
    if not isinstance(value, dict) or depth(value) > most:
        raise Bad("no object")
    if b"\\" in data and any(0xD800 <= ord(c) <= 0xDFFF for text in strings(value) for c in text):
        raise Bad("half a pair")
    return value


def read_header(text):
    data = decoded(text)
    header = read_object(data, 8)
    if not isinstance(header.get("alg"), str):
        raise Bad("header")
    if "kid" in header and (not isinstance(header["kid"], str) or len(header["kid"].encode()) > 256):
        raise Bad("kid")
    if "typ" in header and (not isinstance(header["typ"], str) or header["typ"].lower().removeprefix("application/") not in ("jwt", "at+jwt")):
        raise Bad("typ")
    if "cty" in header and (not isinstance(header["cty"], str) or header["cty"].lower() in ("jwt", "application/jwt")):
        raise Bad("cty")
    if "crit" in header or header.get("b64", True) is not True:
        raise Bad("extension")
    return header


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) != float("inf")


def check_claims(claims, now):
    for name in ("exp", "nbf", "iat"):
        if name in claims and not is_number(claims[name]):
            raise Bad(name)
    if "exp" not in claims or now >= claims["exp"] or claims.get("nbf", now) > now:
        raise Bad("time")
    if isinstance(claims.get("sub"), (list, dict)):
        raise Bad("sub")
    aud = claims.get("aud", "")
    if not isinstance(aud, str) and not (isinstance(aud, list) and all(isinstance(a, str) for a in aud)):
        raise Bad("aud")


class Key:
    """A secret's bytes or a public key, and what it may verify."""

    def __init__(self, material, algorithms, kid=None):
        self.material, self.algorithms, self.kid = material, set(algorithms), kid

    def verifies(self, algorithm, text, signature):
        bits = algorithm[2:]
        try:
            if algorithm in HMAC_ALGORITHMS:
                return hmac.compare_digest(hmac.new(self.material, text, "sha" + bits).digest(), signature)
            if algorithm == "EdDSA":
                self.material.verify(signature, text)
            elif algorithm.startswith("ES"):
                half = {"256": 32, "384": 48, "512": 66}[bits]
                if len(signature) != 2 * half:
                    return False
                r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
                self.material.verify(encode_dss_signature(r, s), text, ec.ECDSA(digest(bits)))
            else:
                if len(signature) != (self.material.key_size + 7) // 8:
                    return False
                how = padding.PKCS1v15() if algorithm.startswith("RS") else padding.PSS(padding.MGF1(digest(bits)), digest(bits).digest_size)
                self.material.verify(signature, text, how, digest(bits))
        except (InvalidSignature, ValueError):
            return False
        return True


def usable(jwk):
    """The public key of a JWK of a set (RFC 7517, RFC 7518 §6, RFC 8037 §2). Raises Bad."""
    if not isinstance(jwk, dict):
        raise Bad("no object")
    jwk = {name: value for name, value in jwk.items() if value is not None}
    kid = jwk.get("kid")
    if "kid" in jwk and (not isinstance(kid, str) or len(kid.encode()) > 256):
        raise Bad("kid")
    if "use" in jwk and jwk["use"] != "sig":
        raise Bad("use")
    if "key_ops" in jwk and (not isinstance(jwk["key_ops"], list) or "verify" not in jwk["key_ops"]):
        raise Bad("key_ops")
    try:
        if jwk.get("kty") == "RSA":
            n, e = (decoded(unpadded(jwk.get(name))) for name in ("n", "e"))
            if len(n) > 1025 or len(e) > 16:
                raise Bad("too long")
            n, e = (int.from_bytes(part, "big") for part in (n, e))
            if not 2048 <= n.bit_length() <= 8192 or e % 2 == 0 or e == 1 or e.bit_length() > 32:
                raise Bad("weak")
            material, algorithms = rsa.RSAPublicNumbers(e, n).public_key(), RSA_ALGORITHMS
        elif jwk.get("kty") == "EC":
            if not isinstance(jwk.get("crv"), str) or jwk["crv"] not in CURVES:
                raise Bad("curve")
            curve, size, algorithm = CURVES[jwk["crv"]]
            x, y = (decoded(unpadded(jwk.get(name))) for name in ("x", "y"))
            if len(x) != size or len(y) != size:
                raise Bad("size")
            material = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve).public_key()
            algorithms = {algorithm}
        elif jwk.get("kty") == "OKP" and jwk.get("crv") == "Ed25519":
            material, algorithms = ed25519.Ed25519PublicKey.from_public_bytes(decoded(unpadded(jwk.get("x")))), {"EdDSA"}
        else:
            raise Bad("kind")
    except (ValueError, binascii.Error) as error:
        raise Bad("parameters") from error
    if "alg" in jwk:
        if not isinstance(jwk["alg"], str) or SAME.get(jwk["alg"], jwk["alg"]) not in algorithms:
            raise Bad("alg")
        algorithms = {SAME.get(jwk["alg"], jwk["alg"])}
    return Key(material, algorithms, kid)


def passes(token, issuers):
    """Whether a token is good. `issuers`: by `iss`, the algorithms taken and the keys. Raises Bad where it is not."""
    token = token.strip(" \t")
    if len(token) > 16 * 1024 or token.count(".") != 2:
        raise Bad("form")
    header_text, payload_text, signature_text = token.split(".")
    header = read_header(header_text)
    claims = read_object(decoded(payload_text), 32)
    iss = claims.get("iss")
    if not isinstance(iss, str) or iss not in issuers:
        raise Bad("iss")
    algorithms, keys = issuers[iss]
    algorithm, kid = SAME.get(header["alg"], header["alg"]), header.get("kid")
    if algorithm not in algorithms:
        raise Bad("alg")
    check_claims(claims, time.time())
    candidates = [k for k in keys if algorithm in k.algorithms and (kid is None or k.kid is None or k.kid == kid)]
    if not signature_text:
        raise Bad("no signature")
    signature = decoded(signature_text)
    if not any(k.verifies(algorithm, f"{header_text}.{payload_text}".encode(), signature) for k in candidates[:4]):
        raise Bad("signature")
    return True
