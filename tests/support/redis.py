"""A redis-server for a test: on a free port, in memory alone, ended with the test."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time


class Redis:
    """A running redis-server."""

    def __init__(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.folder = self.process = None

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="portico-redis-")
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        self.process = subprocess.Popen(["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", ""],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while True:
            try:
                assert self.run("PING") == "PONG"
                return
            except OSError:
                assert time.monotonic() < end and self.process.poll() is None, "redis-server did not start: ./dev setup installs it"
                time.sleep(0.01)

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def run(self, *words):
        """One command whose answer is one line or one string."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as s:
            text = b"*%d\r\n" % len(words)
            for word in words:
                data = str(word).encode()
                text += b"$%d\r\n%s\r\n" % (len(data), data)
            s.sendall(text)
            with s.makefile("rb") as answer:
                line = answer.readline().rstrip().decode()
                assert line and line[0] != "-", line
                return answer.readline().rstrip().decode() if line[0] == "$" and line != "$-1" else line[1:]
