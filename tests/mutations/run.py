"""Does the model of exchanges find faults? Puts one fault after the other into a copy of the sources (build/mutations), builds it,
and demands that the model (src/server/model) fails within a minute. Which faults: kinds.py and history.py.

    ./dev mutations [WORD]   all of them, or those whose name holds WORD
"""
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COPY = os.path.join(ROOT, "build/mutations")
SECONDS = 60
# What a build needs.
PARTS = ("src", "cmake", "tests/support", "CMakeLists.txt", "CMakePresets.json")
TESTS = {"simulated": "ExchangeModel.E*", "io_uring": "ExchangeModel.HoldsOnIoUring", "epoll": "ExchangeModel.HoldsOnEpoll"}


class Trouble(Exception):
    """The mutation cannot be tried."""


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def files(root):
    """Those of a checkout's parts, by their path in it."""
    for part in PARTS:
        top = os.path.join(root, part)
        if os.path.isfile(top):
            yield part
        for folder, folders, names in os.walk(top):
            folders[:] = [f for f in folders if f != "__pycache__"]
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), root)


def copy_sources():
    """Writes only what differs, so that little is built again."""
    wanted = set(files(ROOT))
    for path in wanted:
        data, to = read(os.path.join(ROOT, path)), os.path.join(COPY, path)
        if not os.path.exists(to) or read(to) != data:
            write(to, data)
    for path in set(files(COPY)) - wanted:
        os.remove(os.path.join(COPY, path))


def mutated(mutation):
    """The files of a mutation with its changes. Refuses one that the code has left behind."""
    texts = {}
    for path, old, new in mutation.changes:
        if path not in texts:
            source = os.path.join(COPY, path)
            if not os.path.exists(source):
                raise Trouble(f"{path} is no longer there")
            texts[path] = read(source).decode()
        count = texts[path].count(old)
        if count != 1:
            raise Trouble(f"{path} holds the old text {count} times, not once: let the mutation follow the code\n{old}")
        texts[path] = texts[path].replace(old, new)
    return texts


def build(preset):
    for command in (["cmake", "--preset", preset], ["ninja", "-C", f"build/{preset}", "server_test"]):
        ran = subprocess.run(command, cwd=COPY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        if ran.returncode != 0:
            raise Trouble("does not build:\n" + ran.stdout[-4000:])


class Found:
    def __init__(self, seconds, seed, sentence):
        self.seconds, self.seed, self.sentence = seconds, seed, sentence


def run_model(mutation, seconds):
    """@returns what the model found, or None."""
    real = mutation.ground != "simulated"
    # Freed memory is written over, so that whoever uses it stumbles.
    env = dict(os.environ, PORTICO_MODEL_FIRST="1", MALLOC_PERTURB_="165")
    env["PORTICO_MODEL_REAL_SECONDS" if real else "PORTICO_MODEL_SECONDS"] = str(seconds)
    begin = time.monotonic()
    try:
        ran = subprocess.run([f"build/{mutation.preset}/src/server_test", f"--gtest_filter={TESTS[mutation.ground]}"], cwd=COPY, env=env,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds + 60)
    except subprocess.TimeoutExpired:
        return Found(time.monotonic() - begin, "?", "an episode never ends")
    took = time.monotonic() - begin
    if "[  SKIPPED ]" in ran.stdout:
        raise Trouble("cannot run here: " + " ".join(re.findall(r"no io_uring here", ran.stdout)))
    if ran.returncode == 0:
        return None
    said = re.search(r"after ([\d.]+) s, PORTICO_MODEL_SEED=((?:\S+ PORTICO_)*\S+): (.*)", ran.stdout)
    if said:
        return Found(float(said.group(1)), said.group(2), said.group(3))
    # It died. A sanitizer or the signal's handler says at which seed.
    seed = re.search(r"PORTICO_MODEL_SEED=(\d.*)", ran.stdout)
    why = re.search(r"ERROR: AddressSanitizer: (\S+)|runtime error: (.*)", ran.stdout)
    return Found(took, seed.group(1) if seed else "?", "the process dies: " + (next(filter(None, why.groups())) if why else f"status {ran.returncode}"))


def try_out(mutation):
    texts = mutated(mutation)
    # Of the copy: the checkout may be worked on meanwhile.
    whole = {path: read(os.path.join(COPY, path)) for path in texts}
    try:
        for path, text in texts.items():
            write(os.path.join(COPY, path), text.encode())
        build(mutation.preset)
        return run_model(mutation, SECONDS)
    finally:
        for path, data in whole.items():
            write(os.path.join(COPY, path), data)


def judge(mutation):
    """@returns a line of the table, and whether it is as it should be"""
    try:
        found = try_out(mutation)
    except Trouble as trouble:
        return f"TROUBLE        {mutation.name}\n    {trouble}", False
    if found is None:
        return f"NOT FOUND      {mutation.name}", False
    return f"found {found.seconds:5.1f} s  {mutation.name}\n    seed {found.seed}: {found.sentence}", True


def main():
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import history
    import kinds
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    known = kinds.KINDS + history.HISTORY
    chosen = [m for m in known if word.lower() in m.name.lower()]
    if not chosen:
        sys.exit(f"no mutation's name holds {word!r}")
    copy_sources()
    lines, good = [], 0
    for number, mutation in enumerate(chosen, 1):
        line, well = judge(mutation)
        print(f"[{number}/{len(chosen)}] {line}", flush=True)
        lines.append(line)
        good += well
    print("\n" + "\n".join(line.split("\n")[0] for line in lines))
    print(f"mutations: {good} found, {len(chosen) - good} not")
    sys.exit(0 if good == len(chosen) else 1)


if __name__ == "__main__":
    main()
