"""`schema:` holds templates against what services declare to answer, and against what the route itself declares."""
import json
import re

import pytest

from support.gateway import check

USERS = """
openapi: 3.0.3
info: { title: Users, version: "1" }
servers: [{ url: "https://users.example.com/v1" }]
paths:
  /users/{id}:
    parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
    get:
      responses:
        "200": { description: one, content: { application/json: { schema: { $ref: "#/components/schemas/User" } } } }
        "404": { description: none, content: { application/json: { schema: { type: object, properties: { error: { type: string } } } } } }
    delete: { responses: { "204": { description: gone } } }
  /users:
    get:
      responses:
        "200":
          description: many
          content: { application/json: { schema: { type: array, items: { $ref: "#/components/schemas/User" } } } }
components:
  schemas:
    User:
      type: object
      required: [userId, emailAddress, firstName]
      properties:
        userId: { type: string }
        emailAddress: { type: string, pattern: "^[^@]+@${x}$" }
        firstName: { type: string }
        lastName: { type: string, nullable: true }
        friends: { type: array, items: { $ref: "#/components/schemas/User" } }
        address: { $ref: "#/components/schemas/Address" }
        labels: { type: object, additionalProperties: { type: string } }
        anything: {}
        contact: { oneOf: [{ $ref: "#/components/schemas/Mail" }, { $ref: "#/components/schemas/Phone" }] }
    Address: { type: object, additionalProperties: false, properties: { city: { type: string }, zip: { type: string } } }
    Mail: { allOf: [{ $ref: "#/components/schemas/Kind" }, { type: object, properties: { mail: { type: string } } }] }
    Phone: { allOf: [{ $ref: "#/components/schemas/Kind" }, { type: object, properties: { phone: { type: string } } }] }
    Kind: { type: object, required: [kind], properties: { kind: { type: string } } }
"""
CONFIG = """
services: {{ users: {{ endpoints: [http://127.0.0.1:9], internal: true, schema: schemas/users.yaml }} }}
routes:
  - match: {{ path: "/u/{{id}}", methods: [GET] }}
    use: [{{ transform: {{ response: {{ body: {body} }} }} }}]
    forward: {{ service: users, path: "{path}" }}
"""
FILES = {"schemas/users.yaml": USERS}


def told_of(body, path="/v1/users/{id}", files=None):
    return check(CONFIG.format(body=body, path=path), files=files or FILES)


def said(told):
    """The faults as (severity, text)."""
    return re.findall(r"^\S+portico\.yaml:\d+:\d+: (error|warning): (.*?)(?:  \[[a-z-]+\])?$", told.text, re.MULTILINE)


@pytest.mark.parametrize("body", [
    "{ id: $.userId, email: $.emailAddress, last: $.lastName }",
    "{ id: '{$.userId} of {$.address.city}' }",
    "{ for_each: $.friends, as: f, item: { id: $f.userId, nested: '$f.friends[0].friends[*].address.zip' } }",
    "{ label: $.labels.whatever, any: $.anything.at.all, kind: $.contact.kind, mail: $.contact.mail, phone: $.contact.phone }",
    "{ everywhere: $..city, perhaps: $..in.anything, all: $.address.*, some: '$.friends[?@.userId].firstName' }",
    "$.address",
])
def test_what_is_declared_is_read_without_a_word(body):
    told = told_of(body)
    assert (told.code, said(told)) == (0, [])


@pytest.mark.parametrize("body, severity, text, hint", [
    ("{ email: $.emailAdress }", "warning",
     '$.emailAdress: the answer of GET /v1/users/{id} (schemas/users.yaml) declares no "emailAdress" in $', 'did you mean "emailAddress"?'),
    ("{ x: '$.friends[*].colour' }", "warning", 'declares no "colour" in $.friends[*]', "declared there: userId, emailAddress"),
    ("{ for_each: $.friends, as: f, item: { x: $f.mail } }", "warning", '$.friends[*].mail: the answer', None),
    ("{ x: $.contact.fax }", "warning", 'declares no "fax" in $.contact', None),
    ("{ x: $.contact..fax }", "warning", 'declares no "fax" in $.contact', None),
    ("{ x: $.address.street }", "error", 'declares no "street" in $.address, and that nothing else is there', "declared there: city, zip"),
    ("{ x: $.userId.first }", "error", 'declares $.userId as what has no "first": it is no object', None),
    ("{ x: '$.address[0]' }", "error", "declares $.address as what has no elements: it is no list", None),
    ("{ x: 'Dear {$.frstName}' }", "warning", 'declares no "frstName"', 'did you mean "firstName"?'),
])
def test_what_is_not_declared_is_told_with_the_likely_name(body, severity, text, hint):
    told = told_of(body)
    faults = said(told)
    assert len(faults) == 1 and faults[0][0] == severity and text in faults[0][1], told.text
    assert told.code == (1 if severity == "error" else 0)
    assert hint is None or hint in told.text


def test_the_fault_stands_where_the_path_is_written():
    told = told_of("{ a: $.userId, email: $.emailAdress }")
    place = re.search(r"portico\.yaml:(\d+):(\d+): warning", told.text)
    line = CONFIG.format(body="{ a: $.userId, email: $.emailAdress }", path="/").split("\n")[int(place[1]) - 1]
    assert line[int(place[2]) - 1:].startswith("$.emailAdress")


@pytest.mark.parametrize("path, text", [
    ("/v1/persons/{id}", "declares no operation that GET /v1/persons/{id} meets"),
    ("/v1/users/{id}/x", "declares no operation that GET /v1/users/{id}/x meets"),
])
def test_a_request_that_meets_no_operation_is_told(path, text):
    told = told_of("{ a: $.b }", path=path)
    assert told.code == 0 and [(s, text in t) for s, t in said(told)] == [("warning", True)], told.text


def test_a_list_is_a_list():
    assert said(told_of("{ for_each: '$[*]', as: u, item: { id: $u.userId } }", path="/v1/users?x={id}")) == []
    assert said(told_of("{ id: $.userId }", path="/v1/users"))[0][0] == "error"


@pytest.mark.parametrize("files, text", [
    ({}, "cannot be read"),
    ({"schemas/users.yaml": "openapi: 3.0.0\npaths: {\n"}, "error: schemas/users.yaml:2:8: "),
    ({"schemas/users.yaml": "swagger: '2.0'\npaths: {}\n"}, "is no OpenAPI document of version 3"),
    ({"schemas/users.yaml": ""}, "is empty"),
])
def test_a_document_that_cannot_be_read_is_an_error(files, text):
    told = check(CONFIG.format(body="{ a: $.b }", path="/x"), files=files)
    assert told.code == 1 and text in told.text


def test_json_is_read_as_well_and_a_document_without_answers_says_nothing():
    api = {"openapi": "3.1.0", "paths": {"/v1/users/{id}": {"get": {"responses": {"200": {"description": "x"}}}}}}
    assert said(told_of("{ a: $.b }", files={"schemas/users.yaml": json.dumps(api)})) == []
    api["paths"]["/v1/users/{id}"]["get"]["responses"]["default"] = {"content": {"application/json": {"schema": False}}}
    api["paths"]["/v1/users/{id}"]["get"]["responses"]["2XX"] = {
        "content": {"application/hal+json; charset=utf-8": {"schema": {"type": ["object", "null"], "properties": {"c": True}}}}}
    assert said(told_of("{ a: $.c.d }", files={"schemas/users.yaml": json.dumps(api)})) == []
    assert 'declares no "b"' in said(told_of("{ a: $.b }", files={"schemas/users.yaml": json.dumps(api)}))[0][1]


def test_cycles_of_references_end():
    api = {"openapi": "3.1.0", "paths": {"/v1/users/{id}": {"get": {"responses": {"200": {"content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/A"}}}}}}}},
           "components": {"schemas": {"A": {"anyOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}]},
                                      "B": {"allOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/B"}],
                                            "properties": {"b": {"$ref": "#/components/schemas/A"}}}}}}
    assert told_of("{ a: $.b.b.b, c: $..b }", files={"schemas/users.yaml": json.dumps(api)}).code == 0


AGGREGATE = """
services:
  users: {{ endpoints: [http://127.0.0.1:9], internal: true, schema: schemas/users.yaml }}
  plain: {{ endpoints: [http://127.0.0.1:9], internal: true }}
routes:
  - name: dashboard
    match: {{ path: /dashboard, methods: [GET] }}
    aggregate:
      calls:
        user: {{ service: users, path: "/v1/users/1" }}
        friends: {{ service: users, for_each: "$user.friends[*].userId", as: id, path: "/v1/users/{{$id}}" }}
        more: {{ service: plain, path: "/x/{{{inside}}}" }}
      body: {body}
"""


@pytest.mark.parametrize("inside, body, faults", [
    ("$user.userId", "{ name: $user.firstName, friends: '$friends[*].lastName', x: $more.anything }", []),
    ("$user.userid", "{ name: $user.fistName, x: $more.y }", ['$user.userid: ', '$user.fistName: ']),
    ("$user.userId", "{ f: { for_each: $friends, as: f, item: { x: $f.mail } }, x: $more.y }", ["$friends[*].mail: "]),
])
def test_calls_of_aggregates_are_checked_where_they_are_named(inside, body, faults):
    told = check(AGGREGATE.format(inside=inside, body=body), files=FILES)
    found = [text for severity, text in said(told) if "declares no" in text]
    assert len(found) == len(faults) and all(any(f in text for text in found) for f in faults), told.text


OWN = """
openapi: 3.1.0
paths:
  /u/{user}:
    get:
      responses:
        "200":
          content:
            application/json:
              schema:
                type: object
                required: [id, email, name, tags]
                properties:
                  id: { type: string }
                  email: { type: string }
                  name: { type: object, required: [first], properties: { first: { type: string }, last: { type: string } } }
                  tags: { type: array, items: { type: object, required: [label] } }
                  city: { type: string }
"""
FULL = "{ id: $.userId, email: $.emailAddress, name: { first: $.firstName }, tags: [{ label: x }] }"


def with_own(body):
    config = CONFIG.format(body=body, path="/v1/users/{id}") + "    schema: own.yaml\n"
    return check(config, files={**FILES, "own.yaml": OWN})


def test_what_the_route_declares_must_be_made():
    told = with_own(FULL.replace("email:", "e_mail:").replace("first:", "firstName:").replace("label:", "lable:"))
    assert told.code == 1
    missing = [text for severity, text in said(told) if severity == "error"]
    assert sorted(re.search(r"requires (\S+), and nothing makes it", text)[1] for text in missing) == ["email", "name.first", "tags[].label"]
    assert 'did you mean "e_mail" to be it?' in told.text and 'did you mean "lable" to be it?' in told.text


def test_what_is_always_there_by_the_services_word_is_always_made():
    told = with_own(FULL)
    assert (told.code, said(told)) == (0, []), told.text


def test_what_may_be_left_out_is_told():
    told = with_own(FULL.replace("$.userId", "$.lastName"))
    assert told.code == 0
    assert any("requires id, " in text and "left out where what it is made of is not there" in text for _, text in said(told)), told.text
    assert said(with_own(FULL.replace("$.userId", "{ get: $.lastName, required: true }"))) == []
    assert said(with_own("$.address")) == []


def test_an_answer_that_passes_unchanged_is_what_the_route_declares():
    config = """
services: { users: { endpoints: [http://127.0.0.1:9], internal: true, schema: users.yaml } }
routes:
  - { match: { path: "/u/{id}", methods: [GET] }, forward: { service: users, path: "/v1/users/{id}" }, schema: own.yaml }
"""
    told = check(config, files={"users.yaml": USERS, "own.yaml": OWN})
    assert told.code == 0
    assert [re.search(r"requires (\S+), which that of GET /v1/users/\{id\} \(users.yaml\) does not declare", text)[1] for _, text in said(told)] == \
        ["id", "email", "name", "tags"]
    assert said(check(config, files={"users.yaml": USERS, "own.yaml": USERS.replace("/v1", "").replace("/users/{id}", "/u/{id}")})) == []
