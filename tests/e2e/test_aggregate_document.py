"""docs/aggregation.md: each of its examples is run, and answers what the page says."""
import os
import re

import pytest

from support.client import fetch
from support.gateway import ROOT, Gateway

TEXT = open(os.path.join(ROOT, "docs", "aggregation.md"), encoding="utf-8").read()
EXAMPLES = re.findall(r"```yaml\n(listeners:.*?)```\n\n```text\n(\w+) (\S+)\n(\d+)\n(.*?)\n```", TEXT, re.S)


def test_every_configuration_of_the_page_is_followed_by_what_it_answers():
    assert len(EXAMPLES) == TEXT.count("```yaml\nlisteners:") >= 4


@pytest.mark.parametrize("config,method,target,status,body", EXAMPLES, ids=[e[2] for e in EXAMPLES])
def test_an_example_answers_what_the_page_says(config, method, target, status, body):
    with Gateway(config.replace("127.0.0.1:8080", "127.0.0.1:0")) as gateway:
        answer = fetch(gateway.port, method, target)
        assert (answer.status, answer.body.decode()) == (int(status), body)
