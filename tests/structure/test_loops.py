"""Every loop of the sources stands in loops.txt with what bounds it, so that none goes over what strangers send without somebody having
said how long it can take (docs/decisions/0003)."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src"
LIST = pathlib.Path(__file__).with_name("loops.txt")

NOT_THE_PRODUCTS = re.compile(r"_(test|bench|fuzz)\.cc$|_fixture\.h$|^io/sim/|/model/")
# Comments, raw strings, strings and characters (not the ' within a number): nothing in them is a loop.
NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])*\'', re.S)
LOOP = re.compile(r"(?<![\w.>])(?:for|while)\s*\(")


def files():
    for path in sorted(SOURCES.rglob("*")):
        name = path.relative_to(SOURCES).as_posix()
        if path.suffix in (".h", ".cc") and not NOT_THE_PRODUCTS.search(name):
            yield name, path.read_text(encoding="utf-8")


def loops_of(text):
    """The heads of all loops, in their order, with one space for each white space; strings in them are empty."""
    code = NO_CODE.sub(lambda found: '""' if found[0].endswith('"') else "''" if found[0].endswith("'") else " ", text)
    for found in LOOP.finditer(code):
        depth, end = 1, found.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(code[end], 0)
            end += 1
        yield " ".join(code[found.start():end].split())


def read_list(text):
    """The bounds' names, the loops by file (each a bound and a head), and what stands for whole folders or files."""
    bounds, listed, whole, name = {}, {}, {}, None
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("= "):
            bound, meaning = line[2:].split(None, 1)
            bounds[bound] = meaning
        elif line.startswith("  "):
            bound, head = line.split(None, 1)
            listed[name].append((bound, head.split("  # ")[0].rstrip()))
        elif "*" in line:
            pattern, bound = line.split()
            whole[pattern] = bound
        else:
            name = line
            listed[name] = []
    return bounds, listed, whole


BOUNDS, LISTED, WHOLE = read_list(LIST.read_text(encoding="utf-8")) if LIST.exists() else ({}, {}, {})


def is_whole(name):
    return any(name.startswith(pattern.rstrip("*")) for pattern in WHOLE)


def test_each_loop_is_named_with_its_bound():
    missing = []
    for name, text in files():
        if is_whole(name):
            continue
        heads = list(loops_of(text))
        listed = [head for _, head in LISTED.get(name, [])]
        if heads != listed:
            new = [head for head in heads if head not in listed] or ["(their order or number)"]
            missing.append(f"{name}: " + ", ".join(new))
    assert not missing, "say in tests/structure/loops.txt what bounds these loops, in the order of the file:\n" + "\n".join(missing)


def test_the_list_names_only_what_is_there():
    names = {name for name, text in files() if next(loops_of(text), None)}
    assert not set(LISTED) - names
    assert all(any(name.startswith(pattern.rstrip("*")) for name in names) for pattern in WHOLE)


def test_each_bound_is_explained_and_used():
    used = {bound for loops in LISTED.values() for bound, _ in loops} | set(WHOLE.values())
    assert used == set(BOUNDS)


@pytest.mark.parametrize("text, heads", [
    ("for (auto& a : list) {\n  while (!done(a)) next();\n}", ["for (auto& a : list)", "while (!done(a))"]),
    ("do {\n  x();\n} while (more());", ["while (more())"]),
    ("for (size_t i = 0;\n     i < n(\")\"); ++i) {}", ["for (size_t i = 0; i < n(\"\"); ++i)"]),
    ("// for (;;)\n\"for (;;)\" /* while (1) */ R\"(for (;;))\" wait_for (x); 1'000; 'a'; for(;;)", ["for(;;)"]),
])
def test_loops_are_found(text, heads):
    assert list(loops_of(text)) == heads


def skeleton():
    """What the list would be, with the bounds that it has: for who writes it."""
    for name, text in files():
        heads = list(loops_of(text))
        if heads and not is_whole(name):
            print(name)
            known = list(LISTED.get(name, []))
            for head in heads:
                bound = next((bound for bound, other in known if other == head), "?")
                if bound != "?":
                    known.remove((bound, head))
                print(f"  {bound:<12}{head}")


if __name__ == "__main__":
    skeleton()
