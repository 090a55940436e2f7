"""What a policy sets or removes by its name goes in each spelling that some server reads the name in, and nothing else goes."""
import pytest

from support.client import fetch, get
from support.gateway import Gateway
from support.upstream import Echo

CONFIG = """
services: {{ svc: {url} }}
policies:
  pairs: {{ transform: {{ request: {{ query: {{ set: {{ tenant: acme }}, remove: [role] }} }} }} }}
  form: {{ transform: {{ request: {{ edit: {{ set: {{ $.tenant: acme }}, remove: [$.role] }} }} }} }}
  cookies: {{ transform: {{ request: {{ cookies: {{ set: {{ tenant: acme }}, remove: [role] }} }} }} }}
routes:
  - {{ match: /pairs, use: [pairs], forward: {{ service: svc }} }}
  - {{ match: /beside, forward: {{ service: svc, path: "/x?tenant=acme&role=user&{{query}}" }} }}
  - {{ match: /form, use: [form], forward: {{ service: svc }} }}
  - {{ match: /cookies, use: [cookies], forward: {{ service: svc }} }}
"""
# Rack reads `tenant` of the first five, qs of `[tenant]`.
BRACKETS = ["[tenant]", "%5Btenant%5D", "tenant]", "]tenant", "[tenant][x]", "[Tenant"]
OTHERS = "x[tenant]=1&[]=2&[tenants]=3"


@pytest.fixture(scope="module")
def setup():
    with Echo() as upstream, Gateway(CONFIG.format(url=upstream.url)) as gateway:
        yield gateway, upstream


@pytest.mark.parametrize("name", [*BRACKETS, "%u0074enant"])
def test_a_pair_with_a_name_in_brackets_gives_way_to_what_is_set_or_removed(setup, name):
    gateway, upstream = setup
    role = name.lower().replace("tenant", "role").replace("%u0074enant", "%u0072ole")
    sent = f"{name}=evil&{OTHERS}&{role}=admin"
    get(gateway.port, f"/pairs?{sent}")
    assert upstream.last.target == f"/pairs?{OTHERS}&tenant=acme"
    get(gateway.port, f"/beside?{sent}")
    assert upstream.last.target == f"/x?tenant=acme&role=user&{OTHERS}"


@pytest.mark.parametrize("name", BRACKETS)
def test_a_pair_of_a_form_with_a_name_in_brackets_gives_way_to_an_edit(setup, name):
    gateway, upstream = setup
    role = name.lower().replace("tenant", "role")
    fetch(gateway.port, "POST", "/form", [("Content-Type", "application/x-www-form-urlencoded")], body=f"a=1&{name}=evil&{role}=admin".encode())
    assert upstream.last.body == b"a=1&tenant=acme"


def test_a_wide_escape_in_a_form_is_text_for_the_service_too(setup):
    gateway, upstream = setup
    fetch(gateway.port, "POST", "/form", [("Content-Type", "application/x-www-form-urlencoded")], body=b"%u0074enant=evil")
    assert upstream.last.body == b"%25u0074enant=evil&tenant=acme"


@pytest.mark.parametrize("sent,got", [
    ("a=b role=admin tenant=evil", "a=b; tenant=acme"), ("a=b\ttenant = evil c=d; e=f", "a=b\tc=d; e=f; tenant=acme"),
    ("a=b roles=1; x=y", "a=b roles=1; x=y; tenant=acme")])
def test_a_cookie_behind_white_space_gives_way_too(setup, sent, got):
    gateway, upstream = setup
    get(gateway.port, "/cookies", [("Cookie", sent)])
    assert [" ".join(value.split(" ")).replace(" ;", ";") for value in upstream.last.all("Cookie")] == [got]
