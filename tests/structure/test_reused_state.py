"""An exchange is used again for the next request of its connection: what one leaves behind must not reach another."""
import os
import re

SRC = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "src")
# Members that reset() leaves as they are, and why nobody can read what they hold from before.
LEFT = {
    "context": "the worker's",
    "peer": "the connection's, or set for each request",
    "scheme": "set for each request",
    "request_id_text": "request_id says what of it counts",
    "fault": "read where record.code is not empty",
    "sent_method": "sent_method_text says whether it counts",
}


def members(text, name):
    """The data members of a class or struct that stands at the file's outermost level, one a line."""
    body = re.search(rf"^(?:class|struct) {name}\b[^;{{]*{{\n(.*?)^}};", text, re.M | re.S).group(1)
    lines = [re.sub(r"//.*", "", line) for line in body.split("\n")]
    found = [re.match(r"    (?!static|using|friend|return|\s)[\w:<>,&*\s]+[ &*](?!operator)(\w+)(?:\s*=[^;]*|{[^;]*})?;", line) for line in lines]
    return [match.group(1) for match in found if match]


def test_the_members_are_found():
    text = "class A {\n  public:\n    A() : a(1) {}\n    int a = 1;  // so\n    std::map<int, int> b_{};\n    void f() const { return; }\n    Held c{X::y};\n    int g();\n};\n"
    assert members(text, "A") == ["a", "b_", "c"]


def test_an_exchange_forgets_all_of_a_request():
    header = open(os.path.join(SRC, "gateway", "exchange.h"), encoding="utf-8").read()
    source = open(os.path.join(SRC, "gateway", "exchange.cc"), encoding="utf-8").read()
    reset = re.search(r"^void Exchange::reset\(\) {\n(.*?)^}", source, re.M | re.S).group(1)
    held = members(header, "Exchange")
    assert len(held) > 50 and {"allowance", "body_held", "notes_", "response_begun"} <= set(held)
    said = set(re.findall(r"\b(\w+)\b(?=\s*(?:=|\.(?:reset|clear|set|release)\())", reset))
    assert sorted(set(held) - said - set(LEFT) - {"record"}) == [], "reset() says nothing of these; LEFT says why where that is right"
    record = members(header, "ExchangeRecord")
    assert sorted(set(record) - set(re.findall(r"\brecord\.(\w+)\b(?=\s*=|\.clear)", reset))) == []
    assert sorted(set(LEFT) - set(held)) == []
