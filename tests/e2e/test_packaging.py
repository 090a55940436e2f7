"""What runs the gateway: the service manager is told how far it is, and the image holds all that the binary needs."""
import os
import re
import shutil
import socket
import subprocess

import pytest

from support.gateway import BINARY, ROOT, SANITIZED, Gateway

CONFIG = "routes: [{ match: /x, respond: {} }]\n"


class Manager:
    """The datagram socket of a service manager."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name[0] == "@" else name)
        self.socket.settimeout(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def told(self):
        return self.socket.recv(4096).decode().splitlines()


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_t66_the_service_manager_is_told_of_the_start_reloads_and_the_end(kind, tmp_path):
    name = f"{tmp_path}/notify" if kind == "path" else f"@portico-test-{os.getpid()}"
    with Manager(name) as manager, Gateway(CONFIG, env={"NOTIFY_SOCKET": name}) as gateway:
        assert manager.told() == ["READY=1"]
        for refused in (False, True):
            gateway.reload(CONFIG + ("rutes: 1\n" if refused else "x-n: 1\n"), refused=refused)
            begun = manager.told()
            assert begun[0] == "RELOADING=1" and re.fullmatch(r"MONOTONIC_USEC=\d+", begun[1])
            assert manager.told() == ["READY=1"]
        gateway.terminate()
        assert manager.told() == ["STOPPING=1"]
        gateway.wait()


def test_t66_a_service_manager_that_does_not_listen_holds_nothing_up(tmp_path):
    for name in (f"{tmp_path}/nobody", "relative", "@" + "x" * 200, ""):
        with Gateway(CONFIG, env={"NOTIFY_SOCKET": name}) as gateway:
            gateway.reload()
    with Manager(f"{tmp_path}/full") as manager, Gateway(CONFIG, env={"NOTIFY_SOCKET": manager.name}) as gateway:
        for _ in range(20):
            gateway.reload()  # more than its queue takes


def unit():
    """The unit's settings by key, those of more than one line as lists."""
    settings = {}
    with open(os.path.join(ROOT, "packaging/portico.service"), encoding="utf-8") as f:
        for line in f:
            if "=" in line and not line.startswith(("#", "[")):
                key, _, value = line.strip().partition("=")
                settings.setdefault(key, []).append(value)
    return settings


def test_t66_the_unit_can_give_secrets_and_is_told_of_readiness():
    settings = unit()
    assert settings["Type"] == ["notify"] and settings["EnvironmentFile"][0].startswith("-/")
    assert settings["UMask"] == ["0027"] and "@system-service" in settings["SystemCallFilter"]
    text = open(os.path.join(ROOT, "packaging/portico.service"), encoding="utf-8").read()
    assert re.search(r"^#LoadCredential=", text, re.M)
    verify = shutil.which("systemd-analyze")
    if verify:
        done = subprocess.run([verify, "verify", os.path.join(ROOT, "packaging/portico.service")], capture_output=True, text=True)
        assert "Unknown" not in done.stderr and "Failed to parse" not in done.stderr, done.stderr


def test_t66_the_log_is_rotated_by_the_signal_that_reopens_it():
    text = open(os.path.join(ROOT, "packaging/portico.logrotate"), encoding="utf-8").read()
    assert "--signal=USR1" in text and "nocreate" in text and "copytruncate" not in text


