"""Real redis-server processes for tests: each on a free port, in a folder of its own, ended with the test."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from support.upstream import eventually


def free_port():
    """A port that was free a moment ago: a server that starts cannot be told to choose one."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class RedisError(Exception):
    """What the server answered in place of a value."""


class Talk:
    """A connection: commands out, values back."""

    def __init__(self, port, timeout=5.0):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        self.file = self.sock.makefile("rb")

    def close(self):
        self.file.close()
        self.sock.close()

    def send(self, *words):
        out = b"*%d\r\n" % len(words)
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            out += b"$%d\r\n%s\r\n" % (len(data), data)
        self.sock.sendall(out)

    def read(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2].decode("utf-8", "replace")
        if kind == b"-":
            raise RedisError(rest)
        if kind == b":":
            return int(rest)
        if kind == b"+":
            return rest
        if int(rest) < 0:
            return None
        if kind == b"$":
            return self.file.read(int(rest) + 2)[:-2].decode("utf-8", "replace")
        return [self.read() for _ in range(int(rest))]


class Redis:
    """A server. `options` are as on its command line."""

    def __init__(self, *options, sentinel=None, tls=None):
        self.options = list(options)
        self.sentinel = sentinel  # the lines of its file
        self.tls = tls  # (the certificate's Issued, the authority): the port speaks TLS
        self.folder = tempfile.mkdtemp(prefix="portico-redis-")
        self.port = free_port()
        self.plain_port = free_port() if tls else self.port
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        """Starts it on the same port as before, with nothing in it, and waits until it answers."""
        if self.sentinel is not None:
            path = os.path.join(self.folder, "sentinel.conf")
            with open(path, "w", encoding="utf-8") as f:
                lines = [f"port {self.plain_port}", "bind 127.0.0.1", f"dir {self.folder}", *self.sentinel]
                lines += [" ".join(pair) for pair in self._tls_options()]
                f.write("\n".join(lines) + "\n")
            words = ["redis-server", path, "--sentinel"]
        else:
            words = ["redis-server", "--port", str(self.plain_port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", *self.options]
            words += [word for name, value in self._tls_options() for word in ("--" + name, value)]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self._answers, "redis-server's first answer")

    def _tls_options(self):
        if not self.tls:
            return []
        issued, authority = self.tls
        return [("tls-port", str(self.port)), ("tls-cert-file", issued.cert_file), ("tls-key-file", issued.key_file),
                ("tls-ca-cert-file", authority.cert_file), ("tls-auth-clients", "no")]

    def _answers(self):
        assert self.process.poll() is None, "redis-server ended by itself (./dev setup installs it)"
        try:
            return self.run("PING") == "PONG"
        except OSError:
            return False

    def run(self, *words):
        """A command and its answer, on a connection of its own."""
        talk = Talk(self.plain_port)
        try:
            talk.send(*words)
            return talk.read()
        finally:
            talk.close()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)


class SlowWay:
    """A way to a server that holds back what goes to it, by `delay` seconds."""

    def __init__(self, port):
        self.delay = 0.0
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for s in [self.listener, *self.sockets]:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            self.sockets += [near, far]
            for one, other, slow in ((near, far, True), (far, near, False)):
                threading.Thread(target=self._pass, args=(one, other, slow), daemon=True).start()

    def _pass(self, one, other, slow):
        try:
            while data := one.recv(1 << 16):
                if slow and self.delay:
                    time.sleep(self.delay)
                other.sendall(data)
        except OSError:
            pass


class FaultyWay:
    """A way to a server that can be late, can refuse every command in the server's stead, or be closed. `mode` is read for each piece:
    "well" (a command takes `pace` seconds), "late" (answers come after `delay` seconds), "refuse" (with `words`; a PING is answered),
    "away"."""

    def __init__(self, port):
        self.mode = "well"
        self.words = "OOM command not allowed when used memory > 'maxmemory'."
        self.delay = 1.0
        self.pace = 0.0
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._end(self.listener)
        for near, far in self.pairs:
            self._end(near)
            self._end(far)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def go(self, mode):
        self.mode = mode
        if mode == "away":
            for near, far in self.pairs:
                self._end(near)
                self._end(far)
            self.pairs = []

    @staticmethod
    def _end(s):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        s.close()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                if self.mode == "away":
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            for s in (near, far):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pairs.append((near, far))
            threading.Thread(target=self._ask, args=(near, far), daemon=True).start()
            threading.Thread(target=self._answer, args=(near, far), daemon=True).start()

    def _ask(self, near, far):
        """Commands, one by one: they go on, or are refused here."""
        file = near.makefile("rb")
        try:
            while head := file.readline():
                words, raw = [], head
                for _ in range(int(head[1:])):
                    size = file.readline()
                    word = file.read(int(size[1:]) + 2)
                    words.append(word[:-2])
                    raw += size + word
                if self.pace:
                    time.sleep(self.pace)
                if self.mode != "refuse":
                    far.sendall(raw)
                elif words[0] == b"PING":
                    near.sendall(b"+PONG\r\n")
                elif words[0] == b"CLIENT":
                    near.sendall(b"+OK\r\n")
                else:
                    near.sendall(b"-" + self.words.encode() + b"\r\n")
        except (OSError, ValueError):
            pass

    def _answer(self, near, far):
        try:
            while data := far.recv(1 << 16):
                if self.mode == "late":
                    time.sleep(self.delay)
                near.sendall(data)
        except OSError:
            pass
