"""What every end-to-end test has: a bound on its time, and slow ones only on demand."""
import os
import random
import signal
import time

import pytest

SHORT = 30
LONG = 600
# The inner loop runs one case of each test, as many tests as so many seconds hold, in an order of this seed.
QUICK, SEED = float(os.environ.get("PORTICO_QUICK", 0)), os.environ.get("PORTICO_QUICK_SEED")
until = None


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes long; runs only with PORTICO_LONG=1")


def pytest_collection_modifyitems(items):
    if QUICK:
        first = {}
        for item in items:
            first.setdefault((item.path, item.cls, getattr(item, "originalname", item.name)), item)
        items[:] = first.values()
        # The same order in each of xdist's processes, and another one each time.
        random.Random(SEED).shuffle(items)
        global until
        until = time.monotonic() + QUICK
    if os.environ.get("PORTICO_LONG") == "1":
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="long: set PORTICO_LONG=1"))


def pytest_runtest_setup(item):
    # What failed in time has its second try.
    if QUICK and time.monotonic() > until and getattr(item, "execution_count", 1) == 1:
        pytest.skip("quick: no time is left")


@pytest.fixture(autouse=True)
def bounded_time(request):
    """A test that hangs fails."""
    def over(*_):
        raise TimeoutError("the test took too long")
    before = signal.signal(signal.SIGALRM, over)
    # On demand others may take longer too: they play more.
    signal.alarm(LONG if request.node.get_closest_marker("long") or os.environ.get("PORTICO_LONG") == "1" else SHORT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
