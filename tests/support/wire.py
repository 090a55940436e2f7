"""Reading HTTP/1.1 messages off a socket, strictly: what a lenient reader would repair is an error here.

Both ends use it: the client reads the gateway's answers, the upstream reads the gateway's requests. Whatever the gateway
writes must be in order to the last byte.
"""
import hashlib
import re

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP/1\.1\Z")
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t\x20-\x7e\x80-\xff]*)\Z")
FIELD_VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?\Z")
CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}\Z")

KEPT_BODY = 4 << 20  # of a longer body only its length and digest are kept
MAX_HEAD = 1 << 20


class WireError(AssertionError):
    """What came over the wire is not a well-formed message."""


class Incomplete(WireError):
    """The connection ended inside a message."""


class Closed(Exception):
    """The peer closed the connection between two messages."""


class Message:
    """A request or an answer: start line, fields in order, body, trailers."""

    def __init__(self, start):
        self.start = start
        self.headers = []
        self.trailers = []
        self.body = b""
        self.length = 0
        self.sha256 = hashlib.sha256().hexdigest()
        self.chunked = False
        self.chunks = []
        self.head_raw = b""

    def all(self, name):
        """Every value of a field, in order."""
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name, default=None):
        """The one value of a field that may stand at most once."""
        values = self.all(name)
        if len(values) > 1:
            raise WireError(f"{name} stands {len(values)} times: {values}")
        return values[0] if values else default

    def names(self):
        """The names of all fields, in lower case."""
        return [n.lower() for n, _ in self.headers]


class Request(Message):
    """A request as an upstream reads it."""

    @property
    def method(self):
        return self.start[0]

    @property
    def target(self):
        return self.start[1]


class Response(Message):
    """An answer as a client reads it, with the interim answers that came before it."""

    def __init__(self, start):
        super().__init__(start)
        self.interim = []

    @property
    def status(self):
        return self.start[0]

    @property
    def reason(self):
        return self.start[1]

    def json(self):
        import json
        return json.loads(self.body)

    @property
    def code(self):
        """The code of a problem document."""
        return self.json()["code"]


class Wire:
    """A socket with a buffer in front of it; remembers every byte that it read, up to a bound."""

    KEPT_RAW = 8 << 20

    def __init__(self, sock):
        self.sock = sock
        self.buffer = bytearray()
        self.raw = bytearray()
        self.eof = False

    def fill(self):
        """Reads some more. Returns False at the end."""
        if self.eof:
            return False
        part = self.sock.recv(1 << 18)
        if not part:
            self.eof = True
            return False
        if len(self.raw) < self.KEPT_RAW:
            self.raw += part
        self.buffer += part
        return True

    def line(self, what):
        """One line that ends in CRLF, without it."""
        at = 0
        while True:
            end = self.buffer.find(b"\n", at)
            if end >= 0:
                break
            at = len(self.buffer)
            if at > MAX_HEAD:
                raise WireError(f"{what}: no end in sight after {at} bytes")
            if not self.fill():
                raise Incomplete(f"the connection closed inside {what}: {bytes(self.buffer[:200])!r}")
        text = bytes(self.buffer[:end + 1])
        del self.buffer[:end + 1]
        if not text.endswith(b"\r\n"):
            raise WireError(f"{what}: a line without CR: {text[:200]!r}")
        text = text[:-2]
        if b"\r" in text or b"\0" in text:
            raise WireError(f"{what}: a control in a line: {text[:200]!r}")
        return text

    def fields(self, what):
        """Field lines up to the empty one."""
        found = []
        while True:
            text = self.line(what)
            if not text:
                return found
            name, colon, value = text.partition(b":")
            if not colon or not TOKEN.match(name):
                raise WireError(f"{what}: not a field line: {text[:200]!r}")
            value = value.strip(b" \t")
            if not FIELD_VALUE.match(value):
                raise WireError(f"{what}: not a field value: {text[:200]!r}")
            found.append((name.decode("ascii"), value.decode("latin-1")))

    def head(self, what):
        """Start line and fields. Raises Closed where the peer closed before the first byte."""
        while not self.buffer:
            if not self.fill():
                raise Closed()
        start = self.line(what)
        return start, self.fields(what)

    def take(self, left, into):
        """`left` bytes of a body, handed to `into` in parts."""
        while left > 0:
            if not self.buffer and not self.fill():
                raise Incomplete(f"the connection closed with {left} bytes of a body missing")
            part = bytes(self.buffer[:left])
            del self.buffer[:len(part)]
            left -= len(part)
            into(part)

    def body(self, message, framing, length=0):
        """Reads a message's body: framing is none, length, chunked or close."""
        digest = hashlib.sha256()
        kept = bytearray()

        def add(part):
            digest.update(part)
            message.length += len(part)
            if len(kept) < KEPT_BODY:
                kept.extend(part)

        if framing == "length":
            self.take(length, add)
        elif framing == "chunked":
            message.chunked = True
            while True:
                size_text = self.line("a chunk's size")
                if not CHUNK_SIZE.match(size_text):
                    raise WireError(f"not a plain chunk size: {size_text[:100]!r}")
                size = int(size_text, 16)
                if size == 0:
                    break
                message.chunks.append(size)
                self.take(size, add)
                if self.line("the end of a chunk"):
                    raise WireError("a chunk is longer than its size says")
            message.trailers = self.fields("trailers")
        elif framing == "close":
            while True:
                if self.buffer:
                    add(bytes(self.buffer))
                    self.buffer.clear()
                if not self.fill():
                    break
        message.body = bytes(kept)
        message.sha256 = digest.hexdigest()

    def read_request(self, read_body=True):
        """One request from a gateway, strictly. Raises Closed where there is none."""
        start, headers = self.head("a request's head")
        matched = REQUEST_LINE.match(start)
        if not matched:
            raise WireError(f"not a request line: {start[:200]!r}")
        request = Request((matched[1].decode(), matched[2].decode("ascii")))
        request.headers = headers
        framing, length = framing_of(request)
        if len(request.all("host")) != 1:
            raise WireError(f"a request with the hosts {request.all('host')}")
        request.framing, request.announced = framing or "none", length
        if read_body:
            self.read_request_body(request)
        return request

    def read_request_body(self, request):
        """The body of a request whose head was read alone."""
        self.body(request, request.framing, request.announced)

    def read_response(self, method="GET"):
        """One final answer, strictly, with the interim ones before it."""
        interim = []
        while True:
            start, headers = self.head("an answer's head")
            matched = STATUS_LINE.match(start)
            if not matched:
                raise WireError(f"not a status line: {start[:200]!r}")
            response = Response((int(matched[1]), matched[2].decode("latin-1")))
            response.headers = headers
            if 100 <= response.status < 200 and response.status != 101:
                if "content-length" in response.names() or "transfer-encoding" in response.names():
                    raise WireError(f"an interim answer with a body's length: {headers}")
                interim.append(response)
                continue
            response.interim = interim
            break
        framing, length = framing_of(response)
        if method == "HEAD" or response.status in (204, 304):
            if response.status == 204 and framing:
                raise WireError(f"204 with a body's length: {headers}")
            framing = "none"
        elif framing is None:
            if response.status == 101:
                framing = "none"
            elif response.get("connection", "").lower() != "close":
                raise WireError(f"an answer without an end: {headers}")
            else:
                framing = "close"
        self.body(response, framing, length)
        return response

    def read_to_close(self):
        """Everything up to the end of the connection; a reset is an end too."""
        try:
            while self.fill():
                pass
        except ConnectionError:
            self.eof = True
        rest = bytes(self.buffer)
        self.buffer.clear()
        return rest


def framing_of(message):
    """How long a message's body is, as the only one of two ways to say so."""
    lengths = message.all("content-length")
    codings = message.all("transfer-encoding")
    if lengths and codings:
        raise WireError(f"Content-Length and Transfer-Encoding: {message.headers}")
    if codings:
        if [c.lower() for c in codings] != ["chunked"]:
            raise WireError(f"Transfer-Encoding: {codings}")
        return "chunked", 0
    if lengths:
        if len(lengths) != 1 or not lengths[0].isascii() or not lengths[0].isdigit():
            raise WireError(f"Content-Length: {lengths}")
        return "length", int(lengths[0])
    return None, 0
