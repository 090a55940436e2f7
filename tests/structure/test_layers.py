"""The house's rules that a script can judge: includes go downward, files stay small, documents that are made are current."""
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SRC = os.path.join(ROOT, "src")
# Longer for a reason that its head gives, or a table.
LONG = set()


def layers():
    text = open(os.path.join(ROOT, "cmake/layers.cmake")).read()
    return {name: int(level) for name, level in re.findall(r"\b([a-z]+):(\d+)", text.split("set(PORTICO_LAYERS")[1].split(")")[0])}


def sources():
    for folder, _, names in os.walk(SRC):
        for name in names:
            if name.endswith((".h", ".cc")):
                path = os.path.join(folder, name)
                yield os.path.relpath(path, ROOT), open(path).read()


def test_includes_go_strictly_downward():
    levels = layers()
    wrong = []
    for path, text in sources():
        module = path.split("/")[1]
        for line in re.findall(r'#include "([^"]+)"', text):
            other = line.split("/")[0]
            if other != module and levels.get(other, 99) >= levels[module]:
                wrong.append(f"{path} includes {line}")
    assert wrong == []


def test_http_knows_neither_sockets_nor_clocks():
    wrong = [path for path, text in sources()
             if path.startswith("src/http/") and not re.search(r"_(test|bench|fuzz)\.cc$", path)
             and re.search(r"#include <(sys/socket|unistd|chrono|ctime|poll)", text)]
    assert wrong == []


def test_one_policy_never_includes_another():
    wrong = []
    for path, text in sources():
        if path.startswith("src/policy/") and path.count("/") > 2:
            own = path.split("/")[2]
            wrong += [f"{path} includes {line}" for line in re.findall(r'#include "policy/([^"]+)"', text)
                      if "/" in line and line.split("/")[0] != own]
    assert wrong == []


def test_edge_does_not_know_policies():
    assert [path for path, text in sources() if path.startswith("src/edge/") and '#include "policy/' in text] == []


def test_messages_of_services_pass_through_their_connection():
    """It knows whether it may carry another exchange because it sees each part: nobody reads or writes past it."""
    wrong = [f"{path}: {found}" for path, text in sources()
             if path.startswith(("src/gateway/", "src/upstream/", "src/policy/")) and not re.search(r"_(test|fixture)\.(cc|h)$", path)
             for found in re.findall(r"stream\(\)\.(?:read|write|readable|writable)\(", text)]
    assert wrong == []


def test_whoever_waits_leaves_when_destroyed():
    """A coroutine's handle is kept by an awaiter, which takes itself out when it goes; never by what it waits for."""
    awaiters = {"src/io/task.h", "src/io/loop.h", "src/io/stream.h", "src/io/gate.h", "src/io/wait_watch.h", "src/io/backend.h", "src/io/turn_budget.h", "src/io/job.h", "src/io/job.cc", "src/io/name_client.cc",
                "src/redis/call.h", "src/redis/call.cc", "src/policy/jwt/key_fetcher.h", "src/policy/jwt/key_fetcher.cc", "src/policy/concurrency/wait.h",
                "src/policy/basic/verifier.h", "src/policy/rate_limit/key_queue.h", "src/gateway/aggregate/aggregation.h",
                "src/upstream/connection.h"}
    holders = {path for path, text in sources() if "coroutine_handle" in text and not re.search(r"_(test|fixture)\.(cc|h)$", path)}
    assert holders - awaiters == set(), "a new place keeps handles: use io::Gate, or show that its waiter unregisters itself and list it"


def test_secrets_are_compared_in_constant_time():
    """In the policies that hold credentials, digests meet in CRYPTO_memcmp and nowhere else."""
    wrong, constant = [], set()
    for path, text in sources():
        policy = re.match(r"src/policy/(api_key|basic)/(?!.*_(test|bench|fuzz)\.cc$)", path)
        if not policy:
            continue
        if "CRYPTO_memcmp(" in text:
            constant.add(policy.group(1))
        wrong += [f"{path}: {line}" for line in re.findall(r".*(?<!CRYPTO_)\b(?:memcmp|strcmp|strncmp|bcmp)\(.*", text)]
        wrong += [f"{path}: {line}" for line in re.findall(r".*\boperator(?:==|<=>).*", text)]
    assert wrong == [] and constant == {name for name in ("api_key", "basic") if os.path.isdir(os.path.join(SRC, "policy", name))}


def test_files_fit_their_room():
    room = lambda path: 700 if path.endswith("_test.cc") else 400  # noqa: E731
    long = {path: text.count("\n") for path, text in sources() if text.count("\n") > room(path)}
    assert {path: n for path, n in long.items() if path not in LONG} == {}


def test_names_say_what_a_file_is():
    vague = re.compile(r"/(util|utils|common|misc|helpers?|managers?|impl)\.(h|cc)$")
    assert [path for path, _ in sources() if vague.search(path)] == []


def test_headers_open_with_what_they_are():
    wrong = [path for path, text in sources() if path.endswith(".h") and "_test" not in path and not text.startswith("//") and "cli/demo.h" not in path]
    assert wrong == []


def run(*args):
    binary = os.environ.get("PORTICO_BIN", os.path.join(ROOT, "build/release/portico"))
    return subprocess.run([binary, *args], capture_output=True, text=True, check=True).stdout


def test_the_reference_is_current():
    assert open(os.path.join(ROOT, "docs/configuration.md")).read() == run("schema", "--markdown"), "renew it: ./dev docs"


def test_the_schema_is_current():
    assert open(os.path.join(ROOT, "docs/portico.schema.json")).read() == run("schema"), "renew it: ./dev docs"
