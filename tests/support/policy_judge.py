"""Who may pass, by the documents of the policies alone (src/policy/*/README.md), written down a second time: the gateway's verdicts, and
the identity that a service is told, are held against it. Nothing here knows the gateway's code."""
import json

from support.judge import Bad, Key, is_number, passes, read_object, decoded

BLANKS = " \t"


class Refused(Exception):
    """With the status that a client is told."""

    def __init__(self, status, why):
        super().__init__(f"{status} {why}")
        self.status = status


def lookup(claims, path):
    """What a claim holds, by the names that lead to it. None where it is not there or null.
    @raises LookupError where a name leads into what has no members"""
    value = claims
    for name in path:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise LookupError(name)
        value = value.get(name)
    return value


def text_of(value):
    """A claim's text: numbers as they are written, `true` and `false`."""
    return value if isinstance(value, str) else json.dumps(value)


def same(value, wanted):
    """Of one type and equal; 1, 1.0 and 10e-1 are one number."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if is_number(value) and is_number(wanted):
        return value == wanted
    return isinstance(value, str) and isinstance(wanted, str) and value == wanted


def is_plain(value):
    return isinstance(value, (str, bool, int, float))


class Template(str):
    """A value that the request gives, as text; empty where it gives none."""


def holds(value, wanted):
    """Whether a claim's value is the wanted one, or a list that holds it."""
    elements = value if isinstance(value, list) else [value]
    if isinstance(wanted, Template):
        return wanted != "" and any(is_plain(e) and text_of(e) == wanted for e in elements)
    return any(same(e, wanted) for e in elements)


def resembles(value, wanted):
    """In doubt it is closed: whether `none` takes a value for the one that it names."""
    if value is None:
        return False
    elements = value if isinstance(value, list) else [value]
    for e in elements:
        if e is not None and not is_plain(e):
            return True
        if is_plain(e) and text_of(e).strip(BLANKS) == text_of(wanted).strip(BLANKS):
            return True
    return holds(value, wanted)


def condition_holds(claims, path, condition):
    try:
        value = lookup(claims, path)
    except LookupError:
        value = None
    if isinstance(condition, dict):
        return (value is not None) == condition["present"]
    return value is not None and any(holds(value, w) for w in condition)


def condition_refuses(claims, path, condition):
    """Under `none`."""
    try:
        value = lookup(claims, path)
    except LookupError:
        return True
    if isinstance(condition, dict):
        return (value is not None) == condition["present"]
    return any(w == "" and isinstance(w, Template) for w in condition) or any(resembles(value, w) for w in condition)


def words_of(value, split):
    """The scopes (split: a text holds several) or roles of a claim."""
    if isinstance(value, str):
        return value.split(" ") if split else [value]
    return [e for e in value if isinstance(e, str)] if isinstance(value, list) else []


def hides(value, word, split):
    """Whether `none` finds a scope or role in a claim, closed in doubt."""
    if value is None:
        return False
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(t, str) for t in texts):
        return True
    spaces = split or isinstance(value, str)
    for separator in ",\t;\n\r\x01":
        texts = [t.replace(separator, "\0") for t in texts]
    return any(word in (t.replace(" ", "\0") if spaces else t).split("\0") or t.strip(BLANKS + "\0") == word for t in texts)


def judge_words(claims, names, rules, split):
    """@param names the claims that may hold them: the first that is there does, and `none` searches all"""
    values = [claims.get(n) for n in names]
    held = words_of(next((v for v in values if v is not None), None), split)
    if any(not w or w not in held for w in rules.get("all", [])):
        raise Refused(403, f"all of {rules['all']}")
    if "any" in rules and not any(w and w in held for w in rules["any"]):
        raise Refused(403, f"any of {rules['any']}")
    for word in rules.get("none", []):
        if not word or any(hides(v, word, split) for v in values):
            raise Refused(403, f"none of {rules['none']}")


def authorize(claims, rules):
    if "scopes" in rules:
        judge_words(claims, ["scope", "scp"], rules["scopes"], split=True)
    if "roles" in rules:
        judge_words(claims, ["roles"], rules["roles"], split=False)
    conditions = rules.get("claims", {})
    if not all(condition_holds(claims, *c) for c in conditions.get("all", [])):
        raise Refused(403, "all claims")
    if "any" in conditions and not any(condition_holds(claims, *c) for c in conditions["any"]):
        raise Refused(403, "any claim")
    if any(condition_refuses(claims, *c) for c in conditions.get("none", [])):
        raise Refused(403, "no claim")


def element(text):
    """One of a list in a header: what would be read as another list, or be taken off, is percent-encoded."""
    begin, end = len(text) - len(text.lstrip(BLANKS)), len(text.rstrip(BLANKS))
    return "".join(f"%{b:02X}" if b in b"%," or b < 32 or b == 127 or (b == 32 and not begin <= at < end) else chr(b)
                   for at, c in enumerate(text) for b in c.encode())


def header_value(value):
    """What a claim becomes in a header; None for no header."""
    if value is None or value == []:
        return None
    if isinstance(value, list):
        if not all(is_plain(e) for e in value):
            raise Refused(403, "a claim that no header carries")
        return ",".join(element(text_of(e)) for e in value)
    if not is_plain(value):
        raise Refused(403, "a claim that no header carries")
    text = text_of(value).strip(BLANKS)
    if any(ord(c) < 32 and c != "\t" or ord(c) == 127 for c in text):
        raise Refused(403, "a claim that no header carries")
    return "".join(chr(b) for b in text.encode())


def spelled_alike(a, b):
    """Case, and any byte that is no letter or digit, count as equal."""
    def normal(name):
        return "".join(c.lower() if c.isalnum() else "-" for c in name)
    return normal(a) == normal(b)


class Jwt:
    """A token in `Authorization`, of one issuer and one secret."""

    def __init__(self, secret, issuer, to_headers, required=(), audience=None):
        self.issuers = {issuer: ({"HS256"}, [Key(secret.encode(), {"HS256"})])}
        self.to_headers, self.required, self.audience = to_headers, required, audience

    def present(self, headers):
        return any(n.lower() == "authorization" and v[:6].lower() == "bearer" and not v[6:7].isalnum() for n, v in headers)

    def identity(self, headers):
        values = [v for n, v in headers if n.lower() == "authorization"]
        if len(values) > 1 or values[0][6:7] != " ":
            raise Refused(401, "more than one, or malformed")
        return self.claims(values[0][6:].strip(" "))

    def claims(self, token):
        try:
            passes(token, self.issuers)
        except Bad as error:
            raise Refused(401, f"a bad token: {error}") from error
        claims = read_object(decoded(token.split(".")[1]), 32)
        named = claims.get("aud", [])
        if self.audience and self.audience not in ([named] if isinstance(named, str) else named):
            raise Refused(401, "another audience")
        if not all(condition_holds(claims, *c) for c in self.required):
            raise Refused(401, "a claim is missing")
        return claims


class ApiKey:
    def __init__(self, header, keys, to_headers):
        self.header, self.keys, self.to_headers = header, keys, to_headers

    def present(self, headers):
        return any(spelled_alike(n, self.header) for n, _ in headers)

    def identity(self, headers):
        values = [v for n, v in headers if spelled_alike(n, self.header)]
        if len(values) != 1 or values[0] not in self.keys:
            raise Refused(401, "no key, an unknown one, or two")
        return self.keys[values[0]]


def judge(signers, optional, rules, headers):
    """What becomes of a request.
    @param signers the ways to sign in, of which the first that is present decides
    @returns the headers of identity that the service is told, by name
    @raises Refused"""
    signer = next((s for s in signers if s.present(headers)), None)
    if signer is None:
        if optional or not signers:
            return {}
        raise Refused(401, "nobody signed in")
    claims = signer.identity(headers)
    told = {name: header_value(claims.get(claim)) for name, claim in signer.to_headers.items()}
    authorize(claims, rules)
    return {name: value for name, value in told.items() if value is not None}
