"""The mutations of tests/mutations say which text of the sources they change. One that the code has left behind would be missed in a
run that takes an hour; here it is said at once."""
import os
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/mutations"))

import history  # noqa: E402
import kinds  # noqa: E402

ALL = kinds.KINDS + history.HISTORY


@pytest.mark.parametrize("mutation", ALL, ids=[m.name for m in ALL])
def test_a_mutation_follows_the_code(mutation):
    for path, old, _ in mutation.changes:
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            assert file.read().count(old) == 1, f"{path} no longer holds this, or more than once: let the mutation follow the code\n{old}"


def test_each_mutation_has_a_name_of_its_own():
    assert len({m.name for m in ALL}) == len(ALL)
