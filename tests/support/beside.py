"""A known, well-behaved client beside an attack: what does it feel of it?

An attack is a function of this module's ATTACKS that runs in a process of its own, with the lowest priority: what is judged is the
gateway, and the machine's processors are few. The known client is another process, so that neither waits for the other's interpreter.
"""
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def connect(port, timeout=5):
    sock = socket.create_connection(("127.0.0.1", port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def run_again_and_again(count, attack):
    """So many threads of attackers, until the process is ended; who loses its connection comes again."""
    def forever():
        while True:
            try:
                attack()
            except OSError:
                time.sleep(0.001)

    threads = [threading.Thread(target=forever, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def upload(port, path, part, media_type="text/plain"):
    """An upload without an end."""
    with connect(port) as sock:
        sock.sendall(f"POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        while True:
            sock.sendall(part)


CHUNKS_OF_A_BYTE = b"1\r\n \r\n" * 40000
LARGE_CHUNKS = (b"10000\r\n" + b"z" * 65536 + b"\r\n") * 8


def uploads_of_a_byte(port, count):
    run_again_and_again(count, lambda: upload(port, "/s/x", CHUNKS_OF_A_BYTE))


def uploads_of_large_chunks(port, count):
    run_again_and_again(count, lambda: upload(port, "/s/x", LARGE_CHUNKS))


def held_bodies_of_a_byte(port, count):
    run_again_and_again(count, lambda: upload(port, "/held/x", CHUNKS_OF_A_BYTE, "application/json"))


def refused_uploads(port, count):
    run_again_and_again(count, lambda: upload(port, "/nowhere", LARGE_CHUNKS))


def downloads(port, count, path):
    def one():
        with connect(port) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
            while sock.recv(1 << 20):
                pass
    run_again_and_again(count, one)


def long_downloads(port, count):
    downloads(port, count, "/s/large")


def downloads_of_a_byte(port, count):
    downloads(port, count, "/s/tiny")


def pipelined(port, count):
    """Requests without a pause, whose responses are read and dropped."""
    burst = b"GET /ok HTTP/1.1\r\nHost: a.test\r\n\r\n" * 400

    def one():
        with connect(port) as sock:
            threading.Thread(target=drop, args=(sock,), daemon=True).start()
            while True:
                sock.sendall(burst)

    def drop(sock):
        try:
            while sock.recv(1 << 20):
                pass
        except OSError:
            pass
    run_again_and_again(count, one)


def requests(port, count, path, body, fields=""):
    """The same request again and again; what comes of it is read and dropped."""
    head = f"POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode()

    def one():
        with connect(port, 60) as sock:
            while True:
                sock.sendall(head + body)
                answer = b""
                while b"\r\n\r\n" not in answer:
                    got = sock.recv(65536)
                    if not got:
                        return
                    answer += got
                head_of_it, _, rest = answer.partition(b"\r\n\r\n")
                left = int(re.search(rb"(?i)content-length: *(\d+)", head_of_it)[1]) - len(rest)
                while left > 0:
                    left -= len(sock.recv(min(left, 65536)))
                if b"connection: close" in head_of_it.lower():
                    return
    run_again_and_again(count, one)


MANY_NUMBERS = b'{"a":[' + b"1," * 520000 + b"1]}"
GZIP = "Content-Encoding: gzip\r\n"


def large_documents(port, count):
    requests(port, count, "/held/x", MANY_NUMBERS)


def swelling_bodies(port, count):
    requests(port, count, "/held/x", gzip.compress(MANY_NUMBERS, 9), GZIP)


def bodies_of_nothing(port, count):
    """Swell to white space, which is no document."""
    requests(port, count, "/held/x", gzip.compress(b" " * 60000, 9), GZIP)


def nested_codings(port, count):
    """Empty blocks inside of empty blocks: nothing comes out, and what stands in between are gigabytes."""
    inner = gzip.compress(b"", 9)[:10] + b"\0\0\0\xff\xff" * 1000000
    requests(port, count, "/held/x", gzip.compress(gzip.compress(inner, 9), 9), "Content-Encoding: gzip, gzip, gzip\r\n")


def edits_of_each_item(port, count):
    """Each item's new value is made of all items."""
    requests(port, count, "/edited/x", b'{"items":[' + b",".join([b'{"price":1}'] * 30000) + b"]}")


def many_names(port, count):
    """An object whose names must all be told apart."""
    requests(port, count, "/held/x", b"{" + b",".join(b'"%x":1' % (i * 2654435761 % (1 << 32)) for i in range(70000)) + b"}")


def nested_filters(port, count):
    """Each item is compared with each."""
    requests(port, count, "/filtered/x", b'{"items":[' + b",".join(b'{"a":%d,"b":%d}' % (i, -i - 1) for i in range(3000)) + b"]}")


def shaped_responses(port, count):
    downloads_again(port, count, "/shaped/json")


def lists_of_calls(port, count):
    requests(port, count, "/joined", b'{"ids":[' + b",".join(b"%d" % i for i in range(100)) + b"]}")


def unread_lines(port, count):
    """Each line becomes a long one, and nobody reads them."""
    def one():
        with connect(port, 60) as sock:
            sock.sendall(b"GET /lines/lines HTTP/1.1\r\nHost: a.test\r\n\r\n")
            time.sleep(60)
    run_again_and_again(count, one)


def downloads_again(port, count, path):
    def one():
        with connect(port, 60) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n".encode())
            while sock.recv(1 << 20):
                pass
    run_again_and_again(count, one)


def bad_requests(port, count):
    """Each is refused, and its connection waits for the client's end, which does not come."""
    kept = []
    while True:
        try:
            sock = connect(port)
            sock.sendall(b"x\r\n\r\n")
            kept.append(sock)
        except OSError:
            pass
        if len(kept) > 2 * count:
            kept.pop(0).close()
        time.sleep(1 / count)


ATTACKS = {f.__name__: f for f in (uploads_of_a_byte, uploads_of_large_chunks, held_bodies_of_a_byte, refused_uploads, long_downloads,
                                   downloads_of_a_byte, pipelined, bad_requests, large_documents, swelling_bodies, bodies_of_nothing,
                                   nested_codings, edits_of_each_item, many_names, nested_filters, shaped_responses, lists_of_calls,
                                   unread_lines)}


BODIES = {
    b"json": (gzip.compress(MANY_NUMBERS, 9), "Content-Type: application/json\r\n" + GZIP),
    b"lines": (b'{"a":1}\n' * 20000, "Content-Type: application/x-ndjson\r\n"),
    b"one": (b'{"id":1}', "Content-Type: application/json\r\n"),
}


class Service:
    """A fast service in a process of its own: drops what it gets; /large and /tiny are responses without an end, /json and /lines large
    documents, /one a small one."""

    def __enter__(self):
        self.process = _start("serve")
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        _end(self.process)


def serve():
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(listener.getsockname()[1], flush=True)

    def one(sock):
        with sock:
            try:
                head = sock.recv(65536)
                path = head.split(b" ")[1] if head.count(b" ") > 1 else b""
                if path.endswith((b"/large", b"/tiny")):
                    sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    while True:
                        sock.sendall(LARGE_CHUNKS if path.endswith(b"/large") else CHUNKS_OF_A_BYTE)
                body, fields = BODIES.get(path.rsplit(b"/", 1)[-1], (b"", ""))
                if body:
                    sock.sendall(f"HTTP/1.1 200 OK\r\nConnection: close\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                    return
                left = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
                if left is not None:
                    left = int(left[1]) - len(head.partition(b"\r\n\r\n")[2])
                    while left > 0:
                        left -= len(sock.recv(min(left, 1 << 20)) or b" " * left)
                    sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
                    return
                while sock.recv(1 << 20):
                    pass
            except OSError:
                pass
    while True:
        threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()


class Attack:
    """One of ATTACKS, for as long as the block lasts."""

    def __init__(self, name, port, count):
        self.what = (name, str(port), str(count))

    def __enter__(self):
        self.process = _start("attack", *self.what)
        time.sleep(0.5)
        assert self.process.poll() is None, "the attack ended by itself"
        return self

    def __exit__(self, *_):
        _end(self.process)


class Known:
    """What a client felt that asks for a path every few milliseconds, on one connection or (fresh) on a new one each time."""

    def __init__(self, seconds, port, fresh=False, path="/ok"):
        self.process = _start("know", str(port), str(seconds), "1" if fresh else "0", path)

    def felt(self):
        out, _ = self.process.communicate()
        return Felt(**json.loads(out))


class Felt:
    def __init__(self, times, lost):
        self.times = sorted(times)  # seconds
        self.lost = lost            # what became of the others

    def __repr__(self):
        return f"{len(self.times)} answered, p50 {self.at(.5) * 1e3:.1f} ms, p99 {self.at(.99) * 1e3:.1f} ms, {len(self.lost)} lost {self.lost[:3]}"

    def at(self, share):
        return self.times[min(len(self.times) - 1, int(len(self.times) * share))] if self.times else float("inf")


def is_whole(data):
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return length is not None and len(body) >= int(length[1])


def know(port, seconds, fresh, path):
    request = f"GET {path} HTTP/1.1\r\nHost: good.test\r\n\r\n".encode()
    times, lost, sock = [], [], None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.perf_counter()
        try:
            sock = sock or connect(port)
            sock.sendall(request)
            data = b""
            while not is_whole(data):
                got = sock.recv(65536)
                if not got:
                    raise OSError("closed")
                data += got
            if not data.startswith(b"HTTP/1.1 200"):
                raise OSError(data[:12].decode("latin-1"))
            times.append(time.perf_counter() - begin)
            if fresh:
                sock.close()
                sock = None
        except OSError as e:
            lost.append(str(e))
            sock = None
            time.sleep(0.01)
        time.sleep(0.003)
    print(json.dumps({"times": times, "lost": lost}))


def _start(*words):
    return subprocess.Popen([sys.executable, "-m", "support.beside", *words], cwd=TESTS, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def _end(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "know":
        know(int(words[0]), float(words[1]), words[2] == "1", words[3])
    else:
        os.nice(19)
        signal.alarm(120)  # whatever becomes of the test
        if what == "serve":
            serve()
        else:
            ATTACKS[words[0]](int(words[1]), int(words[2]))
