"""`portico run --watch`: the file is followed, but never a half of it."""
import os
import signal
import tempfile
import threading
import time

from support.client import get
from support.dns import Dns
from support.gateway import Gateway
from support.tokens import SECRET, claims, hs
from support.upstream import eventually

FILE = """listeners: [{{ address: 127.0.0.1:0 }}]
routes:
  - {{ match: /version, respond: {{ body: "{}" }} }}
"""
GUARDED = FILE + """  - {{ match: /secret, use: [{{ ip_access: {{ deny: [127.0.0.1] }} }}], respond: {{ body: secret }} }}
"""
# Longer than the file must rest before it is believed.
SETTLED = 0.7


def watching():
    return Gateway(FILE.format(1), options=["--watch"])


def version(gateway):
    return get(gateway.port, "/version").body.decode()


def reloads(gateway):
    return sum(line.startswith("portico: reloading") for line in gateway.stderr)


def test_a_rename_onto_the_file_is_followed():
    with watching() as gateway:
        gateway.write(FILE.format(2))
        eventually(lambda: version(gateway) == "2", "the new file")


def test_a_file_that_is_written_in_place_is_followed():
    with watching() as gateway:
        with open(gateway.file, "w", encoding="utf-8") as f:
            f.write(FILE.format(2))
        eventually(lambda: version(gateway) == "2", "the new file")


def test_a_link_that_is_turned_to_another_file_is_followed():
    """As volumes of configuration are mounted in containers."""
    with watching() as gateway:
        os.rename(gateway.file, gateway.file + ".1")
        with open(gateway.file + ".2", "w", encoding="utf-8") as f:
            f.write(FILE.format(2))
        os.symlink(gateway.file + ".1", gateway.file)
        os.symlink(gateway.file + ".2", gateway.file + ".new")
        os.rename(gateway.file + ".new", gateway.file)
        eventually(lambda: version(gateway) == "2", "the new file")


def test_a_file_that_keeps_growing_is_believed_only_once_it_rests():
    """Its first three lines are a configuration of their own: one whose guarded route is not there yet."""
    with watching() as gateway:
        text = GUARDED.format(2)
        with open(gateway.file, "w", encoding="utf-8") as f:
            for at in range(0, len(text), 4):
                f.write(text[at:at + 4])
                f.flush()
                time.sleep(0.02)
        eventually(lambda: version(gateway) == "2", "the new file")
        assert reloads(gateway) == 1 and get(gateway.port, "/secret").status == 403


def test_a_faulty_file_changes_nothing_and_the_next_good_one_is_taken():
    with watching() as gateway:
        for text in ("", "routes: [\n", FILE.format(2).replace("respond", "respnd")):
            gateway.write(text + "# listeners: somewhere\n")
            gateway.wait_for_line("portico: reload refused", after=len(gateway.stderr))
            assert version(gateway) == "1"
        gateway.write(FILE.format(3))
        eventually(lambda: version(gateway) == "3", "the good file")


def test_a_file_that_goes_away_changes_nothing():
    with watching() as gateway:
        os.unlink(gateway.file)
        time.sleep(SETTLED)
        assert version(gateway) == "1" and reloads(gateway) == 0
        gateway.write(FILE.format(2))
        eventually(lambda: version(gateway) == "2", "the file that came back")


def test_the_same_content_again_is_no_change():
    with watching() as gateway:
        gateway.write(FILE.format(1))
        time.sleep(SETTLED)
        assert reloads(gateway) == 0


def test_a_file_that_goes_back_to_what_ran_before_a_signal_is_followed():
    """What was loaded by a signal counts as seen, too: the file and what runs never differ for long."""
    with watching() as gateway:
        gateway.reload(FILE.format(2))
        gateway.write(FILE.format(1))
        eventually(lambda: version(gateway) == "1", "the old file again")


def test_without_watch_a_change_waits_for_its_signal():
    with Gateway(FILE.format(1)) as gateway:
        gateway.write(FILE.format(2))
        time.sleep(SETTLED)
        assert version(gateway) == "1"
        gateway.reload()
        eventually(lambda: version(gateway) == "2", "the new file")


SIGNED = """listeners: [{ address: 127.0.0.1:0 }]
policies: { p: { jwt: { algorithms: [HS256], secret: { file: secrets/jwt } } } }
routes: [{ match: /version, use: [p], respond: { body: ok } }]
"""


def mounted(folder, number, files):
    """Files as Kubernetes mounts a ConfigMap or a Secret: each is a link through `..data`, which is exchanged whole."""
    os.makedirs(f"{folder}/..v{number}", exist_ok=True)
    for name, text in files.items():
        with open(f"{folder}/..v{number}/{name}", "w", encoding="utf-8") as f:
            f.write(text)
        if not os.path.lexists(f"{folder}/{name}"):
            os.symlink(f"..data/{name}", f"{folder}/{name}")
    os.symlink(f"..v{number}", f"{folder}/..data.new")
    os.rename(f"{folder}/..data.new", f"{folder}/..data")


class Mounted(Gateway):
    """Whose configuration and secrets stand in mounted folders."""

    def write(self, config):
        if os.path.exists(self.folder + "/conf"):
            return
        for name, files in (("conf", {"portico.yaml": config}), ("conf/secrets", {"jwt": SECRET + "\n"})):
            os.makedirs(f"{self.folder}/{name}")
            mounted(f"{self.folder}/{name}", 1, files)

    @property
    def file(self):
        return os.path.join(self.folder, "conf", "portico.yaml")


def status(gateway, secret):
    return get(gateway.port, "/version", [("Authorization", "Bearer " + hs(claims(), secret=secret))]).status


def test_t93_a_mounted_configuration_is_followed_through_the_link_that_is_exchanged():
    with Mounted(FILE.format(1), options=["--watch"]) as gateway:
        mounted(gateway.folder + "/conf", 2, {"portico.yaml": FILE.format(2)})
        eventually(lambda: version(gateway) == "2", "the new file")
        mounted(gateway.folder + "/conf", 3, {"portico.yaml": FILE.format(2)})
        time.sleep(SETTLED)
        assert reloads(gateway) == 1, "the same again is no change"


def test_t93_a_mounted_secret_that_the_configuration_names_is_followed():
    other = "another-secret-of-the-same-mount-0123456789"
    with Mounted(SIGNED, options=["--watch"]) as gateway:
        assert status(gateway, SECRET) == 200
        mounted(gateway.folder + "/conf/secrets", 2, {"jwt": other + "\n"})
        eventually(lambda: status(gateway, other) == 200, "the new secret")
        assert status(gateway, SECRET) == 401 and reloads(gateway) == 1
        assert not any(other in line for line in gateway.stderr)


def test_a_named_file_that_goes_away_changes_nothing_and_is_taken_when_it_is_back():
    with Mounted(SIGNED, options=["--watch"]) as gateway:
        os.unlink(gateway.folder + "/conf/secrets/..data")
        time.sleep(SETTLED)
        assert status(gateway, SECRET) == 200 and reloads(gateway) == 0
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_for_line("portico: reload refused")
        os.symlink("..v1", gateway.folder + "/conf/secrets/..data")
        eventually(lambda: any(line.startswith("portico: reloaded") for line in gateway.stderr), "the reload")
        assert status(gateway, SECRET) == 200


def test_a_secret_that_changed_while_the_configuration_was_away_is_followed_when_that_is_back():
    third = "a-third-secret-of-the-same-mount-0123456789"
    with Mounted(SIGNED, options=["--watch"]) as gateway:
        other = "another-secret-of-the-same-mount-0123456789"
        time.sleep(SETTLED)  # until it was looked at
        os.rename(gateway.folder + "/conf/portico.yaml", gateway.folder + "/conf/away.yaml")
        time.sleep(SETTLED)
        mounted(gateway.folder + "/conf/secrets", 2, {"jwt": other + "\n"})
        gateway.wait_for_line("portico: reload refused")
        time.sleep(SETTLED)
        assert status(gateway, SECRET) == 200
        os.rename(gateway.folder + "/conf/away.yaml", gateway.folder + "/conf/portico.yaml")
        eventually(lambda: status(gateway, other) == 200, "the new secret")
        mounted(gateway.folder + "/conf/secrets", 3, {"jwt": third + "\n"})
        eventually(lambda: status(gateway, third) == 200, "the next one")
        settled = reloads(gateway)
        time.sleep(SETTLED)
        assert status(gateway, SECRET) == 401 and reloads(gateway) == settled


def test_a_file_that_may_be_read_again_is_followed():
    """Nothing of its content has changed, and nobody else may be told to write it once more."""
    with watching() as gateway:
        gateway.write("routes: [\n")
        gateway.wait_for_line("portico: reload refused")
        before = os.stat(gateway.file)
        text = FILE.format(2).encode()
        fresh = gateway.file + ".new"
        with open(fresh, "wb") as f:
            f.write(text)
        os.utime(fresh, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.rename(fresh, gateway.file)
        eventually(lambda: version(gateway) == "2", "the file")
        # The same size and time, another content.
        stamp = os.stat(gateway.file)
        with open(gateway.file, "r+b") as f:
            f.write(FILE.format(3).encode())
        os.utime(gateway.file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        eventually(lambda: version(gateway) == "3", "the file with its time put back")


def test_a_pipe_that_the_configuration_names_stops_no_reload():
    """Nobody looks at what it holds but who reads it."""
    with tempfile.TemporaryDirectory() as place:
        fifo = os.path.join(place, "secret")
        os.mkfifo(fifo)
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                with open(fifo, "w", encoding="utf-8") as f:
                    f.write(SECRET + "\n")
                time.sleep(0.02)

        threading.Thread(target=serve, daemon=True).start()
        policy = "policies: {{ p: {{ jwt: {{ algorithms: [HS256], secret: {{ file: '{}' }} }} }} }}\n".format(fifo)
        with Gateway(policy + FILE.format(1), options=["--watch"]) as gateway:
            gateway.write(policy + FILE.format(2))
            eventually(lambda: version(gateway) == "2", "the new file")
        stop.set()
        os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))  # lets the writer go on, to its end


def test_a_file_that_is_named_no_more_may_change_with_the_configuration():
    with Mounted(SIGNED, options=["--watch"]) as gateway:
        time.sleep(SETTLED)
        mounted(gateway.folder + "/conf/secrets", 2, {"jwt": "another-secret-of-the-same-mount-0123456789\n"})
        mounted(gateway.folder + "/conf", 2, {"portico.yaml": FILE.format(2)})
        eventually(lambda: version(gateway) == "2", "the new file")


def test_half_a_file_is_not_taken_where_its_change_waited_behind_a_reload():
    """The reload waits for a name that nobody answers; meanwhile the file is at rest once, and then written anew, slowly."""
    def file(name, marker):
        return (f"dns: {{ servers: ['127.0.0.1:{dns.port}'] }}\nservices: {{ s: 'http://{name}:1' }}\n" + GUARDED.format(marker))
    with Dns({"a.test": ["127.0.0.1"]}) as dns:
        with Gateway(file("a.test", 1), options=["--watch"]) as gateway:
            dns.silent = True
            gateway.write(file("b.test", 2))
            eventually(lambda: reloads(gateway) == 1, "the first reload")
            gateway.write(file("b.test", 3))
            time.sleep(SETTLED)
            whole = file("b.test", 4)
            with open(gateway.file, "w", encoding="utf-8") as f:
                f.write(whole[:whole.index("use:")] + "respond: { body: secret } }\n")
                end = time.monotonic() + 15
                while time.monotonic() < end and not any("reloaded: configuration 2" in line for line in gateway.stderr):
                    f.write("#\n")
                    f.flush()
                    time.sleep(0.03)
                    assert get(gateway.port, "/secret").status == 403
                for _ in range(20):
                    f.write("#\n")
                    f.flush()
                    time.sleep(0.03)
                    assert get(gateway.port, "/secret").status == 403
                assert version(gateway) == "2"
                f.seek(0)
                f.truncate()
                f.write(whole)
            eventually(lambda: version(gateway) == "4", "the whole file")
            assert get(gateway.port, "/secret").status == 403
