"""jwt when more new tokens come at once than a turn has time for: those wait for their turns, in their order, and nobody else does."""
import os
import signal
from contextlib import ExitStack, contextmanager

import pytest

from support.client import Client, get
from support.gateway import Gateway
from support.tokens import SigningKey, bearer, claims, sign, signed

KEY = SigningKey("ES384")  # one signature takes most of a turn's time
CROWD = 400


def config(folder):
    file = os.path.join(folder, "issuer.pem")
    with open(file, "w", encoding="ascii") as f:
        f.write(KEY.pem)
    # One worker: the order in its log is the order of its work.
    return ("workers: 1\n" f"policies: {{ p: {{ jwt: {{ algorithms: [ES384], public_key: {{ file: {file} }} }} }} }}\n"
            "routes: [{ match: /x, use: [p], respond: { headers: { X-Me: \"{claims.sub}\" }, body: { ok: true } } }]\n")


def forged(number):
    return sign({"alg": "ES384"}, claims(f"mallory-{number}"), lambda text: os.urandom(96))


@contextmanager
def crowd(gateway, stack, known):
    """Clients with a connection each. What they send in the block comes to the gateway all at once."""
    clients = [stack.enter_context(Client(gateway.port)) for _ in range(CROWD)]
    for client in clients:
        assert client.get("/x", bearer(known)).status == 200
    gateway.process.send_signal(signal.SIGSTOP)
    try:
        yield clients
    finally:
        gateway.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("backend", ["uring", "epoll"])
def test_a_known_token_is_served_before_a_flood_of_new_ones(backend, tmp_path):
    known, late = signed(KEY, claims("known")), signed(KEY, claims("late"))
    with ExitStack() as stack, Gateway(config(tmp_path) + f"io: {backend}\n") as gateway:
        with crowd(gateway, stack, known) as clients:
            for number, client in enumerate(clients[:-2]):
                client.send_head("GET", "/x", bearer(forged(number)))
            clients[-2].send_head("GET", "/x", bearer(late))
            clients[-1].send_head("GET", "/x", bearer(known))
        assert clients[-1].read_response().get("X-Me") == "known"
        assert clients[-2].read_response().get("X-Me") == "late"
        for client in clients[:-2]:
            answer = client.read_response()
            assert answer.status == 401 and answer.code == "jwt.signature"
        order = [line.get("subject") for line in gateway.access_lines(2 * CROWD)[CROWD:]]
        assert order.index("known") < CROWD / 4, "served when it came"
        assert order.index("late") > CROWD * 3 / 4, "a new one, and the last to come: it stood in line"
        assert gateway.metric("portico_jwt_postponed_total", policy="p") > CROWD / 2


def test_r18_clients_that_leave_while_their_tokens_wait_harm_nobody(tmp_path):
    known = signed(KEY, claims("known"))
    with ExitStack() as stack, Gateway(config(tmp_path)) as gateway:
        with crowd(gateway, stack, known) as clients:
            for number, client in enumerate(clients):
                client.send_head("GET", "/x", bearer(forged(number) if number % 2 else signed(KEY, claims(f"user-{number}"))))
        for number, client in enumerate(clients):
            if number % 4 > 1:
                client.reset()
        for number, client in enumerate(clients):
            if number % 4 <= 1:
                assert client.read_response().status == (401 if number % 2 else 200)
        assert get(gateway.port, "/x", bearer(known)).status == 200


def test_a_reload_and_an_end_while_tokens_wait_lose_no_request(tmp_path):
    known = signed(KEY, claims("known"))
    text = config(tmp_path)
    with ExitStack() as stack, Gateway(text) as gateway:
        with crowd(gateway, stack, known) as clients:
            for number, client in enumerate(clients):
                client.send_head("GET", "/x", bearer(signed(KEY, claims(f"user-{number}"))))
            gateway.write(text + "x-changed: 1\n")
            gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_for_line("portico: reloaded")
        gateway.terminate()
        for number, client in enumerate(clients):
            assert client.read_response().get("X-Me") == f"user-{number}"
        assert gateway.wait() == 0
