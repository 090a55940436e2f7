"""Tokens, keys and issuers that tests play. Signs with Python's cryptography, so that nothing of the gateway's is believed."""
import base64
import hmac
import json
import threading
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from support.tls import Secure
from support.upstream import Scripted

SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def digest(bits):
    return {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[bits]()


class SigningKey:
    """A private key of an algorithm, and its public texts."""

    def __init__(self, algorithm, kid=None):
        self.algorithm, self.kid = algorithm, kid
        if algorithm[:2] in ("RS", "PS"):
            self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        elif algorithm.startswith("ES"):
            self.key = ec.generate_private_key({"256": ec.SECP256R1, "384": ec.SECP384R1, "512": ec.SECP521R1}[algorithm[2:]]())
        else:
            self.key = ed25519.Ed25519PrivateKey.generate()

    @property
    def pem(self):
        return self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def private_pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()

    @property
    def jwk(self):
        more = {"use": "sig", "alg": self.algorithm, **({"kid": self.kid} if self.kid else {})}
        if self.algorithm in ("EdDSA", "Ed25519"):
            raw = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw), **more}
        numbers = self.key.public_key().public_numbers()
        if self.algorithm.startswith("ES"):
            size = {"256": 32, "384": 48, "512": 66}[self.algorithm[2:]]
            curve = {"256": "P-256", "384": "P-384", "512": "P-521"}[self.algorithm[2:]]
            return {"kty": "EC", "crv": curve, "x": number(numbers.x, size), "y": number(numbers.y, size), **more}
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **more}

    def sign(self, text):
        if self.algorithm in ("EdDSA", "Ed25519"):
            return self.key.sign(text)
        bits = self.algorithm[2:]
        if self.algorithm.startswith("ES"):
            size = {"256": 32, "384": 48, "512": 66}[bits]
            return b"".join(n.to_bytes(size, "big") for n in decode_dss_signature(self.key.sign(text, ec.ECDSA(digest(bits)))))
        how = padding.PKCS1v15()
        if self.algorithm.startswith("PS"):
            how = padding.PSS(mgf=padding.MGF1(digest(bits)), salt_length=digest(bits).digest_size)
        return self.key.sign(text, how, digest(bits))


def sign(header, claims, signer):
    """A compact token. The signer takes bytes and gives the signature's."""
    payload = claims if isinstance(claims, str) else json.dumps(claims)
    text = b64(json.dumps(header).encode()) + "." + b64(payload.encode())
    return text + "." + b64(signer(text.encode()))


def hs(claims, secret=SECRET, algorithm="HS256", **header):
    """A token signed with a secret."""
    name = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[algorithm]
    return sign({"alg": algorithm, "typ": "JWT", **header}, claims, lambda text: hmac.new(secret.encode(), text, name).digest())


def signed(key, claims, **header):
    """A token signed with a private key, under its `kid`."""
    kid = {"kid": key.kid} if key.kid else {}
    return sign({"alg": key.algorithm, "typ": "JWT", **kid, **header}, claims, key.sign)


def claims(sub="alice", lasts=3600, **more):
    """Claims that hold for a while; None leaves one out."""
    made = {"sub": sub, "exp": int(time.time()) + lasts, **more}
    return {name: value for name, value in made.items() if value is not None}


def bearer(token):
    return [("Authorization", "Bearer " + token)]


class Issuer:
    """What an issuer serves: /keys, and /.well-known/openid-configuration that names it. Tests change it as it runs."""

    def prepare(self, keys):
        self.keys = list(keys)
        self.headers = []
        self.status = "200 OK"
        self.body = None      # in place of the keys
        self.held = None      # an Event: answers wait for it
        self.issuer = None
        self.mark = ""        # before the document

    def fetches(self, path="/keys"):
        return sum(1 for r in self.requests if r.target == path)

    def _talk(self, connection):
        while True:
            request = connection.read_request()
            if self.held is not None:
                self.held.wait(8)
            if request.target.endswith("/.well-known/openid-configuration"):
                text = self.mark + json.dumps({"issuer": self.issuer or self.url, "jwks_uri": self.url + "/keys"})
            else:
                text = self.body if self.body is not None else json.dumps({"keys": [k.jwk for k in self.keys]})
            connection.answer(text.encode(), self.status, [("Content-Type", "application/json"), *self.headers])

    def hold(self):
        self.held = threading.Event()
        return self.held


class PlainIssuer(Issuer, Scripted):
    def __init__(self, *keys, **more):
        self.prepare(keys)
        Scripted.__init__(self, self._talk, **more)


class SecureIssuer(Issuer, Secure):
    def __init__(self, context, *keys):
        self.prepare(keys)
        Secure.__init__(self, self._talk, context)
