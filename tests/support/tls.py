"""Certificates made for one test, and upstreams that speak TLS by Python's own module."""
import datetime
import ipaddress
import os
import socket
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.upstream import Echo, Scripted
from support.wire import Wire


class Issued:
    """A certificate and its key, as files in a folder."""

    def __init__(self, folder, name, certificate, key):
        self.certificate, self.key = certificate, key
        self.cert_file = os.path.join(folder, name + ".pem")
        self.key_file = os.path.join(folder, name + ".key")
        self.write_to(self.cert_file, self.key_file)

    def write_to(self, cert_file, key_file=None):
        """Replaces files, as an operator renews a certificate."""
        with open(cert_file, "wb") as f:
            f.write(self.certificate.public_bytes(serialization.Encoding.PEM))
        if key_file is not None:
            with open(key_file, "wb") as f:
                f.write(self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


class Authority(Issued):
    """An authority, and what it issues."""

    def __init__(self, folder, name="Test CA"):
        self.folder = str(folder)
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.own_key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._build(self.name, self.own_key.public_key(), [], -1, 30, True)
        super().__init__(self.folder, name.replace(" ", "-"), certificate, self.own_key)

    def _build(self, subject, public_key, names, from_days, to_days, authority):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=from_days)).not_valid_after(now + datetime.timedelta(days=to_days))
                   .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([general_name(n) for n in names]), critical=False)
        return builder.sign(self.own_key, hashes.SHA256())

    def issue(self, *names, from_days=-1, to_days=10, file="leaf"):
        """A certificate for DNS names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "leaf")])
        return Issued(self.folder, file, self._build(subject, key.public_key(), names, from_days, to_days, False), key)


def general_name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def serving(issued, wanted_client=None, newest=None):
    """The server's settings. With `wanted_client` only clients with a certificate of that authority are let in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.cert_file, issued.key_file)
    context.set_alpn_protocols(["http/1.1"])
    if newest is not None:
        context.maximum_version = newest
    if wanted_client is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(wanted_client.cert_file)
    return context


class Secure(Scripted):
    """A Scripted upstream that speaks TLS. A handshake that fails is noted in `refused`."""

    def __init__(self, script, context, **more):
        self.context = context
        self.refused = []
        self.names = []  # that clients asked for (SNI)
        self.resumed = []
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        super().__init__(script, **more)

    @property
    def url(self):
        return f"https://{self.authority}"

    def _serve(self, connection):
        secured = self.context.wrap_socket(connection.sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False)
        connection.sock = secured
        connection.wire = Wire(secured)
        try:
            secured.do_handshake()
        except OSError as e:
            self.refused.append(str(e))
            connection.sock = socket.socket(fileno=secured.detach())
            linger(connection.sock)
            connection.sock.close()
            connection.done.set()
            self.changed()
            return
        self.resumed.append(secured.session_reused)
        super()._serve(connection)


class SecureEcho(Echo, Secure):
    """An Echo that speaks TLS."""


def linger(sock):
    """Lets the peer read the last words before the connection goes."""
    try:
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 16):
            pass
    except OSError:
        pass


def end_in_order(connection):
    """close_notify, then the end: what TLS calls an end."""
    try:
        connection.sock.unwrap().close()
    except OSError:
        pass
