"""Certificates of every kind, for those who judge them: any name, issuer, validity, usage, key and signature."""
import datetime
import functools
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ANY_USAGE = ObjectIdentifier("2.5.29.37.0")


def subject_of(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@functools.cache
def key_of(kind, who):
    """A key; the same for the same asker."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind[3:]))
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({"p256": ec.SECP256R1, "p384": ec.SECP384R1}[kind]())


def general_name(text):
    kind, _, value = text.partition(":")
    if kind == "ip":
        return x509.IPAddress(ipaddress.ip_address(value))
    if kind == "uri":
        return x509.UniformResourceIdentifier(value)
    if kind == "mail":
        return x509.RFC822Name(value)
    return x509.DNSName(value)


def usages(*names):
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only",
             "decipher_only")
    return x509.KeyUsage(**{n: n in names for n in every})


class Certificate:
    """A certificate and its key. `issuer`: another Certificate, or none for its own."""

    def __init__(self, subject, names=(), issuer=None, days=(-1, 30), authority=False, path_length=None, key="p256", signed_with=hashes.SHA256,
                 usage=None, extended=None, permitted=None, excluded=None, critical_unknown=False, forged_by=None):
        self.subject, self.key = subject_of(subject), key_of(key, (subject, forged_by is not None))
        signer = forged_by or (issuer or self)
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(self.subject).issuer_name((issuer or self).subject).public_key(self.key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=days[0])).not_valid_after(now + datetime.timedelta(days=days[1])))
        if authority is not None:
            builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([general_name(n) for n in names]), critical=False)
        if usage is not None:
            builder = builder.add_extension(usages(*usage), critical=True)
        if extended is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        if permitted or excluded:
            of = lambda list_: [x509.DNSName(n) for n in list_] if list_ else None
            builder = builder.add_extension(x509.NameConstraints(of(permitted), of(excluded)), critical=True)
        if critical_unknown:
            builder = builder.add_extension(x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00"), critical=True)
        algorithm = None if isinstance(signer.key, ed25519.Ed25519PrivateKey) else signed_with()
        self.certificate = builder.sign(signer.key, algorithm)

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
