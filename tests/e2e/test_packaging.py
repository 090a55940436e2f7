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


def dpkg(*arguments):
    return subprocess.run(["dpkg-query", *arguments], capture_output=True, text=True, check=True).stdout


def packages_of_image():
    """What the last stage of the Dockerfile installs, with libc, which every Debian has, and all that these need."""
    with open(os.path.join(ROOT, "Dockerfile"), encoding="utf-8") as f:
        last = f.read().rsplit("\nFROM ", 1)[1]
    wanted = re.search(r"apt-get install -y --no-install-recommends ([^&]+)&&", last)[1].split() + ["libc6"]
    found = set()
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        found.add(name)
        for group in dpkg("-W", "-f=${Pre-Depends}, ${Depends}", name).split(","):
            first = re.match(r"\s*([a-z0-9.+-]+)", group)
            if first and first[1].startswith("lib"):
                wanted.append(first[1])
    return found


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's binary needs more")
@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="the image is Debian's")
def test_t65_the_binary_runs_in_a_root_that_holds_only_what_the_image_has(tmp_path):
    root = tmp_path / "root"
    for package in packages_of_image():
        for path in dpkg("-L", package).splitlines():
            if ".so" not in os.path.basename(path) or not os.path.isfile(path):
                continue
            # /lib is /usr/lib on an installed Debian, whichever of the two a package says.
            to = root / path.lstrip("/")
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
    for name in ("lib", "lib64"):
        old, new = root / name, root / "usr" / name
        if old.is_dir():
            shutil.copytree(old, new, dirs_exist_ok=True)
            shutil.rmtree(old)
        new.mkdir(parents=True, exist_ok=True)
        old.symlink_to(f"usr/{name}")
    (root / "usr/bin").mkdir(parents=True)
    shutil.copy(BINARY, root / "usr/bin/portico")
    (root / "etc").mkdir()
    (root / "etc/portico.yaml").write_text("listeners: [{ address: 127.0.0.1:0 }]\n" + CONFIG)
    enter = ["chroot"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "chroot"]
    if subprocess.run([*enter[:-1], "true"], capture_output=True).returncode != 0:
        pytest.skip("nobody may change the root here")
    run = subprocess.run([*enter, str(root), "/usr/bin/portico", "check", "-c", "/etc/portico.yaml"], capture_output=True, text=True)
    assert run.returncode == 0 and "good" in run.stdout, run.stdout + run.stderr
