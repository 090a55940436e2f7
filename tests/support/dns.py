"""A name server for tests: A records only, which a test may change while it runs. What is too long for UDP goes by TCP."""
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
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._bind()
        self.ending = False
        threading.Thread(target=self._serve_tcp, daemon=True).start()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _bind(self):
        """One port for both."""
        for _ in range(20):
            self.listener.bind(("127.0.0.1", 0))
            self.port = self.listener.getsockname()[1]
            try:
                self.sock.bind(("127.0.0.1", self.port))
                return self.listener.listen(16)
            except OSError:
                self.listener.close()
                self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        raise AssertionError("no port that is free for both UDP and TCP")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ending = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(5)
        self.sock.close()
        self.listener.close()

    def _serve(self):
        while True:
            query, peer = self.sock.recvfrom(4096)
            if self.ending:
                return
            if len(query) < 17 or self.silent:
                continue
            answer = self._answer(query)
            if len(answer) > 512:
                answer = answer[:2] + bytes([answer[2] | 2]) + answer[3:4] + query[4:6] + bytes(6) + query[12:]  # cut short (RFC 1035, 4.1.1)
            self.sock.sendto(answer, peer)

    def _serve_tcp(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(sock,), daemon=True).start()

    def _serve_one(self, sock):
        with sock:
            while not self.ending:
                try:
                    size = sock.recv(2, socket.MSG_WAITALL)
                    if len(size) < 2:
                        return
                    answer = self._answer(sock.recv(struct.unpack("!H", size)[0], socket.MSG_WAITALL))
                    sock.sendall(struct.pack("!H", len(answer)) + answer)
                except OSError:
                    return

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
