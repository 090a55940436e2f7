"""A name server for tests: UDP, A records only, which a test may change while it runs."""
import socket
import struct
import threading


class Dns:
    """Answers A queries for the names in `zone` (name to a list of addresses), each with the TTL of `ttl` seconds."""

    def __init__(self, zone, ttl=1):
        self.zone = dict(zone)
        self.ttl = ttl
        self.silent = False
        self.queries = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.ending = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ending = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(5)
        self.sock.close()

    def _serve(self):
        while True:
            query, peer = self.sock.recvfrom(4096)
            if self.ending:
                return
            if len(query) < 17 or self.silent:
                continue
            self.sock.sendto(self._answer(query), peer)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("ascii").lower())
            at += 1 + query[at]
        question = query[12:at + 5]
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        name = ".".join(labels)
        self.queries.append((name, kind))
        known = name in self.zone
        addresses = self.zone.get(name, []) if kind == 1 else []
        flags = 0x8580 if known else 0x8583  # an authoritative answer; NXDOMAIN for a name that is not there
        answer = query[:2] + struct.pack("!HHHHH", flags, 1, len(addresses), 0, 0) + question
        for address in addresses:
            answer += struct.pack("!HHHIH", 0xC00C, 1, 1, self.ttl, 4) + socket.inet_aton(address)
        return answer
