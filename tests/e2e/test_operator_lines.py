"""What stderr and stdout do not take holds nobody up: neither requests, nor signals, nor the end."""
import fcntl
import json
import os
import pty
import resource
import select
import signal
import socket
import subprocess
import time

import pytest

from support.client import Client, get, head
from support.gateway import BINARY, Gateway, command
from support.upstream import eventually, unused_port

PLAIN = """
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0 }
workers: 1
routes: [{ match: /x, respond: { status: 204 } }]
"""
F_SETPIPE_SZ = 1031


class Unread(Gateway):
    """A gateway whose stderr is a pipe, read up to `ready` and then no more until drain()."""

    def start(self):
        self.pipe, theirs = os.pipe()
        fcntl.fcntl(self.pipe, F_SETPIPE_SZ, 4096)
        self.process = subprocess.Popen([BINARY, "run", "-c", self.file], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs,
                                        env=self.environment)
        os.close(theirs)
        self.process.stderr = os.fdopen(self.pipe, "rb", buffering=0)
        text = b""
        while b"portico: ready\n" not in text:
            text += os.read(self.pipe, 4096)
        for line in text.splitlines():
            self._take_stderr(line)

    def drain(self):
        """All lines that come within a while."""
        text = b""
        while select.select([self.pipe], [], [], 0.3)[0]:
            part = os.read(self.pipe, 65536)
            if not part:
                break
            text += part
        return text.decode().splitlines()


def reload_often(gateway, times=200):
    """Reloads until stderr is full and more is lost: each is waited for, since signals of one kind are merged."""
    for n in range(times):
        before = gateway.metric("portico_reloads_total")
        gateway.process.send_signal(signal.SIGHUP)
        eventually(lambda: gateway.metric("portico_reloads_total") > before, "a reload", every=0.001)
        if gateway.metric("portico_dropped_operator_lines_total") > 0:
            return
    raise AssertionError("no line was lost")


def fill(gateway):
    """A file with many faults, so that each refused reload has much to say."""
    gateway.write("listeners: [{ address: 127.0.0.1:0 }]\nroutes:\n" + "".join(f"  - {{ match: /x{n}, respnd: {{}} }}\n" for n in range(400)))
    reload_often(gateway)


def test_a33_stderr_that_nobody_reads_holds_nobody_up_and_lost_lines_are_counted_and_told():
    with Unread(PLAIN) as gateway:
        fill(gateway)
        assert get(gateway.admin_port, "/live", host="localhost").status == 200
        assert get(gateway.port, "/x").status == 204
        lines = []
        while True:
            more = gateway.drain()
            if not more:
                break
            lines += more
        told = [line for line in lines if "of this log were lost" in line]
        lost = gateway.metric("portico_dropped_operator_lines_total")
        assert told == [f"portico: {int(lost)} lines of this log were lost: stderr did not take them"], told
        assert lines[-1] == told[0]
        gateway.terminate()
        assert gateway.drain()[-1] == "portico: drained"
        assert gateway.process.wait(5) == 0


def test_a33_sigterm_is_taken_with_a_full_stderr():
    with Unread(PLAIN) as gateway:
        fill(gateway)
        gateway.terminate()
        started = time.monotonic()
        assert gateway.process.wait(8) == 0 and time.monotonic() - started < 4


def test_a33_a_worker_whose_fetch_of_keys_fails_serves_other_routes_with_a_full_stderr():
    holder, dead = unused_port()
    config = f"""
listeners: [{{ address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0 }}
workers: 1
services: {{ keys: {{ endpoints: ["http://127.0.0.1:{dead}"], internal: true }} }}
policies: {{ j: {{ jwt: {{ algorithms: [RS256], jwks: {{ service: keys, path: /k, cooldown: 1s }} }} }} }}
routes: [{{ match: /j, use: [j], respond: {{ status: 204 }} }}, {{ match: /x, respond: {{ status: 204 }} }}]
"""
    token = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.AAAA"
    with holder, Unread(config) as gateway:
        fill(gateway)
        before = gateway.metric("portico_dropped_operator_lines_total")

        def another_line_is_lost():
            assert get(gateway.port, "/j", headers=[("Authorization", f"Bearer {token}")]).status in (401, 503)
            assert get(gateway.port, "/x").status == 204
            return gateway.metric("portico_dropped_operator_lines_total") > before
        eventually(another_line_is_lost, "a failed fetch's line", every=0.1)


def test_a33_lines_that_a_full_disk_does_not_take_are_counted(tmp_path):
    with open("/dev/full", "wb") as full, Quiet(tmp_path, stderr=full) as gateway:
        eventually(lambda: gateway.metric("portico_dropped_operator_lines_total") >= 4, "the lines of the start to be lost")


def test_a33_closed_standard_descriptors_do_not_become_a_connection(tmp_path):
    """With 0, 1 and 2 closed, the first sockets would get these numbers, and the log's lines with them."""
    with Quiet(tmp_path, closed=True) as gateway:
        for fd in ("0", "1", "2"):
            assert os.readlink(f"/proc/{gateway.process.pid}/fd/{fd}") == "/dev/null"
        with Client(gateway.port) as client:
            assert [client.get("/x").status for _ in range(3)] == [204] * 3


def test_a38_a_log_that_reaches_its_largest_size_has_whole_lines_only_and_the_rest_is_counted(tmp_path):
    path = tmp_path / "access.log"
    with Gateway(PLAIN + f"log: {{ file: {path} }}\n") as gateway, Client(gateway.port) as client:
        hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (5000, hard))
        for n in range(100):
            assert client.get(f"/x?{n}").status == 204

        def kept():
            return path.read_bytes().count(b"\n")
        eventually(lambda: gateway.metric("portico_dropped_log_lines_total") + kept() == 100, "an account of each line")
        lost = gateway.metric("portico_dropped_log_lines_total")
        assert 0 < lost < 100 and path.read_bytes().endswith(b"}\n")
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert client.get("/x?last").status == 204
        eventually(lambda: kept() == 101 - lost, "the line after")
        for line in path.read_text().splitlines():
            json.loads(line)


def stream_socket():
    """A connection that nobody reads."""
    listener, theirs = socket.socket(), socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    theirs.connect(listener.getsockname())
    return listener, theirs


def local_socket():
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
    return ours, theirs


def terminal():
    ours, theirs = pty.openpty()
    return os.fdopen(ours, "rb", buffering=0), os.fdopen(theirs, "wb", buffering=0)


def pipe():
    ours, theirs = os.pipe()
    return os.fdopen(ours, "rb", buffering=0), os.fdopen(theirs, "wb", buffering=0)


@pytest.mark.parametrize("make", [stream_socket, local_socket, terminal, pipe])
def test_a48_stdout_that_nobody_reads_does_not_hold_the_end(tmp_path, make):
    ours, theirs = make()
    with ours, theirs, Quiet(tmp_path, stdout=theirs) as gateway:
        with Client(gateway.port) as client:
            client.send(head("GET", "/x") * 500)  # many lines at once
            for _ in range(500):
                assert client.read_response().status == 204
        gateway.process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert gateway.process.wait(8) == 0 and time.monotonic() - started < 4


def test_an_access_log_that_cannot_be_opened_is_told_with_the_reason(tmp_path):
    nowhere = f"{tmp_path}/none/x.log"
    ran = command("run", config=f"listeners: [{{ address: 127.0.0.1:0 }}]\nlog: {{ file: {nowhere} }}\nroutes: [{{ match: /, respond: {{ body: ok }} }}]\n")
    assert ran.code == 1 and f"the access log {nowhere} cannot be opened: No such file or directory" in ran.text, ran.text


def test_a_faulty_file_is_told_whole_before_the_start():
    """Nobody is served yet: it is written whole, and of more faults than anybody reads how many there are."""
    faulty = "listeners: [{ address: 127.0.0.1:0 }]\nroutes:\n" + "".join(f"  - {{ match: /x{n}, respnd: {{}} }}\n" for n in range(3000))
    told = command("run", config=faulty)
    assert told.code == 1 and told.err.count("unknown key") == 100 and "2900 more errors" in told.err and "not started" in told.err.splitlines()[-1]


class Quiet:
    """A gateway whose stdout and stderr are the test's, or closed: it is known by its ports alone."""

    def __init__(self, folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, closed=False):
        self.file = folder / "portico.yaml"
        self.outputs = {"stdout": stdout, "stderr": stderr}
        self.closed = closed

    def __enter__(self):
        self.port, self.admin_port = free_port(), free_port()
        text = PLAIN.replace("127.0.0.1:0", f"127.0.0.1:{self.port}", 1).replace("127.0.0.1:0", f"127.0.0.1:{self.admin_port}", 1)
        self.file.write_text(text)
        if self.closed:
            self.process = subprocess.Popen(["sh", "-c", f'exec "{BINARY}" run -c "{self.file}" 0<&- 1>&- 2>&-'])
        else:
            self.process = subprocess.Popen([BINARY, "run", "-c", self.file], stdin=subprocess.DEVNULL, **self.outputs)
        try:
            eventually(self._ready, "the start")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def _ready(self):
        try:
            return get(self.admin_port, "/ready", host="localhost").status == 200
        except OSError:
            return False

    def metric(self, name):
        lines = get(self.admin_port, "/metrics", host="localhost").body.decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(name + " "))

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        finally:
            self.process.kill()
        assert self.process.returncode == 0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_a_start_that_waits_for_a_pipe_can_be_ended(tmp_path):
    os.mkfifo(tmp_path / "portico.yaml")
    with subprocess.Popen([BINARY, "run", "-c", tmp_path / "portico.yaml"], stderr=subprocess.PIPE) as process:
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == -signal.SIGTERM


def test_t57_check_looks_whether_the_log_could_be_opened(tmp_path):
    plain = "listeners: [{ address: 127.0.0.1:0 }]\nroutes: [{ match: /, respond: { body: ok } }]\n"
    told = command("check", config=plain + f"log: {{ file: {tmp_path}/none/x.log }}\n")
    assert told.code == 1 and "[log-file]" in told.out and f"there is no folder {tmp_path}/none" in told.out and ":3:" in told.out, told.out
    told = command("check", config=plain + f"log: {{ file: {tmp_path} }}\n")
    assert told.code == 1 and "Is a directory" in told.out, told.out
    assert command("check", config=plain + f"log: {{ file: {tmp_path}/x.log }}\n").code == 0
    assert not (tmp_path / "x.log").exists()
    assert command("check", config=plain + f"log: {{ access: false, file: {tmp_path}/none/x.log }}\n").code == 0


def test_t57_a_log_on_a_full_disk_is_counted_and_said_once():
    with Gateway(PLAIN + "log: { file: /dev/full }\n") as gateway, Client(gateway.port) as client:
        for n in range(10):
            assert client.get(f"/x?{n}").status == 204
        gateway.wait_for_line("portico: the access log /dev/full cannot be written: No space left on device")
        gateway.expect_metric(10, "portico_dropped_log_lines_total")
        assert sum("cannot be written" in line for line in gateway.stderr) == 1


def test_t57_a_log_that_cannot_be_opened_again_is_said_and_so_is_its_return(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    with Gateway(PLAIN + f"log: {{ file: {folder}/x.log }}\n") as gateway, Client(gateway.port) as client:
        folder.rename(tmp_path / "moved")
        gateway.process.send_signal(signal.SIGUSR1)
        gateway.wait_for_line(f"portico: the access log {folder}/x.log cannot be opened again: No such file or directory")
        assert client.get("/x").status == 204
        eventually(lambda: (tmp_path / "moved/x.log").read_bytes().count(b"\n") == 1, "the line in the file that was open")
        folder.mkdir()
        gateway.process.send_signal(signal.SIGUSR1)
        gateway.wait_for_line(f"portico: the access log {folder}/x.log is open again")
        assert client.get("/x").status == 204
        eventually(lambda: (folder / "x.log").read_bytes().count(b"\n") == 1, "the line in the new file")
        assert gateway.metric("portico_dropped_log_lines_total") == 0
