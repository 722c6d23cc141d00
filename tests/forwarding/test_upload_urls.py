"""Where the parts of an upload go at the target, by the URL that it gave."""

import pytest

from proxyapp.forwarding.upload_urls import target_of
from proxyapp.pool.keys_and_groups import GroupFields, pool_group
from proxyapp.vocabulary.errors import UpstreamFailed

GOOGLE = "https://generativelanguage.googleapis.com"
ID = "upload_id=A&upload_protocol=resumable"


def target(url: str, of: str = GOOGLE) -> str:
    group = pool_group(GroupFields(1, "own", of, None, "google", has_single_credential=False))
    return target_of(url.encode(), group).decode()


@pytest.mark.parametrize(
    ("url", "of", "found"),
    [
        (f"{GOOGLE}/upload/v1beta/files?{ID}", GOOGLE, f"/upload/v1beta/files?{ID}"),
        (f"{GOOGLE}:443/upload/v1beta/files?{ID}", GOOGLE, f"/upload/v1beta/files?{ID}"),
        (f"{GOOGLE}/upload/v1beta/files?key=K&{ID}", GOOGLE, f"/upload/v1beta/files?{ID}"),
        (f"{GOOGLE}/upload/v1beta/files?{ID}&%6bey=K", GOOGLE, f"/upload/v1beta/files?{ID}"),
        (f"{GOOGLE}/upload/a%2Fb?x=%20%2B&{ID}", GOOGLE, f"/upload/a%2Fb?x=%20%2B&{ID}"),
        ("https://www.googleapis.com/upload/x?upload_id=A", GOOGLE, "/upload/x?upload_id=A"),
        (f"/upload/x?{ID}", GOOGLE, f"/upload/x?{ID}"),
        (f"{GOOGLE}/upload/x?{ID}", "http://10.0.0.5:9000/mirror", f"/mirror/upload/x?{ID}"),
        ("http://10.0.0.5:9000/mirror/x?a", "http://10.0.0.5:9000/mirror", "/mirror/x?a"),
        ("http://10.0.0.5:9000/x", "http://10.0.0.5:9000", "/x"),
    ],
)
def test_it_is_of_the_target_and_without_a_key(url: str, of: str, found: str):
    assert target(url, of) == found


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/upload/x?upload_id=A",
        "https://generativelanguage.googleapis.com.evil.example/upload/x",
        "https://evilgoogleapis.com/upload/x",
        "https://generativelanguage.googleapis.com@evil.example/upload/x",
        "//evil.example/upload/x",
        "http://generativelanguage.googleapis.com/upload/x",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://[::1/upload",
        "https://a b/",
        "\xff",
        f"{GOOGLE}/upload/x?upload_id={'A' * 9000}",
    ],
)
def test_one_that_leads_elsewhere_is_refused(url: str):
    with pytest.raises(UpstreamFailed, match="does not lead to generativelanguage"):
        target(url)
