"""A client of raw sockets: it sends exactly the bytes that a test gives it, and reads answers strictly."""
import socket
import struct

from support.wire import Wire

TIMEOUT = 10.0


def head(method, target, headers=(), host="gateway.test", version="HTTP/1.1"):
    """The bytes of a request's head. A host of None leaves the field out."""
    lines = [f"{method} {target} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk(data):
    """One chunk of a chunked body."""
    return b"%x\r\n" % len(data) + data + b"\r\n"


class Client:
    """One connection to the gateway."""

    def __init__(self, port, timeout=TIMEOUT, source=None, receive_buffer=None):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wire = Wire(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        """Sends bytes as they are."""
        self.sock.sendall(data)

    def send_head(self, method, target, headers=(), **more):
        """Sends a head alone."""
        self.send(head(method, target, headers, **more))

    def request(self, method, target, headers=(), body=None, **more):
        """Sends a request, with Content-Length where there is a body, and reads its answer."""
        headers = list(headers)
        if body is not None:
            headers.append(("Content-Length", len(body)))
        self.send(head(method, target, headers, **more) + (body or b""))
        return self.read_response(method)

    def get(self, target, headers=(), **more):
        """GET and its answer."""
        return self.request("GET", target, headers, **more)

    def read_response(self, method="GET"):
        """One answer, strictly."""
        return self.wire.read_response(method)

    def read_to_close(self):
        """Whatever still comes until the gateway closes."""
        return self.wire.read_to_close()

    def expect_close(self):
        """The gateway closes without sending anything further."""
        rest = self.read_to_close()
        assert rest == b"", f"more came before the close: {rest[:300]!r}"

    def half_close(self):
        """Says that nothing more will be sent."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Leaves with a reset instead of an orderly close."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()


def fetch(port, method, target, headers=(), body=None, **more):
    """One request on a connection of its own."""
    with Client(port) as client:
        return client.request(method, target, headers, body, **more)


def get(port, target, headers=(), **more):
    """One GET on a connection of its own."""
    return fetch(port, "GET", target, headers, **more)
