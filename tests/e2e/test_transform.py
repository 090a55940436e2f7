"""`transform` as the storefront of MISSION.md uses it: a legacy answer in the shape of its second version."""
from support.client import fetch, get
from support.gateway import Gateway
from support.upstream import Scripted, answering

# As MISSION.md has it, but for the service's address and the limit's store.
STOREFRONT = """
services: {{ legacy-users: {{ endpoints: [{url}], internal: true }} }}
routes:
  - name: user-v2
    match: {{ path: "/api/v2/users/{{user_id}}", methods: [GET] }}
    use:
      - transform:
          response:
            body:
              id: $.userId
              email: $.emailAddress
              name: {{ first: $.firstName, last: $.lastName }}
              created_at: $.createdDate
              metadata: {{ source: legacy-transform, version: "2.0" }}
    forward: {{ service: legacy-users, path: "/users/{{user_id}}" }}
"""
LEGACY = (b'{"userId":"42","emailAddress":"ada@example.com","firstName":"Ada","lastName":"Lovelace",'
          b'"createdDate":"2019-03-01T12:00:00Z"}')
V2 = (b'{"id":"42","email":"ada@example.com","name":{"first":"Ada","last":"Lovelace"},'
      b'"created_at":"2019-03-01T12:00:00Z","metadata":{"source":"legacy-transform","version":"2.0"}}')


def test_the_legacy_answer_leaves_in_the_shape_of_its_second_version_byte_for_byte():
    with Scripted(answering(LEGACY, headers=[("Content-Type", "application/json")])) as upstream, \
            Gateway(STOREFRONT.format(url=upstream.url)) as gateway:
        answer = get(gateway.port, "/api/v2/users/42")
        assert (answer.status, answer.body) == (200, V2)
        assert answer.get("Content-Length") == str(len(V2))
        assert answer.get("Content-Type") == "application/json"
        assert upstream.requests[0].target == "/users/42"
