"""Runs the gateway for a test: a configuration as text, ports that the system chooses, always cleaned up."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from support.client import get

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("PORTICO_BIN") or os.path.join(ROOT, "build", "release", "portico")
# A sanitizer's binary uses memory and time of its own: figures are judged on others.
SANITIZED = any(f"{os.sep}{preset}{os.sep}" in BINARY for preset in ("asan", "tsan"))
READY_WITHIN = 10.0
WAIT = 10.0

HEAD = "listeners: [{ address: 127.0.0.1:0 }]\nadmin: { address: 127.0.0.1:0, hosts: gateway.test }\nworkers: 2\n"


class Gateway:
    """A running gateway. A configuration without `listeners` gets a listener, an admin listener and two workers."""

    def __init__(self, config, env=None, exit_code=0, until="portico: ready", options=(), descriptors=None):
        self.config = config
        self.options = options  # of `portico run`, beside -c
        self.descriptors = descriptors  # the most that it may have
        self.until = until  # the line on stderr that ends the start
        self.exit_code = exit_code  # None: whatever it is
        self.environment = dict(os.environ, **(env or {}))
        self.folder = None
        self.process = None
        self.ports = []
        self.admin_port = None
        self.stderr = []
        self.stdout = []
        self.changed = threading.Condition()
        self.readers = []
        self.ended_by_test = False

    @property
    def port(self):
        return self.ports[0]

    @property
    def file(self):
        return os.path.join(self.folder, "portico.yaml")

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="portico-test-")
        try:
            self.write(self.config)
            self.start()
            self.wait_for_line(self.until, READY_WITHIN)
        except BaseException:
            self._stop()
            self._show()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, kind, *_):
        crashed = self.process.poll() is not None and not self.ended_by_test
        code = self._stop()
        if kind is not None or crashed or self.exit_code not in (None, code):
            self._show()
        shutil.rmtree(self.folder, ignore_errors=True)
        if kind is None:
            assert not crashed, f"the gateway ended by itself with {code}"
            assert self.exit_code is None or code == self.exit_code, f"the gateway ended with {code}"

    def write(self, config):
        """Replaces the file, all at once."""
        if "listeners:" not in config:
            config = HEAD_WITHOUT_WORKERS + config if "workers:" in config else HEAD + config
        with open(self.file + ".new", "w", encoding="utf-8") as f:
            f.write(config)
        os.rename(self.file + ".new", self.file)

    def start(self):
        limit = ["prlimit", f"--nofile={self.descriptors}"] if self.descriptors else []
        self.process = subprocess.Popen([*limit, BINARY, "run", "-c", self.file, *self.options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, env=self.environment)
        for stream, take in ((self.process.stderr, self._take_stderr), (self.process.stdout, self._take_stdout)):
            thread = threading.Thread(target=self._read, args=(stream, take), daemon=True)
            thread.start()
            self.readers.append(thread)

    def _read(self, stream, take):
        for line in stream:
            with self.changed:
                take(line)
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def _take_stderr(self, line):
        text = line.decode("utf-8", "replace").rstrip("\n")
        self.stderr.append(text)
        if listening := re.fullmatch(r"portico: listening on (\S+):(\d+) \(http\)", text):
            self.ports.append(int(listening[2]))
        elif admin := re.fullmatch(r"portico: admin on (\S+):(\d+)", text):
            self.admin_port = int(admin[2])

    def _take_stdout(self, line):
        self.stdout.append(line)

    def wait_until(self, condition, what, timeout=WAIT):
        """Waits until a condition on the gateway's output holds, and returns its value."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                value = condition()
                if value:
                    return value
                left = end - time.monotonic()
                assert left > 0, f"{what} within {timeout} s; stderr was:\n" + "\n".join(self.stderr)
                assert self.process.poll() is None or any(t.is_alive() for t in self.readers), (
                    f"the gateway ended with {self.process.poll()} before {what}; stderr was:\n" + "\n".join(self.stderr))
                self.changed.wait(min(left, 0.2))

    def wait_for_line(self, start, timeout=WAIT, after=0):
        """Waits for a line on stderr that begins like this, and returns it."""
        return self.wait_until(lambda: next((s for s in self.stderr[after:] if s.startswith(start)), None), f"\"{start}\"", timeout)

    def reload(self, config=None, refused=False):
        """Writes a new file where one is given, and sends SIGHUP. Returns the lines that it caused."""
        if config is not None:
            self.write(config)
        before = len(self.stderr)
        self.process.send_signal(signal.SIGHUP)
        self.wait_for_line("portico: reload refused" if refused else "portico: reloaded", after=before)
        return self.stderr[before:]

    def terminate(self):
        """Sends SIGTERM without waiting."""
        self.ended_by_test = True
        self.process.send_signal(signal.SIGTERM)

    def wait(self, timeout=WAIT):
        """The exit code, once the gateway has ended."""
        self.ended_by_test = True
        code = self.process.wait(timeout)
        for t in self.readers:
            t.join(timeout)
        return code

    def access_lines(self, count=1, timeout=WAIT):
        """The access log so far, each line read as JSON, once it has at least `count` lines."""
        self.wait_until(lambda: len(self.stdout) >= count, f"{count} lines of access log", timeout)
        return [json.loads(line) for line in list(self.stdout)]

    def access_line(self, condition, timeout=WAIT):
        """The first line of the access log for which a condition holds."""
        def find():
            return next((e for e in map(json.loads, list(self.stdout)) if condition(e)), None)
        return self.wait_until(find, "a line of access log", timeout)

    def resident(self):
        """Memory in use, in KiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def metrics(self):
        """Every sample of /metrics, by its name with labels as it is written there."""
        answer = get(self.admin_port, "/metrics", host="127.0.0.1")
        assert answer.status == 200
        samples = {}
        for line in answer.body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def metric(self, name, **labels):
        """The sum of a metric's samples that carry these labels."""
        total = 0.0
        for key, value in self.metrics().items():
            if key.partition("{")[0] == name and all(f'{n}="{v}"' in key for n, v in labels.items()):
                total += value
        return total

    def expect_metric(self, expected, name, **labels):
        """A metric reaches a value: an exchange is counted just after its answer was sent."""
        end = time.monotonic() + WAIT
        while (found := self.metric(name, **labels)) != expected:
            assert time.monotonic() < end, f"{name} {labels} is {found}, expected {expected}"
            time.sleep(0.005)

    def _stop(self):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(0.3)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGTERM)  # the second ends it at once
        try:
            code = self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "SIGKILL: it did not end by SIGTERM"
        for t in self.readers:
            t.join(2)
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def _show(self):
        code = self.process.poll() if self.process else None
        print(f"--- the gateway ended with {code}; its stderr", *self.stderr, "--- its last access log lines",
              *(line.decode("utf-8", "replace").rstrip() for line in self.stdout[-20:]), sep="\n", file=sys.stderr)


HEAD_WITHOUT_WORKERS = "\n".join(line for line in HEAD.splitlines() if not line.startswith("workers")) + "\n"


class Ran:
    """What a command said and how it ended."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode("utf-8", "replace")
        self.err = done.stderr.decode("utf-8", "replace")
        self.text = self.out + self.err


def command(*arguments, config=None, env=None, files=None):
    """Runs `portico check`, `portico explain` and their like; `-c FILE` is added where a configuration is given.
    `files`: texts by their paths beside it."""
    folder = tempfile.mkdtemp(prefix="portico-test-")
    try:
        arguments = list(arguments)
        for name, text in (files or {}).items():
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        if config is not None:
            path = os.path.join(folder, "portico.yaml")
            with open(path, "w", encoding="utf-8") as f:
                f.write(config)
            arguments[1:1] = ["-c", path]
        done = subprocess.run([BINARY, *arguments], capture_output=True, timeout=WAIT, check=False, stdin=subprocess.DEVNULL,
                              env=dict(os.environ, **(env or {})), cwd=folder)
        return Ran(done)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check(config, env=None, files=None):
    """`portico check` on a configuration; one without `listeners` gets a last line with a listener."""
    if "listeners:" not in config:
        config = config.rstrip("\n") + "\nlisteners: [{ address: 127.0.0.1:0 }]\n"
    return command("check", config=config, env=env, files=files)


def explain(config, method, url, headers=(), options=(), files=None, env=None):
    """`portico explain` on a configuration. `files`: texts by their paths beside it, where it runs."""
    if "listeners:" not in config:
        config = config.rstrip("\n") + "\nlisteners: [{ address: 127.0.0.1:0 }]\n"
    more = [part for h in headers for part in ("-H", h)]
    return command("explain", method, url, *more, *options, config=config, files=files, env=env)
