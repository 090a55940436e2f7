"""What the documents show works: every example loads, every YAML block is good, every metric is listed."""
import glob
import json
import os
import re
import subprocess
import sys
import urllib.request

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from support.gateway import Gateway  # noqa: E402

BINARY = os.environ.get("PORTICO_BIN", os.path.join(ROOT, "build/release/portico"))
EXAMPLES = sorted(glob.glob(os.path.join(ROOT, "examples/*.yaml")))
DOCUMENTS = ["README.md"] + [os.path.relpath(p, ROOT) for p in sorted(glob.glob(os.path.join(ROOT, "docs/*.md")))]


@pytest.mark.parametrize("path", EXAMPLES, ids=os.path.basename)
def test_an_example_is_a_good_configuration(path):
    ran = subprocess.run([BINARY, "check", "-c", path], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def whole_files():
    """YAML blocks of the documents that are whole configurations: those that begin with listeners."""
    for name in DOCUMENTS:
        text = open(os.path.join(ROOT, name)).read()
        for number, block in enumerate(re.findall(r"```yaml\n(listeners:.*?)```", text, re.S)):
            yield pytest.param(block, id=f"{name}-{number}")


@pytest.mark.parametrize("block", whole_files())
def test_a_configuration_in_a_document_is_good(block, tmp_path):
    path = tmp_path / "portico.yaml"
    path.write_text(block)
    ran = subprocess.run([BINARY, "check", "-c", str(path)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_links_between_documents_lead_somewhere():
    wrong = []
    for name in DOCUMENTS + ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]:
        folder = os.path.dirname(os.path.join(ROOT, name))
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", open(os.path.join(ROOT, name)).read()):
            if not os.path.exists(os.path.join(folder, link)):
                wrong.append(f"{name}: {link}")
    assert wrong == []


def demo_commands():
    """The curl commands that the demo prints, with what is said of them."""
    process = subprocess.Popen([BINARY, "demo", "--port", "0"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    lines = []
    try:
        for line in process.stderr:
            lines.append(line.rstrip("\n"))
            if line.startswith("Each request"):
                break
        yield lines
    finally:
        process.terminate()
        process.wait(10)


def test_what_the_demo_prints_works():
    for lines in demo_commands():
        token = next(line.strip() for line in lines if line.strip().startswith("export TOKEN="))
        assert token.count(".") == 2
        commands = [line.strip() for line in lines if line.strip().startswith("curl")]
        assert len(commands) >= 8
        loop = next(line.strip() for line in lines if line.strip().startswith("for "))
        words = re.match(r"(for .*? done)\s{2,}", loop).group(1)
        ran = subprocess.run(["bash", "-c", words], capture_output=True, text=True)
        assert ran.stdout.split() == ["200"] * 5 + ["429"]
        for command in commands:
            words, said = re.match(r"(curl .*?)\s{2,}(.*)$", command).groups()
            ran = subprocess.run(["bash", "-c", token + "; " + words.replace("curl", "curl -s -m 5", 1)], capture_output=True, text=True)
            status = int(ran.stdout.split()[1])
            wanted = re.search(r"\b([345]\d\d)\b", said)
            assert status == (int(wanted.group(1)) if wanted else status) and (wanted or status in (200, 201)), (command, ran.stdout)


CONFIG = """
listeners: [{ address: "127.0.0.1:0" }]
admin: { address: "127.0.0.1:0" }
stores: { away: { redis: "redis://127.0.0.1:9" } }
services: { up: "http://127.0.0.1:9" }
policies:
  often: { rate_limit: { limit: 1, window: 1s, store: away, on_store_failure: allow } }
  closed: { mode: shadow, ip_access: { deny: [0.0.0.0/0] } }
  staff: { basic: { htpasswd: "a:$2y$04$abcdefghijklmnopqrstuuPp7HPfoAs8I2dCQCQ/fW7zEJv8I8C8e" } }
  ask: { forward_auth: { service: up } }
  few: { concurrency: { limit: 1 } }
  shaped: { transform: { response: { edit: { remove: $.a } } } }
  token: { jwt: { algorithms: [RS256], jwks: "http://127.0.0.1:9/keys" } }
routes:
  - { match: /ok, use: [closed], respond: { body: hello } }
  - { match: /page, aggregate: { calls: { a: { service: up, path: /a, optional: true } }, body: { a: $a } } }
  - { match: "/{service}/**", forward: { service: "{service}" } }
"""


def test_every_metric_is_documented_and_nothing_else():
    with Gateway(CONFIG) as gateway:
        for path in ("/ok", "/up/x", "/none/x", "/page"):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}{path}", timeout=5).read()
            except urllib.error.HTTPError:
                pass
        text = urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin_port}/metrics", timeout=5).read().decode()
    served = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    listed = set(re.findall(r"^\| `(portico_[a-z_]+)", open(os.path.join(ROOT, "docs/metrics.md")).read(), re.M))
    assert served <= listed, f"not in docs/metrics.md: {served - listed}"
    assert listed - served <= {"portico_reloads_total", "portico_upstream_stale_reuse_total", "portico_upstream_reuses_total"}


def test_the_schema_is_json_and_knows_the_examples_keys():
    schema = json.loads(open(os.path.join(ROOT, "docs/portico.schema.json")).read())
    assert {"listeners", "services", "routes"} <= set(schema["properties"])
