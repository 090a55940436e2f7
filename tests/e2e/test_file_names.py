"""Names of files in a configuration are relative to its folder, wherever the command is run."""
import base64
import json
import os
import subprocess
import tempfile

import pytest

from support.certificates import Certificate
from support.gateway import BINARY, Gateway, check

SECRET = "0123456789abcdef0123456789abcdef"


def from_elsewhere(config, files):
    """`portico check` of a folder's configuration, run in another folder that has none of its files."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as elsewhere:
        for name, text in {**files, "portico.yaml": config}.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        return subprocess.run([BINARY, "check", "-c", os.path.join(folder, "portico.yaml")], cwd=elsewhere, capture_output=True, text=True)


HEAD = "listeners: [{ address: 127.0.0.1:0 }]\n"
HASH = "ann:$2y$04$abcdefghijklmnopqrstuuOZ1VxhzC4s3ZMwdGVkd6z3MpVDxWvPe\n"
CASES = {
    "a secret": "routes: [{ match: /x, use: [{ jwt: { algorithms: [HS256], secret: { file: keys/a } } }], respond: {} }]\n",
    "htpasswd": "routes: [{ match: /x, use: [{ basic: { htpasswd: { file: keys/htpasswd } } }], respond: {} }]\n",
    "a service's ca": "services: { s: { endpoints: ['https://127.0.0.1:1'], tls: { ca: keys/ca.pem } } }\nroutes: [{ match: /x, forward: { service: s } }]\n",
    "a store's ca": ("stores: { r: { redis: 'rediss://127.0.0.1:1', ca: keys/ca.pem } }\n"
                     "policies: { l: { rate_limit: { limit: 1, window: 1s, key: client.ip, store: r, on_store_failure: deny } } }\n"
                     "routes: [{ match: /x, use: [l], respond: {} }]\n"),
    "the ca of an issuer": ("routes: [{ match: /x, use: [{ jwt: { algorithms: [RS256], issuer: 'https://id.test', audience: a, "
                            "jwks: { url: 'https://id.test/keys', ca: keys/ca.pem } } }], respond: {} }]\n"),
    "the log": "log: { file: keys/access.log }\nroutes: [{ match: /x, respond: {} }]\n",
    "a schema": "services: { s: { endpoints: ['http://127.0.0.1:1'], schema: keys/api.yaml } }\nroutes: [{ match: /x, forward: { service: s } }]\n",
}


@pytest.mark.parametrize("what", CASES)
def test_t62_file_names_are_relative_to_the_configuration(what):
    files = {"keys/a": SECRET, "keys/htpasswd": HASH, "keys/ca.pem": Certificate("ca", authority=True).pem.decode(), "keys/api.yaml": "openapi: 3.0.0\npaths: {}\n"}
    ran = from_elsewhere(HEAD + CASES[what], files)
    assert ran.returncode == 0, ran.stdout
    ran = from_elsewhere(HEAD + CASES[what], {"other/a": ""})
    assert ran.returncode == 1 and "keys/" in ran.stdout, ran.stdout


def test_t62_the_log_is_written_beside_the_configuration():
    with Gateway("log: { file: access.log }\nroutes: [{ match: /x, respond: {} }]\n") as gateway:
        assert os.path.exists(os.path.join(gateway.folder, "access.log"))
    assert not os.path.exists("access.log")


def test_t62_a_configuration_from_a_pipe_names_files_in_the_working_directory(tmp_path):
    (tmp_path / "a").write_text(SECRET)
    ran = subprocess.run(["bash", "-c", f'"{BINARY}" check -c <(cat)'], input=HEAD + CASES["a secret"].replace("keys/a", "a"), cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_t62_an_absolute_name_stays_as_it_is(tmp_path):
    (tmp_path / "a").write_text(SECRET)
    assert check(CASES["a secret"].replace("keys/a", str(tmp_path / "a"))).code == 0


def test_t62_a_token_is_signed_with_the_secret_beside_the_configuration(tmp_path):
    folder = tmp_path / "portico"
    folder.mkdir()
    (folder / "a").write_text(SECRET)
    (folder / "portico.yaml").write_text(HEAD + "routes: [{ match: /x, use: [{ jwt: { algorithms: [HS256], audience: '${AUDIENCES}', secret: { file: a } } }], respond: {} }]\n")
    ran = subprocess.run([BINARY, "token", "-c", str(folder / "portico.yaml"), "--sub", "ann"], cwd=tmp_path, capture_output=True, text=True,
                         env=dict(os.environ, AUDIENCES="shop,api"))
    assert ran.returncode == 0, ran.stderr
    claims = json.loads(base64.urlsafe_b64decode(ran.stdout.split(".")[1] + "=="))
    assert claims["aud"] == "shop"
