"""Whose certificate the gateway believes: a table of certificates, each with the verdict that is right, against which both the gateway and
OpenSSL's verification as Python sets it up are held.
"""
import os
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from cryptography.hazmat.primitives import hashes

from support.certificates import ANY_USAGE, CLIENT, SERVER, Certificate
from support.client import get
from support.gateway import Gateway
from support.tls import Secure
from support.upstream import answering

NAME = "users.test"
ROOT = Certificate("Root", authority=True, days=(-100, 1000))
OTHER = Certificate("Other root", authority=True)
SAME_NAME = Certificate("Root", authority=True, forged_by=None, key="p384")
MIDDLE = Certificate("Middle", issuer=ROOT, authority=True)


def leaf(*names, issuer=ROOT, **more):
    return Certificate("leaf", names=names or ("dns:" + NAME,), issuer=issuer, **more)


def under(middle, **more):
    """A leaf and the intermediate that issued it, as a service sends them."""
    return [leaf(issuer=middle, **more), middle]


class Case:
    """What a service shows, whom the gateway trusts, the name that it wants, and whether that is to be believed."""

    def __init__(self, what, good, chain, name=NAME, trusted=(ROOT,)):
        self.what, self.good, self.name, self.trusted = what, good, name, list(trusted)
        self.chain = chain if isinstance(chain, list) else [chain]


def cases():
    yield Case("the name", True, leaf())
    yield Case("the name in capitals", True, leaf("dns:USERS.TEST"))
    yield Case("a name among two hundred", True, leaf(*[f"dns:n{i}.test" for i in range(200)], "dns:" + NAME))
    yield Case("another name", False, leaf("dns:other.test"))
    yield Case("a longer name", False, leaf("dns:users.test.evil.test"))
    yield Case("a name that ends alike", False, leaf("dns:xusers.test"))
    yield Case("the parent's name", False, leaf("dns:test"))
    yield Case("a name with NUL in it", False, leaf("dns:users.test\0.evil.test"))
    yield Case("the wanted name with the root's dot", True, leaf(), name=NAME + ".")
    yield Case("an international name in its ASCII form", True, leaf("dns:xn--bcher-kva.test"), name="xn--bcher-kva.test")
    yield Case("a wildcard for one label", True, leaf("dns:*.users.test"), name="a.users.test")
    yield Case("a wildcard for two labels", False, leaf("dns:*.users.test"), name="a.b.users.test")
    yield Case("a wildcard for none", False, leaf("dns:*.users.test"), name="users.test")
    yield Case("a wildcard for a part of a label", False, leaf("dns:us*.a.test"), name="users.a.test")
    yield Case("a wildcard for a whole name", False, leaf("dns:*"))
    yield Case("a wildcard for a top-level domain's names", False, leaf("dns:*.test"))
    yield Case("a wildcard in the middle", False, leaf("dns:a.*.test"), name="a.users.test")
    yield Case("a wildcard for an address", False, leaf("dns:*.0.0.1"), name="127.0.0.1")
    yield Case("the name as the subject's common name only", False, Certificate(NAME, issuer=ROOT))
    yield Case("the common name beside another name", False, Certificate(NAME, names=["dns:other.test"], issuer=ROOT))
    yield Case("the name as a URI and a mail address", False, leaf("uri:https://users.test/", "mail:users.test@users.test"))
    yield Case("the address", True, leaf("ip:127.0.0.1"), name="127.0.0.1")
    yield Case("the address of IPv6", True, leaf("ip:::1"), name="::1")
    yield Case("another address", False, leaf("ip:127.0.0.2"), name="127.0.0.1")
    yield Case("the address as a name", False, leaf("dns:127.0.0.1"), name="127.0.0.1")
    yield Case("a name where an address is there", False, leaf("ip:127.0.0.1"))
    yield Case("the address as the common name only", False, Certificate("127.0.0.1", issuer=ROOT), name="127.0.0.1")

    yield Case("expired", False, leaf(days=(-10, -1)))
    yield Case("not valid yet", False, leaf(days=(1, 10)))
    yield Case("valid beyond the year 2050", True, leaf(days=(-1, 365 * 60)))
    yield Case("an expired root", False, leaf(issuer=Certificate("Old root", authority=True, days=(-10, -1))), trusted=[Certificate("Old root", authority=True, days=(-10, -1))])

    yield Case("an intermediate that is sent", True, under(MIDDLE))
    yield Case("an intermediate that is not sent", False, leaf(issuer=MIDDLE))
    yield Case("an intermediate that is trusted itself", True, leaf(issuer=MIDDLE), trusted=[MIDDLE])
    yield Case("certificates that nobody needs beside the chain", True, under(MIDDLE) + [OTHER, ROOT])
    yield Case("an expired intermediate", False, under(Certificate("Middle expired", issuer=ROOT, authority=True, days=(-10, -1))))
    yield Case("an intermediate that is no authority", False, under(Certificate("Middle no CA", issuer=ROOT, authority=False)))
    yield Case("an intermediate without basic constraints", False, under(Certificate("Middle bare", issuer=ROOT, authority=None)))
    yield Case("an intermediate that may not sign certificates", False, under(Certificate("Middle usage", issuer=ROOT, authority=True, usage=["digital_signature"])))
    short = Certificate("Short", issuer=ROOT, authority=True, path_length=0)
    yield Case("a chain that is longer than it may be", False, [*under(Certificate("Below short", issuer=short, authority=True)), short])
    yield Case("an intermediate for other names", False, under(Certificate("Middle for others", issuer=ROOT, authority=True, permitted=["other.test"])))
    yield Case("an intermediate for these names", True, under(Certificate("Middle for these", issuer=ROOT, authority=True, permitted=[NAME])))
    yield Case("an intermediate that may not have this name", False, under(Certificate("Middle not these", issuer=ROOT, authority=True, excluded=[NAME])))
    yield Case("another authority", False, leaf(issuer=OTHER))
    yield Case("another authority of the same name", False, leaf(issuer=SAME_NAME))
    yield Case("a signature by another key", False, leaf(forged_by=OTHER))
    own = Certificate("own", names=["dns:" + NAME])
    yield Case("self-signed", False, own)
    yield Case("self-signed and trusted itself", True, own, trusted=[own])
    yield Case("one of several that are trusted", True, leaf(), trusted=[OTHER, ROOT])

    yield Case("for servers", True, leaf(extended=[SERVER]))
    yield Case("for clients only", False, leaf(extended=[CLIENT]))
    yield Case("for clients and servers", True, leaf(extended=[CLIENT, SERVER]))
    yield Case("for any use, which is none of TLS", False, leaf(extended=[ANY_USAGE]))
    yield Case("an intermediate for clients only", False, under(Certificate("Middle clients", issuer=ROOT, authority=True, extended=[CLIENT])))
    yield Case("an extension that is critical and unknown", False, leaf(critical_unknown=True))

    yield Case("an RSA key of 2048 bits", True, leaf(key="rsa2048"))
    yield Case("an RSA key of 1024 bits", False, leaf(key="rsa1024"))
    yield Case("an Ed25519 key", True, leaf(key="ed25519"))
    yield Case("a P-384 key", True, leaf(key="p384"))
    yield Case("a signature over SHA-1", False, leaf(signed_with=hashes.SHA1))


def serving(case, folder, index):
    """The server's settings: it shows whatever it has."""
    path = os.path.join(folder, f"{index}.pem")
    with open(path, "wb") as f:
        f.write(case.chain[0].key_pem + b"".join(c.pem for c in case.chain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.load_cert_chain(path)
    return context


def authorities(case, folder, index):
    path = os.path.join(folder, f"{index}.ca.pem")
    with open(path, "wb") as f:
        f.write(b"".join(c.pem for c in case.trusted))
    return path


def believed_by_openssl(server, ca_file, name):
    """The verdict of a client that OpenSSL verifies for, without a network."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca_file)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client_side = context.wrap_bio(down, up, server_hostname=name.rstrip("."))
    server_side = server.wrap_bio(up, down, server_side=True)
    done = set()
    for _ in range(10):
        for side in (client_side, server_side):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return False
        if client_side in done:
            return True
    raise AssertionError("the handshake has no end")


@pytest.mark.filterwarnings("ignore:SHA1")
def test_whom_the_gateway_believes_is_whom_the_table_and_openssl_believe(tmp_path):
    table = list(cases())
    assert len(table) > 40 and len({c.what for c in table}) == len(table)
    with ExitStack() as stack:
        services, verdicts = [], []
        for index, case in enumerate(table):
            context = serving(case, tmp_path, index)
            ca_file = authorities(case, tmp_path, index)
            verdicts.append(believed_by_openssl(context, ca_file, case.name))
            upstream = stack.enter_context(Secure(answering(), context))
            services.append(f's{index}: {{ endpoints: ["{upstream.url}"], tls: {{ ca: {ca_file}, server_name: "{case.name}" }} }}')
        config = "workers: 1\nservices:\n  " + "\n  ".join(services) + '\nroutes: [{ match: "/{service}/x", forward: { service: "{service}" } }]\n'
        gateway = stack.enter_context(Gateway(config))
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda index: get(gateway.port, f"/s{index}/x"), range(len(table))))
        wrong = []
        for case, openssl, answer in zip(table, verdicts, answers):
            wanted = (200, None) if case.good else (502, "upstream.tls")
            got = (answer.status, None if answer.status == 200 else answer.code)
            if openssl != case.good or got != wanted:
                wrong.append(f"{case.what}: the table says {case.good}, OpenSSL {openssl}, the gateway {got}")
        assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("seen_before", [False, True])
def test_a_certificate_that_was_believed_for_one_name_is_not_for_another(tmp_path, seen_before):
    case = Case("two services of one endpoint", True, leaf("dns:a.test"))
    ca_file = authorities(case, tmp_path, 0)
    with Secure(answering(), serving(case, tmp_path, 0)) as upstream:
        service = lambda name: f'{{ endpoints: ["{upstream.url}"], tls: {{ ca: {ca_file}, server_name: {name} }} }}'
        config = f'workers: 1\nservices: {{ a: {service("a.test")}, b: {service("b.test")} }}\nroutes: [{{ match: "/{{service}}/x", forward: {{ service: "{{service}}" }} }}]\n'
        with Gateway(config) as gateway:
            if seen_before:
                assert [get(gateway.port, "/a/x").status for _ in range(3)] == [200, 200, 200]
            assert get(gateway.port, "/b/x").status == 502
