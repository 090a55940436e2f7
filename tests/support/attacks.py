"""Attacks on a gateway: each is a function of ATTACKS that takes a port and a number, and goes on until its process is ended.

The routes are those of tests/attacks/test_beside.py, the service is that of beside.py.
"""
import gzip
import os
import random
import re
import socket
import threading
import time


def connect(port, timeout=5, source="127.0.0.1"):
    sock = socket.create_connection(("127.0.0.1", port), timeout, (source, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def run_again_and_again(count, attack):
    """So many threads of attackers, until the process is ended; who loses its connection comes again."""
    def forever():
        while True:
            try:
                attack()
            except OSError:
                time.sleep(0.001)

    threads = [threading.Thread(target=forever, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def upload(port, path, part, media_type="text/plain"):
    """An upload without an end."""
    with connect(port) as sock:
        sock.sendall(f"POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        while True:
            sock.sendall(part)


CHUNKS_OF_A_BYTE = b"1\r\n \r\n" * 40000
LARGE_CHUNKS = (b"10000\r\n" + b"z" * 65536 + b"\r\n") * 8


def uploads_of_a_byte(port, count):
    run_again_and_again(count, lambda: upload(port, "/s/x", CHUNKS_OF_A_BYTE))


def uploads_of_large_chunks(port, count):
    run_again_and_again(count, lambda: upload(port, "/s/x", LARGE_CHUNKS))


def held_bodies_of_a_byte(port, count):
    run_again_and_again(count, lambda: upload(port, "/held/x", CHUNKS_OF_A_BYTE, "application/json"))


def refused_uploads(port, count):
    run_again_and_again(count, lambda: upload(port, "/nowhere", LARGE_CHUNKS))


def downloads(port, count, path):
    def one():
        with connect(port) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
            while sock.recv(1 << 20):
                pass
    run_again_and_again(count, one)


def long_downloads(port, count):
    downloads(port, count, "/s/large")


def downloads_of_a_byte(port, count):
    downloads(port, count, "/s/tiny")


def read_head(sock):
    """A response's head, and what came of its body with it."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        got = sock.recv(65536)
        if not got:
            raise OSError("closed")  # the next connection goes on
        answer += got
    return answer


def requests(port, count, path, body, fields=""):
    """The same request again and again; what comes of it is read and dropped."""
    head = f"POST {path} HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode()

    def one():
        with connect(port, 60) as sock:
            while True:
                sock.sendall(head + body)
                answer = read_head(sock)
                head_of_it, _, rest = answer.partition(b"\r\n\r\n")
                left = int(re.search(rb"(?i)content-length: *(\d+)", head_of_it)[1]) - len(rest)
                while left > 0:
                    got = sock.recv(min(left, 65536))
                    if not got:
                        return
                    left -= len(got)
                if b"connection: close" in head_of_it.lower():
                    return
    run_again_and_again(count, one)


MANY_NUMBERS = b'{"a":[' + b"1," * 520000 + b"1]}"
GZIP = "Content-Encoding: gzip\r\n"


def large_documents(port, count):
    requests(port, count, "/held/x", MANY_NUMBERS)


def swelling_bodies(port, count):
    requests(port, count, "/held/x", gzip.compress(MANY_NUMBERS, 9), GZIP)


def bodies_of_nothing(port, count):
    """Swell to white space, which is no document."""
    requests(port, count, "/held/x", gzip.compress(b" " * 60000, 9), GZIP)


def nested_codings(port, count):
    """Empty blocks inside of empty blocks: nothing comes out, and what stands in between are gigabytes."""
    inner = gzip.compress(b"", 9)[:10] + b"\0\0\0\xff\xff" * 1000000
    requests(port, count, "/held/x", gzip.compress(gzip.compress(inner, 9), 9), "Content-Encoding: gzip, gzip, gzip\r\n")


def edits_of_each_item(port, count):
    """Each item's new value is made of all items."""
    requests(port, count, "/edited/x", b'{"items":[' + b",".join([b'{"price":1}'] * 30000) + b"]}")


def many_names(port, count):
    """An object whose names must all be told apart."""
    requests(port, count, "/held/x", b"{" + b",".join(b'"%x":1' % (i * 2654435761 % (1 << 32)) for i in range(70000)) + b"}")


def nested_filters(port, count):
    """Each item is compared with each."""
    requests(port, count, "/filtered/x", b'{"items":[' + b",".join(b'{"a":%d,"b":%d}' % (i, -i - 1) for i in range(3000)) + b"]}")


def shaped_responses(port, count):
    downloads_again(port, count, "/shaped/json")


def lists_of_calls(port, count):
    requests(port, count, "/joined", b'{"ids":[' + b",".join(b"%d" % i for i in range(100)) + b"]}")


def unread_lines(port, count):
    """Each line becomes a long one, and nobody reads them."""
    def one():
        with connect(port, 60) as sock:
            sock.sendall(b"GET /lines/lines HTTP/1.1\r\nHost: a.test\r\n\r\n")
            time.sleep(60)
    run_again_and_again(count, one)


def downloads_again(port, count, path):
    def one():
        with connect(port, 60) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n".encode())
            while sock.recv(1 << 20):
                pass
    run_again_and_again(count, one)


def bad_requests(port, count):
    """Each is refused, and its connection waits for the client's end, which does not come."""
    kept = []
    while True:
        try:
            sock = connect(port)
            sock.sendall(b"x\r\n\r\n")
            kept.append(sock)
        except OSError:
            pass
        if len(kept) > 2 * count:
            kept.pop(0).close()
        time.sleep(1 / count)


def keep(port, count, send=lambda sock, number: None, pause=0.0):
    """So many connections, each of which has sent something; those that were closed are opened anew."""
    kept = {}
    while True:
        for number in range(count):
            try:
                if number not in kept:
                    kept[number] = connect(port)
                    kept[number].setblocking(False)
                    send(kept[number], number)
                elif not kept[number].recv(65536):
                    kept.pop(number).close()
            except BlockingIOError:
                pass
            except OSError:
                if number in kept:
                    kept.pop(number).close()
            if pause:
                time.sleep(pause)
        time.sleep(0.01)


def silent(port, count):
    keep(port, count)


def admin_silent(port, count):
    keep(port, count)


def half_heads(port, count):
    keep(port, count, lambda sock, number: sock.sendall(b"GET /ok HTTP/1.1\r\nHost: a.te"))


def kept_windows(port, count):
    """The beginnings of bodies whose codings need windows: of gzip 32 KiB as soon as something comes out."""
    text = b"{" + bytes(random.randrange(32, 127) for _ in range(40000))
    begun = gzip.compress(text, 1)[:30000]
    head = b"POST /held/x HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n"
    keep(port, count, lambda sock, number: sock.sendall(head + begun))


def unread_responses(port, count):
    keep(port, count, lambda sock, number: sock.send(b"GET /ok HTTP/1.1\r\nHost: a.test\r\n\r\n" * 20000))


def hanging_questions(port, count):
    """Each waits for a service that decides about requests and never answers."""
    keep(port, count, lambda sock, number: sock.sendall(b"GET /asked HTTP/1.1\r\nHost: a.test\r\n\r\n"))


def heads_of_a_byte(port, count):
    def one():
        with connect(port) as sock:
            for byte in b"GET /ok HTTP/1.1\r\nHost: a.test\r\nX-Long: " + b"a" * 2000 + b"\r\n\r\n":
                sock.send(bytes([byte]))
    run_again_and_again(count, one)


def bursts_of_connections(port, count):
    """All at once, each with a request, and gone again."""
    while True:
        socks = []
        for _ in range(count):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            socks.append(sock)
        for sock in socks:
            try:
                sock.send(b"GET /ok HTTP/1.1\r\nHost: a.test\r\n\r\n")
            except OSError:
                pass
        time.sleep(0.05)
        for sock in socks:
            sock.close()


def bytes_at_once(port, count):
    """Held bodies that bring a byte each, all in the same moment: buffers on offer, and completions, by the hundred."""
    socks = []
    while True:
        while len(socks) < count:
            try:
                socks.append(connect(port))
                socks[-1].sendall(b"POST /held/x HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            except OSError:
                break
        for sock in list(socks):
            try:
                sock.send(b"1\r\n \r\n")
            except OSError:
                socks.remove(sock)
                sock.close()
        time.sleep(0.002)


def gets(port, count, head_of):
    """Requests without a body, each another, whose responses are read."""
    def one():
        with connect(port, 60) as sock:
            while True:
                sock.sendall(head_of() + b"\r\n\r\n")
                answer = read_head(sock)
                if b"connection: close" in answer.lower():
                    return
    run_again_and_again(count, one)


def with_token(path, header):
    """A request with a token that nobody has seen, under a signature of the right length."""
    from support.tokens import claims, sign
    size = {"RS": 256, "PS": 256, "ES256": 64, "ES384": 96, "ES512": 132, "EdDSA": 64}
    algorithm = header["alg"]
    token = sign(header, claims(os.urandom(9).hex()), lambda text: os.urandom(size.get(algorithm) or size[algorithm[:2]]))
    return f"GET {path} HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer {token}".encode()


def forged_tokens(port, count):
    algorithms = ("RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA")
    gets(port, count, lambda: with_token("/signed", {"alg": random.choice(algorithms)}))


def forged_tokens_of_many_keys(port, count):
    """Each is tried with sixteen keys, of half a millisecond each."""
    gets(port, count, lambda: with_token("/many-signed", {"alg": "ES384"}))


def unknown_keys(port, count):
    gets(port, count, lambda: with_token("/fetched", {"alg": "ES256", "kid": os.urandom(4).hex()}))


def wrong_passwords(port, count):
    from base64 import b64encode
    gets(port, count, lambda: b"GET /password HTTP/1.1\r\nHost: a.test\r\nAuthorization: Basic " + b64encode(b"ann:" + os.urandom(6).hex().encode()))


def many_series(port, count):
    """Whatever could become the label of a metric: methods, paths, hosts, statuses of the service."""
    gets(port, count, lambda: b"M%d /%s HTTP/1.1\r\nHost: %s.test" % (random.randrange(10**6), random.choice((b"s/status/", b"nowhere/", b"")) +
                                                                   os.urandom(4).hex().encode(), os.urandom(4).hex().encode()))


def many_conditions(port, count):
    gets(port, count, lambda: b"GET /by?" + b"a&" * 7000 + b"k=none HTTP/1.1\r\nHost: a.test\r\nX-A: " + b"v1" * 500)


def conditions_on_long_texts(port, count):
    """Five hundred patterns, each looked for in 60 KB."""
    gets(port, count, lambda: b"GET /by HTTP/1.1\r\nHost: a.test\r\nX-A: " + b"v1" * 30000)


def ruled_heads(port, count):
    """Each match of a replacement looks to the value's end."""
    gets(port, count, lambda: b"GET /ruled HTTP/1.1\r\nHost: a.test\r\nX-A: " + b"<" * 2500 + b"\r\nX-B: " + b"<" * 2500)


def ruled_queries(port, count):
    gets(port, count, lambda: b"GET /ruled?q=" + b"%3C" * 2500 + b"&a&b;c" * 1000 + b" HTTP/1.1\r\nHost: a.test")


def ruled_cookies(port, count):
    gets(port, count, lambda: b"GET /ruled HTTP/1.1\r\nHost: a.test\r\nCookie: " + b"c=1;x y;%63;" * 4500 + b"z=1")


def ruled_answers(port, count):
    downloads_again(port, count, "/ruled-answers/signs")


def ruled_copies(port, count):
    """Of a response without a long head the rules make one, out of the request."""
    gets(port, count, lambda: b"GET /ruled-copies HTTP/1.1\r\nHost: a.test\r\nX-A: " + b"<" * 2500)


def ruled_short_heads(port, count):
    """Twenty rules over a head that is short for one."""
    gets(port, count, lambda: b"GET /ruled-short HTTP/1.1\r\nHost: a.test\r\nX-A: " + b"<" * 880)


def cookies_of_many_calls(port, count):
    gets(port, count, lambda: b"GET /cookies HTTP/1.1\r\nHost: a.test\r\nCookie: a=" + b"1" * 28000 + b"; b=" + b"2" * 28000)


def interim_responses(port, count):
    downloads(port, count, "/s/interim")


def long_heads(port, count):
    gets(port, count, lambda: b"GET /s/heads HTTP/1.1\r\nHost: a.test")


def bursts_of(port, count, burst_of):
    """Many requests at a time, whose responses are read and dropped."""
    def drop(sock):
        try:
            while sock.recv(1 << 20):
                pass
        except OSError:
            pass

    def one():
        with connect(port) as sock:
            threading.Thread(target=drop, args=(sock,), daemon=True).start()
            while True:
                sock.sendall(burst_of())
    run_again_and_again(count, one)


def pipelined(port, count):
    burst = b"GET /ok HTTP/1.1\r\nHost: a.test\r\n\r\n" * 400
    bursts_of(port, count, lambda: burst)


def limit_keys(port, count):
    """Each is counted by a key that nobody has seen."""
    numbers = iter(range(1 << 60))
    bursts_of(port, count, lambda: b"".join(b"GET /limited?k=%d HTTP/1.1\r\nHost: a.test\r\n\r\n" % next(numbers) for _ in range(400)))


def long_paths(port, count):
    burst = (b"GET /ok/" + b"p" * 15000 + b" HTTP/1.1\r\nHost: a.test\r\n\r\n") * 20
    bursts_of(port, count, lambda: burst)


def admin_metrics(port, count):
    downloads_again(port, count, "/metrics")


def one_of_many_texts(port, count):
    requests(port, count, "/unique", b'{"items":[' + b",".join(b'"%x"' % (i * 2654435761 % (1 << 32)) for i in range(70000)) + b"]}")


def text_of_commas(port, count):
    requests(port, count, "/split", b'{"a":"' + b"," * (4 << 20) + b'"}')


ATTACKS = {f.__name__: f for f in (uploads_of_a_byte, uploads_of_large_chunks, held_bodies_of_a_byte, refused_uploads, long_downloads, downloads_of_a_byte, pipelined,
                                   bad_requests, large_documents, swelling_bodies, bodies_of_nothing, nested_codings, edits_of_each_item, many_names,
                                   nested_filters, shaped_responses, lists_of_calls, unread_lines, silent, admin_silent, half_heads, kept_windows,
                                   unread_responses, hanging_questions, heads_of_a_byte, bursts_of_connections, bytes_at_once, forged_tokens,
                                   unknown_keys, wrong_passwords, many_series, many_conditions, conditions_on_long_texts, interim_responses, long_heads, limit_keys, long_paths,
                                   admin_metrics, one_of_many_texts, text_of_commas, ruled_heads, ruled_cookies, ruled_queries, ruled_answers, ruled_copies, ruled_short_heads,
                                   cookies_of_many_calls, forged_tokens_of_many_keys)}
