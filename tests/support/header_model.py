"""What a service must see of a client's header fields, by the documented rules and RFC 9110 alone: nothing here is taken from the gateway.

`Sent` is a request as a client writes it, `Rules` what the configuration says of a route, and `expected` what must arrive.
"""
import dataclasses
import ipaddress
import re

# Of this hop only (RFC 9110 §7.6.1, RFC 7540 §3.2.1).
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "proxy-authenticate",
              "proxy-authorization", "http2-settings"}
# What the gateway writes itself, beside the forwarding headers; `expect` it answers for.
OWN = {"host", "content-length", "transfer-encoding", "expect", "x-request-id", "traceparent"}
# Never trailers (RFC 9110 §6.5.1): framing, routing, request modifiers, authentication, content.
NEVER_TRAILERS = HOP_BY_HOP | OWN | {"via", "authorization", "cookie", "set-cookie", "www-authenticate", "content-type", "content-encoding", "content-range",
                                     "cache-control", "max-forwards", "range", "if-match", "if-none-match", "if-range", "tracestate"}


def folded(name):
    """Every spelling of a name: case, and any byte that is no letter or digit, count as equal."""
    return re.sub(r"[^a-z0-9]", "-", name.lower())


# Who the client is, what it asked for, and how it came, says the gateway: no client may.
FORWARDING = {"forwarded", "x-forwarded", "x-real-ip", "client-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "client-cert", "client-cert-chain",
              "x-client-cert", "x-original-url", "x-rewrite-url", "x-original-host", "proxy"}


def is_forwarding(name):
    plain = folded(name)
    return plain in FORWARDING or plain.startswith(("x-forwarded-", "x-ssl-", "ssl-client-"))


@dataclasses.dataclass
class Sent:
    host: str
    fields: list  # (name, value), in order, without Host and framing
    trailers: list
    scheme: str = "http"

    def exact(self, name):
        return [v for n, v in self.fields if n.lower() == name]

    def spelt(self, name):
        return [(n, v) for n, v in self.fields if folded(n) == name]

    def nominated(self):
        """Names that Connection says are for this hop."""
        return {o.strip().lower() for v in self.exact("connection") for o in v.split(",")}

    def going_on(self, name):
        """Of these alone anything is judged."""
        return [(n, v) for n, v in self.spelt(name) if n.lower() not in self.nominated()]


@dataclasses.dataclass
class Rules:
    """Of one file: `managed` holds everywhere. Of one route: the rest."""
    managed: set
    trusted: list = dataclasses.field(default_factory=list)  # networks
    peer: str = "127.0.0.1"
    sets: dict = dataclasses.field(default_factory=dict)  # by a rule or a policy: name -> value, or none for "no value"
    removes: set = dataclasses.field(default_factory=set)
    judges: set = dataclasses.field(default_factory=set)  # names by which a guard of the route decides
    written_somewhere: set = dataclasses.field(default_factory=set)  # by a rule or a condition of any route

    def trusts(self, address):
        return any(address in n for n in self.trusted if n.version == address.version)


class Expected:
    """`fields`: by lower-case name, in order. `own`: what the gateway writes: one value each, or a callable that judges it."""

    def __init__(self, fields, own, forbidden_trailers, good_trailers, nominated):
        self.fields, self.own, self.nominated = fields, own, nominated
        self.forbidden_trailers, self.good_trailers = forbidden_trailers, good_trailers

    def faults(self, request):
        """What is wrong with the request that arrived, as sentences."""
        got = {}
        for name, value in request.headers:
            got.setdefault(name.lower(), []).append(value)
        for name, wanted in self.own.items():
            values = got.pop(name, [])
            good = len(values) == 1 and wanted(values[0]) if callable(wanted) else values == ([] if wanted is None else [wanted])
            if not good:
                yield f"{name} is {values}, expected {wanted}"
        for name in ("host", "content-length", "transfer-encoding"):
            got.pop(name, None)
        for name in sorted(got.keys() | self.fields.keys()):
            if got.get(name) != self.fields.get(name):
                yield f"{name} is {got.get(name)}, expected {self.fields.get(name)}"
        arrived = [n for n, _ in request.trailers]
        for name in arrived:
            if folded(name) in self.forbidden_trailers or name.lower() in self.nominated:
                yield f"the trailer {name} arrived"
        if sorted(n for n in arrived if n in self.good_trailers) != sorted(self.good_trailers):
            yield f"of the trailers {self.good_trailers} {arrived} arrived"


def address_of(text):
    """An address as proxies write it, or none."""
    text = text.strip()
    if bracketed := re.fullmatch(r"\[(.*)\](:.*)?", text):
        text = bracketed[1]
    elif text.count(":") == 1:
        text = text.split(":")[0]
    if "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def client_of(sent, rules):
    """The client's address, none where it has none, and the X-Forwarded-For that the service gets."""
    peer = ipaddress.ip_address(rules.peer)
    chain = [e for v in sent.exact("x-forwarded-for") for e in v.split(",")]
    if not rules.trusts(peer) or not chain:
        return peer, rules.peer
    seen = []
    for element in reversed(chain):
        address = address_of(element)
        seen.insert(0, "unknown" if address is None else str(address))
        if address is None or not rules.trusts(address):
            break
    return address, ", ".join(seen + [rules.peer])


def expected(sent, rules):
    """What arrives at the service for a request that the guards let pass."""
    trusted = rules.trusts(ipaddress.ip_address(rules.peer))
    protos, hosts = sent.exact("x-forwarded-proto"), sent.exact("x-forwarded-host")
    proto = protos[-1].lower() if trusted and protos and protos[-1].lower() in ("http", "https") else sent.scheme
    host = hosts[-1] if trusted and hosts and re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", hosts[-1]) else sent.host
    ports = [p for p in sent.exact("x-forwarded-port") if trusted and re.fullmatch(r"0*[1-9]\d{0,4}", p) and int(p) < 65536 and p == sent.exact("x-forwarded-port")[-1]]
    port = ports[-1] if ports else sent.host.rpartition(":")[2] if ":" in sent.host else "443" if proto == "https" else "80"
    client, passed = client_of(sent, rules)
    own = {"x-forwarded-for": passed, "x-forwarded-proto": proto, "x-forwarded-host": host, "x-forwarded-port": port}
    if client is not None:
        own["x-real-ip"] = str(client)
    ids = [v for n, v in sent.going_on("x-request-id") if n.lower() == "x-request-id"]
    known = len(ids) == 1 and re.fullmatch(r"[A-Za-z0-9._-]{1,128}", ids[0])
    own["x-request-id"] = ids[0] if known else lambda v: v not in ids and re.fullmatch(r"[A-Za-z0-9._-]{8,128}", v)
    traces = [v for n, v in sent.going_on("traceparent") if n.lower() == "traceparent"]
    traced = len(traces) == 1 and re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", traces[0])
    if traced:
        own["traceparent"] = traces[0]
    own.update(rules.sets)

    taken = {folded(n) for n in rules.managed | rules.removes | set(rules.sets)}
    fields = {}
    for name, value in sent.fields:
        plain = folded(name)
        if is_forwarding(name) or plain in taken or plain in HOP_BY_HOP or plain in OWN or name.lower() in sent.nominated():
            continue
        if plain == "tracestate" and not traced:
            continue
        fields.setdefault(name.lower(), []).append(value)
    fields.setdefault("via", []).append("1.1 portico")

    forbidden = NEVER_TRAILERS | taken | {folded(n) for n in rules.judges | rules.written_somewhere} | FORWARDING
    forbidden |= {folded(n) for n, _ in sent.trailers if is_forwarding(n)}
    good = [n for n, _ in sent.trailers if folded(n) in ("x-checksum", "server-timing") and n.lower() not in sent.nominated()]
    return Expected(fields, own, forbidden, good, sent.nominated())
