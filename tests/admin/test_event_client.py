"""An event says whose request it was."""

from datetime import timedelta

import pytest

from proxyapp.access import token_store
from proxyapp.models import RateLimitEvent, audit
from proxyapp.pool.cooldown_rows import NewCooldown, write_cooldowns
from tests.support.admin_pages import page, superuser
from tests.support.pool_data import NOW, add_group, add_key

pytestmark = pytest.mark.django_db


def written(client_id: int | None) -> RateLimitEvent:
    key = add_key(add_group(), "one")
    later = NOW + timedelta(hours=1)
    write_cooldowns([NewCooldown(key.pk, "m", "minute", 429, NOW, later, "", client_id=client_id)])
    return RateLimitEvent.objects.get()


def test_its_page_names_the_client_token():
    token, _ = token_store.create(token_store.Terms(name="the search team"), audit.START)
    event = written(token.pk)

    html = page(superuser(), "proxyapp_ratelimitevent_change", event.pk)

    assert event.client == token
    assert "the search team" in html


def test_it_outlives_its_client():
    token, _ = token_store.create(token_store.Terms(name="gone"), audit.START)
    event = written(token.pk)
    token_store.delete([token.pk], audit.START)

    event.refresh_from_db()
    assert event.client is None


@pytest.mark.parametrize("client_id", [None, 999])
def test_without_a_client_that_is_there_it_is_written_all_the_same(client_id):
    assert written(client_id).client is None
