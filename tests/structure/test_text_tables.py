"""Hash tables over text that strangers choose have a hash with a secret (base/text_table.h, A5)."""
import pathlib
import re

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "src"

# What such a table holds is the configuration's, whoever looks something up in it.
OF_THE_CONFIGURATION = {
    "config/references.cc", "gateway/actions.cc", "gateway/actions.h", "gateway/aggregate/aggregate.h", "gateway/aggregate/aggregate_compile.cc",
    "gateway/path_pattern.h", "gateway/route_overlaps.cc", "gateway/route_table.h", "gateway/snapshot.h", "policy/jwt/revocation.cc", "policy/jwt/revocation.h",
}
PLAIN = re.compile(r"std::unordered_(?:map|set)<\s*std::string(?:_view)?\b(?![^;{]*SeededHash)|std::hash<\s*std::string(?:_view)?\s*>")


def files():
    for path in sorted(SOURCES.rglob("*")):
        name = path.relative_to(SOURCES).as_posix()
        if path.suffix in (".h", ".cc") and not re.search(r"_(test|bench|fuzz)\.cc$|_fixture\.h$|^io/sim/|/model/", name):
            yield name, path.read_text(encoding="utf-8")


def test_no_table_over_text_has_a_hash_that_can_be_aimed_at():
    found = {name for name, text in files() if PLAIN.search(text)}
    assert not found - OF_THE_CONFIGURATION, "take TextMap or TextSet of base/text_table.h, or say here that the keys are the configuration's"
    assert not OF_THE_CONFIGURATION - found, "no longer there"


def test_the_rule_finds_what_it_forbids():
    for text in ("std::unordered_set<std::string> seen;", "std::unordered_map<std::string_view, int> a;", "std::hash<std::string>()(x)"):
        assert PLAIN.search(text)
    assert not PLAIN.search("std::unordered_map<std::string, Entry, SeededHash, std::equal_to<>> keys_;")
