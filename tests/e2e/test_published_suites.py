"""A checkout without the published suites: their tests are left out and say so, and nothing fails."""
import os
import subprocess

import pytest

from support.gateway import BINARY

UNITS = os.path.join(os.path.dirname(BINARY), "src")
READERS = {
    "json_test": "JsonPathSuite.*:JsonDocument.the_outside_suite_is_judged_rightly",
    "policy_test": "JwtSuites.*",
}


@pytest.mark.parametrize("binary", READERS)
@pytest.mark.parametrize("folder", ["a folder that is not there", "an empty folder", "a file"])
def test_t64_tests_of_suites_that_are_not_there_are_left_out(binary, folder, tmp_path):
    path = os.path.join(UNITS, binary)
    if not os.path.exists(path):
        pytest.skip("the unit tests are not built")
    suites = {"a folder that is not there": tmp_path / "missing", "an empty folder": tmp_path, "a file": tmp_path / "file"}[folder]
    if folder == "a file":
        suites.write_text("")
    run = subprocess.run([path, f"--gtest_filter={READERS[binary]}"], env=dict(os.environ, PORTICO_SUITES=str(suites)), capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert "[  SKIPPED ]" in run.stdout and "[       OK ]" not in run.stdout
    assert "PORTICO_SUITES names the folder" in run.stdout
