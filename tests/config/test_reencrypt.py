"""After a new SECRET_KEY: everything under it, or nothing changed."""

import io
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import CommandError, call_command

from proxyapp.config.file import parse
from proxyapp.config.importing import apply_changes, import_config
from proxyapp.models import ApiKey, Group, ImportedGroup, Resource
from proxyapp.models.sealed import UNREADABLE, keyed_hash
from proxyapp.pool.store import PoolReader
from proxyapp.vocabulary.choices import KeyStatus
from tests.support.new_secret import ChangeSecret, change_secret
from tests.support.pool_data import NOW
from tests.support.resources import add_resource

__all__ = ["change_secret"]

pytestmark = pytest.mark.django_db

NEW = "another-secret" * 5
KEYS = ["AIzaSyTest-A-0123456789", "AIzaSyTest-B-9876543210"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    group = {"name": "a", "proxy_url": "http://u:p@h:1", "api_keys": KEYS}
    path.write_text(yaml.safe_dump({"groups": [group, {"name": "b", "api_keys": ["k3"]}]}))
    apply_changes(path)
    return path


def command() -> list[str]:
    out = io.StringIO()
    call_command("reencrypt", stdout=out)
    return out.getvalue().splitlines()


def rewrite(change: ChangeSecret) -> list[str]:
    """As an operator does it; in the end the older secret is gone."""
    change(NEW)
    lines = command()
    change(NEW, forget_older=True)
    return lines


def test_everything_is_readable_without_the_older_secret(file, change_secret):
    ids = list(ApiKey.objects.order_by("id").values_list("id", flat=True))
    assert rewrite(change_secret) == [
        "3 keys and 1 proxies are encrypted under the current SECRET_KEY"
    ]
    stored = list(ApiKey.objects.order_by("id"))
    assert [key.secret for key in stored] == [*KEYS, "k3"]
    assert [key.key_hash for key in stored] == [keyed_hash(secret) for secret in [*KEYS, "k3"]]
    assert [key.pk for key in stored] == ids
    assert [one.proxy_url for one in Group.objects.all()] == ["http://u:p@h:1", None]


def test_exits_are_readable_too_and_each_key_keeps_its_own(change_secret):
    pool = ["http://u:p@h:1", "direct", "socks5://i:1"]
    group = {"name": "a", "proxy_pool": pool, "api_keys": [f"{KEYS[0]}{n}" for n in range(20)]}
    import_config(parse(yaml.safe_dump({"groups": [group]})), source=Path("/a"))
    before = _exits()

    rewrite(change_secret)

    assert Group.objects.get().proxy_pool == "\n".join(pool)
    assert _exits() == before
    assert set(before.values()) == set(pool)


def _exits() -> dict[int, str | None]:
    return {key.id: key.group.proxy_url for key in PoolReader().load(NOW).keys.values()}


def test_without_it_the_older_secret_is_still_needed(file, change_secret):
    change_secret(NEW)
    assert ApiKey.objects.get(position=1).secret == KEYS[1]
    change_secret(NEW, forget_older=True)
    assert ApiKey.objects.get(position=1).secret == UNREADABLE


def test_the_command_may_run_twice(file, change_secret):
    assert rewrite(change_secret) == command()
    assert ApiKey.objects.get(position=1).secret == KEYS[1]


def test_the_same_file_changes_nothing_afterwards(file, change_secret):
    Group.objects.update(auth="both")
    rewrite(change_secret)
    assert not apply_changes(file).changed
    assert Group.objects.get(name="a").auth == "both"


def test_keys_that_leave_the_file_afterwards_are_still_known_as_its_own(file, change_secret):
    rewrite(change_secret)
    file.write_text(file.read_text().replace("k3", "k4"))
    apply_changes(file)
    in_use = ApiKey.objects.filter(group__name="b", status=KeyStatus.ACTIVE)
    assert [key.secret for key in in_use] == ["k4"]


def test_a_config_file_that_is_gone_is_said(file, change_secret):
    file.unlink()
    lines = rewrite(change_secret)
    assert lines[1:] == [
        f"warning: {file} cannot be read now; the next start with it applies it whole"
    ]


def test_it_refuses_and_changes_nothing_when_something_cannot_be_read(file, change_secret):
    change_secret(NEW, forget_older=True)
    import_config(parse("groups: [{name: c, api_keys: [k9]}]"), source=Path("/other"))
    change_secret("third-secret" * 5)
    rows = (
        list(ApiKey.objects.order_by("id").values("key_hash")),
        list(ImportedGroup.objects.values()),
    )
    with pytest.raises(CommandError) as caught:
        command()
    assert str(caught.value).splitlines() == [
        "Nothing was changed:",
        "key AIza…6789 of group 'a': no secret opens it",
        "key AIza…3210 of group 'a': no secret opens it",
        "key •••• of group 'b': no secret opens it",
        "the proxy of group 'a': no secret opens it",
    ]
    assert caught.value.returncode == 1
    assert (
        list(ApiKey.objects.order_by("id").values("key_hash")),
        list(ImportedGroup.objects.values()),
    ) == rows
    assert ApiKey.objects.get(group__name="c").secret == "k9"


def test_it_refuses_a_key_that_is_stored_twice(file, change_secret):
    change_secret(NEW)
    copy = ApiKey(group=Group.objects.get(name="b"), name="copy", position=7)
    copy.set_secret(KEYS[0])
    copy.save()
    with pytest.raises(CommandError) as caught:
        command()
    assert str(caught.value).splitlines()[1:] == [
        "key AIza…6789 of group 'a': the same key is stored twice; delete one",
        "key copy (AIza…6789) of group 'b': the same key is stored twice; delete one",
    ]
    assert settings.SECRET_KEY == NEW
    copy.delete()
    assert len(command()) == 1


def test_what_a_key_made_is_known_as_its_own_afterwards(file, change_secret):
    first, second = ApiKey.objects.order_by("id")[:2]
    add_resource("files/a", first.pk, key_hash=first.key_hash)
    add_resource("files/b", second.pk, key_hash="of-a-key-that-is-gone")
    rewrite(change_secret)

    assert Resource.objects.get(name="files/a").key_hash == keyed_hash(KEYS[0])
    assert Resource.objects.get(name="files/b").key_hash == "of-a-key-that-is-gone"
