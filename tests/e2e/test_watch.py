"""`portico run --watch`: the file is followed, but never a half of it."""
import os
import time

from support.client import get
from support.gateway import Gateway
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
