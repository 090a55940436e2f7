"""What a mutation is."""
from collections import namedtuple

# name: a sentence, what the code does wrongly. changes: (file, exact old text, new text). preset: what it is built as. ground: where the
# model runs: "simulated", or on real sockets over "io_uring" or "epoll".
Mutation = namedtuple("Mutation", "name changes preset ground", defaults=("release", "simulated"))


def mutation(name, *changes, **how):
    """Old and new texts are written as they stand in the file, without the first and the last line's break."""
    return Mutation(name, tuple((path, old.strip("\n"), new.strip("\n")) for path, old, new in changes), **how)
