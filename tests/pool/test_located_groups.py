"""A group as one of its keys has it."""

from proxyapp.pool.located_groups import group_of_key
from tests.support.snapshots import group


def test_a_host_of_other_letters_stays_one_that_http_has():
    template = group(1, "g", target_url="https://bücher.example/v1/projects/{project}")

    located = group_of_key(template, "SECRET", "mine")

    assert located.host == template.host == b"xn--bcher-kva.example"
    assert located.prefix == b"/v1/projects/mine"
