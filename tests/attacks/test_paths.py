"""Nasty paths at random, against a second reading of LANGUAGE.md §2 that was written apart from the first: what a route judges and what its
service sees is one path, the one that the rules say.
"""
import random
from urllib.parse import unquote_to_bytes

import pytest

from support.client import Client
from support.gateway import Gateway
from support.upstream import Echo

CONFIG = """
services: {{ svc: {url} }}
routes:
  - {{ match: /open/**, encoded: allow, forward: {{ service: svc }} }}
  - {{ match: /strip/**, encoded: allow, forward: {{ service: svc, path: "/{{**}}" }} }}
  - {{ match: "/seg/{{x}}/**", encoded: allow, forward: {{ service: svc, path: "/p/{{x}}/{{**}}" }} }}
  - {{ match: /**, forward: {{ service: svc }} }}
"""
UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
PATH = UNRESERVED | frozenset(b"!$&'()*+,;=:@/")
PIECES = (b"/ / . .. %2e %2E a b ; %3b %2f %2F %5c \\ %00 % %25 %252e %zz ~ %7e | %7C \" < : @ %41 %C3%A9 \xc3\xa9 %ff * ' %27 { } ^ ` = & %20 %3f "
          b"svc /svc/ open %09 %7f +").split(b" ")
STARTS = (b"/", b"/open/", b"/strip/", b"/seg/", b"/seg/q/")


def control(byte):
    return byte < 0x20 or byte == 0x7F


def encoded_once(raw):
    """Unreserved characters decoded, all else encoded with capitals; None for a bad escape or a control."""
    out = b""
    while raw:
        byte, rest = raw[0], raw[1:]
        if byte == ord("%"):
            if len(rest) < 2 or not all(c in b"0123456789abcdefABCDEF" for c in rest[:2]):
                return None
            value, rest = int(rest[:2], 16), rest[2:]
            if control(value):
                return None
            out += bytes([value]) if value in UNRESERVED else b"%%%02X" % value
        elif control(byte):
            return None
        else:
            out += bytes([byte]) if byte in PATH else b"%%%02X" % byte
        raw = rest
    return out


def without_dots(path):
    """RFC 3986 §5.2.4, letter by letter."""
    done = b""
    while path:
        if path.startswith(b"/./"):
            path = path[2:]
        elif path == b"/.":
            path = b"/"
        elif path.startswith(b"/../") or path == b"/..":
            path = path[3:] or b"/"
            done = done[:max(done.rfind(b"/"), 0)]
        else:
            end = path.find(b"/", 1)
            end = len(path) if end < 0 else end
            done, path = done + path[:end], path[end:]
    return done


def climbs(path):
    """A part of a segment, as a lenient server might read it, is a dot segment."""
    return any(part.split(b";")[0] in (b".", b"..") for part in unquote_to_bytes(path).replace(b"\\", b"/").split(b"/"))


def expected(raw):
    """The target that the service sees, or 400."""
    if any(byte <= 0x20 or byte >= 0x7F or byte == ord("#") for byte in raw):
        return 400  # no request line holds it
    while b"//" in raw:
        raw = raw.replace(b"//", b"/")
    path = encoded_once(raw)
    if path is None:
        return 400
    path = without_dots(path)
    if climbs(path):
        return 400
    text = path.decode()
    if text == "/open" or text.startswith("/open/"):
        return text
    if text == "/strip" or text.startswith("/strip/"):
        rest = text[7:]
        return 400 if rest.startswith("/") else "/" + rest
    if text.startswith("/seg/") and text[5:].split("/")[0]:
        x, _, rest = text[5:].partition("/")
        return f"/p/{x}/{rest}"
    return 400 if any(escape in text for escape in ("%2F", "%5C", "%3B", "%3F", "%23", ";")) else text


@pytest.mark.parametrize("seed", range(4))
def test_a_path_is_read_as_the_rules_say(seed):
    rng = random.Random(seed)
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        client = Client(gateway.port)
        for _ in range(1500):
            path = rng.choice(STARTS) + b"".join(rng.choice(PIECES) for _ in range(rng.randint(0, 9)))
            client.send(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = client.read_response()
            assert (answer.json()["target"] if answer.status == 200 else answer.status) == expected(path), path
            if answer.get("connection") == "close":
                client.close()
                client = Client(gateway.port)
        client.close()
