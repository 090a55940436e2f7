"""Upstreams that tests play: one thread a connection, nothing between the test and the bytes."""
import json
import socket
import struct
import threading
import time

from support.wire import Closed, Incomplete, Wire, WireError

TIMEOUT = 10.0


class Connection:
    """One connection that the gateway made."""

    def __init__(self, upstream, sock, number):
        self.upstream = upstream
        self.sock = sock
        self.number = number  # 0 is the first that this upstream ever took
        self.wire = Wire(sock)
        self.requests = []
        self.error = None
        self.done = threading.Event()

    @property
    def raw(self):
        """Every byte that was read so far."""
        return bytes(self.wire.raw)

    def read_request(self, read_body=True):
        """The next request; Closed where the gateway closes instead, or sends nothing for long."""
        try:
            request = self.wire.read_request(read_body)
        except TimeoutError:
            if self.wire.buffer:
                raise
            raise Closed() from None
        with self.upstream.lock:
            self.requests.append(request)
            self.upstream.requests.append(request)
            self.upstream.lock.notify_all()
        return request

    def read_body(self, request):
        """The body of a request that was read without it."""
        self.wire.read_request_body(request)
        return request

    def send(self, data):
        self.sock.sendall(data)

    def answer(self, body=b"ok", status="200 OK", headers=(), length=True):
        """A plain answer with its length."""
        lines = [f"HTTP/1.1 {status}"]
        if length:
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{n}: {v}" for n, v in headers]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)

    def wait_for_close(self, timeout=TIMEOUT):
        """Reads until the gateway closes. Returns what came before that."""
        self.sock.settimeout(timeout)
        return self.wire.read_to_close()

    def reset(self):
        """Closes with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()


class Scripted:
    """An upstream whose every connection is handed to a callable; the connection closes when that returns."""

    def __init__(self, script, address="127.0.0.1", port=0, backlog=128):
        self.script = script
        self.connections = []
        self.requests = []  # of all connections, in the order in which they were read
        self.lock = threading.Condition()
        self.ending = False
        self.marks = {}  # connections of settle(), by their own address; True once they were taken
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(backlog)
        self.address, self.port = self.listener.getsockname()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def authority(self):
        return f"{self.address}:{self.port}"

    @property
    def url(self):
        return f"http://{self.authority}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close()
        if kind is None:
            errors = [c.error for c in self.connections if c.error is not None]
            assert not errors, f"the upstream's script failed: {errors[0]!r}"

    def _accept(self):
        while True:
            try:
                sock, peer = self.listener.accept()
            except OSError:
                return
            if peer in self.marks:
                sock.close()
                with self.lock:
                    self.marks[peer] = True
                    self.lock.notify_all()
                continue
            sock.settimeout(TIMEOUT)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                connection = Connection(self, sock, len(self.connections))
                self.connections.append(connection)
                self.lock.notify_all()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            self.script(connection)
        except (Closed, ConnectionError):
            pass
        except Exception as e:  # shown by the test that uses this upstream
            if not self.ending:
                connection.error = e
        finally:
            connection.sock.close()
            connection.done.set()
            with self.lock:
                self.lock.notify_all()

    def wait(self, condition, what, timeout=TIMEOUT):
        """Waits until something about this upstream holds."""
        with self.lock:
            assert self.lock.wait_for(condition, timeout), f"{what} did not happen in {timeout} s"

    def changed(self):
        """Tells those who wait that something happened."""
        with self.lock:
            self.lock.notify_all()

    def settle(self):
        """Returns once every connection that was made before this call stands in `connections`."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as mark:
            mark.bind((self.address, 0))
            self.marks[mark.getsockname()] = False
            mark.connect((self.address, self.port))
            self.wait(lambda: self.marks[mark.getsockname()], "the mark's arrival")

    def wait_idle(self, timeout=TIMEOUT):
        """Waits until every connection is over."""
        self.wait(lambda: all(c.done.is_set() for c in self.connections), "the end of every connection", timeout)

    def close(self):
        self.ending = True
        # shutdown() wakes the thread that waits in accept(); close() alone would not.
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for c in list(self.connections):
            try:
                c.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join(TIMEOUT)


class Echo(Scripted):
    """Answers every request with JSON: method, target, headers in order, the body's length and digest, trailers.

    A request that is not well-formed fails the test that ends this upstream; one that was broken off is only noted.
    """

    def __init__(self, name="echo", **more):
        self.name = name
        self.malformed = []
        self.broken_off = []
        super().__init__(self._talk, **more)

    def _talk(self, connection):
        while True:
            try:
                request = connection.read_request()
            except Incomplete:
                self.broken_off.append(connection.raw)
                return
            except WireError as e:
                self.malformed.append((str(e), connection.raw))
                return
            body = json.dumps(describe(request, self.name, connection.number)).encode()
            connection.answer(body if request.method != "HEAD" else b"", headers=[("Content-Type", "application/json")],
                              length=request.method != "HEAD")

    def __exit__(self, kind, *how):
        super().__exit__(kind, *how)
        if kind is None:
            assert not self.malformed, f"the gateway sent what is no HTTP: {self.malformed[0][0]}, in {self.malformed[0][1][-2000:]!r}"

    @property
    def last(self):
        """The request that was read last."""
        return self.requests[-1]


def describe(request, name, connection):
    """What an Echo says of a request."""
    return {
        "upstream": name,
        "connection": connection,
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "length": request.length,
        "sha256": request.sha256,
        "chunked": request.chunked,
        "trailers": request.trailers,
    }


def answering(body=b"ok", status="200 OK", headers=()):
    """A script that gives every request the same answer."""
    def script(connection):
        while True:
            connection.read_request()
            connection.answer(body, status, headers)
    return script


def sending(raw):
    """A script that reads one request, sends these bytes and closes."""
    def script(connection):
        connection.read_request()
        connection.send(raw)
    return script


def unused_port(address="127.0.0.1"):
    """A port that nothing listens on, with the socket that keeps it so."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    holder.bind((address, 0))
    return holder, holder.getsockname()[1]


def eventually(condition, what, timeout=TIMEOUT, every=0.005):
    """Waits until something holds that nobody tells of, and returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not happen in {timeout} s"
        time.sleep(every)
