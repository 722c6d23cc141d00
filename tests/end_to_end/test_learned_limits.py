"""A limit that the provider names once is known from then on."""

from tests.support.gateway_database import rows
from tests.support.quota_gateway import FLASH, ask, aware, keyed

LEARNED = "SELECT owner, model, meter, number FROM proxyapp_learnedlimit"
BODY = "429_free_rpd_250_short_delay"
A_DAY = [("project:one", FLASH, "requests_per_day", 250)]


def test_a_refusal_teaches_what_its_project_has(make_gateway, upstream):
    gateway = aware(make_gateway, [keyed("KEY-A", "one"), keyed("KEY-B", "two")])
    upstream.refuse("KEY-A", body=BODY, times=1)

    assert ask(gateway).status_code == 200

    assert rows(gateway, LEARNED) == A_DAY
    assert f"project:one, {FLASH}: requests_per_day 250" in gateway.output()


def test_the_daily_policy_learns_nothing(make_gateway, upstream):
    gateway = make_gateway([keyed("KEY-A", "one"), keyed("KEY-B", "two")])
    upstream.refuse("KEY-A", body=BODY, times=1)

    assert ask(gateway).status_code == 200

    assert rows(gateway, LEARNED) == []
