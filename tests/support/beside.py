"""A known, well-behaved client beside an attack: what does it feel of it?

An attack (attacks.py) runs in a process of its own, with the lowest priority: what is judged is the gateway, and the machine's processors
are few. The known client is another process, so that neither waits for the other's interpreter.
"""
import gzip
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from support.attacks import ATTACKS, CHUNKS_OF_A_BYTE, GZIP, LARGE_CHUNKS, MANY_NUMBERS, connect

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


BODIES = {
    b"json": (gzip.compress(MANY_NUMBERS, 9), "Content-Type: application/json\r\n" + GZIP),
    b"lines": (b'{"a":1}\n' * 20000, "Content-Type: application/x-ndjson\r\n"),
    b"one": (b'{"id":1}', "Content-Type: application/json\r\n"),
    # The key whose secret is 1.
    b"keys": (b'{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",'
              b'"y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}]}', "Content-Type: application/json\r\n"),
}


class Service:
    """A fast service in a process of its own: drops what it gets; /large and /tiny are responses without an end, /json and /lines large
    documents, /one and /keys small ones; /hang never answers, /interim says 103 without an end, /heads answers with a long head, /status/… with any status."""

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
                if path.endswith(b"/interim"):
                    sock.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </" + b"a" * 4000 + b">\r\n\r\n")
                    while True:
                        sock.sendall((b"HTTP/1.1 103 Early Hints\r\nLink: </" + b"a" * 4000 + b">\r\n\r\n") * 8)
                if path.endswith(b"/heads"):
                    sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"v" * 500) for i in range(60)) + b"\r\nok")
                    return
                if path.endswith(b"/signs"):
                    sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\nX-A: " + b"<" * 2800 + b"\r\n\r\nok")
                    return
                if b"/status/" in path:
                    sock.sendall(b"HTTP/1.1 %d Any\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % random.randrange(200, 600))
                    return
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

    def __exit__(self, kind, *_):
        ended = self.process.poll()
        _end(self.process)
        assert kind is not None or ended is None, f"the attack {self.what} ended by itself"


class Known:
    """What a client felt that asks for a path every few milliseconds, on one connection or (fresh) on a new one each time, from a loopback address."""

    def __init__(self, seconds, port, fresh=False, path="/ok", source="127.0.0.1"):
        self.process = _start("know", str(port), str(seconds), "1" if fresh else "0", path, source)

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


def know(port, seconds, fresh, path, source):
    request = f"GET {path} HTTP/1.1\r\nHost: good.test\r\n\r\n".encode()
    times, lost, sock = [], [], None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.perf_counter()
        try:
            sock = sock or connect(port, source=source)
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
        know(int(words[0]), float(words[1]), words[2] == "1", *words[3:])
    else:
        os.nice(19)
        signal.alarm(120)  # whatever becomes of the test
        if what == "serve":
            serve()
        else:
            ATTACKS[words[0]](int(words[1]), int(words[2]))
