"""The command line: slips get the likely word, a configuration may come from stdin, and the demo's ports are where its help says."""
import os
import re
import signal
import socket
import subprocess

import pytest

from support.client import get
from support.gateway import BINARY, check

GOOD = "listeners: [{ address: 127.0.0.1:0 }]\nroutes: [{ match: /x, respond: {} }]\n"


def portico(*words, text=None):
    return subprocess.run([BINARY, *words], input=text, capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize("words, meant", [(["chekc", "-c", "x.yaml"], "check"), (["chekc"], "check"), (["explian", "GET", "/x"], "explain"), (["demmo"], "demo"),
                                          (["check", "--strcit"], "--strict"), (["demo", "--prot", "1"], "--port"), (["--verison"], "--version"),
                                          (["run", "--wacth=1"], "--watch")])
def test_t63_a_slip_gets_the_likely_word(words, meant):
    ran = portico(*words)
    assert ran.returncode == 2 and f"did you mean {meant}?" in ran.stderr, ran.stderr
    assert ran.stdout == "" and len(ran.stderr.splitlines()) <= 3


def test_t63_a_word_near_to_no_command_gets_all_of_them():
    ran = portico("frobnicate")
    assert ran.returncode == 2 and "check" in ran.stderr and "explain" in ran.stderr and "did you mean" not in ran.stderr


def test_t63_check_reads_stdin():
    assert portico("check", "-c", "-", text=GOOD).stdout.startswith("stdin: good")
    ran = portico("check", "-c", "-", text=GOOD + "rutes: []\n")
    assert ran.returncode == 1 and re.match(r"stdin:3:1: error", ran.stdout), ran.stdout
    ran = portico("explain", "-c", "-", "GET", "/x", text=GOOD)
    assert ran.returncode == 0, ran.stderr


def test_t63_run_reads_stdin_once():
    process = subprocess.Popen([BINARY, "run", "-c", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        process.stdin.write(GOOD)
        process.stdin.close()
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("portico: ready"):
                process.send_signal(signal.SIGHUP)
            if "reload refused" in line:
                break
        assert any("standard input, which can be read once" in line for line in lines), lines
        port = int(next(m[1] for m in (re.search(r"listening on 127.0.0.1:(\d+)", line) for line in lines) if m))
        assert get(port, "/x").status == 200
    finally:
        process.terminate()
        process.wait(10)
        process.stderr.close()
    ran = portico("run", "-c", "-", "--watch", text=GOOD)
    assert ran.returncode == 2 and "--watch needs a file" in ran.stderr


def test_t63_a_byte_order_mark_at_the_beginning_is_read():
    assert check("\ufeff" + GOOD).code == 0
    told = check("\ufeff" + "rutes: []\n" + GOOD)
    assert ":1:1: error" in told.out and "\n     1 | rutes" in told.out, told.out
    assert portico("check", "-c", "-", text="\ufeff" + GOOD).returncode == 0
    # In the middle it is a character as any other.
    assert check(GOOD + "x-note: \"a\ufeffb\"\n").code == 0


def admin_of_demo():
    process = subprocess.Popen([BINARY, "demo", "--port", "0"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        return next(int(m[1]) for m in (re.search(r"admin on 127.0.0.1:(\d+)", line) for line in process.stderr) if m)
    finally:
        process.terminate()
        process.wait(10)
        process.stderr.close()


def test_t63_the_demos_admin_pages_are_where_its_help_says():
    assert "127.0.0.1:9090" in portico("demo", "--help").stdout
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", 9090))
        except OSError:
            pass  # somebody else of this machine holds it, which is as good
        else:
            holder.listen()
        taken = admin_of_demo()
        assert taken not in (0, 9090)
        ours = holder.getsockname()[1] == 9090
    if ours:
        assert admin_of_demo() == 9090
