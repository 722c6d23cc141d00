"""Keys of the environment, for a gateway without a config file."""

import json

import pytest

from proxyapp.config.apply_environment import apply_environment
from proxyapp.config.contents import ConfigError
from proxyapp.config.environment_keys import EnvironmentKeys, keys_of_environment
from proxyapp.models import ApiKey, AuditEntry, Group
from proxyapp.vocabulary.choices import KeyStatus, RateLimitPolicy
from proxyapp.vocabulary.key_states import MISSING_FROM_FILE
from tests.support.pool_data import pool_version, secret

ONE, TWO, THREE, FOUR = (secret(label) for label in ("one", "two", "three", "four"))
MISSING = (KeyStatus.DISABLED, MISSING_FROM_FILE)
IN_USE = (KeyStatus.ACTIVE, "")


def found(**environment: str) -> EnvironmentKeys:
    keys = keys_of_environment(environment)
    assert keys is not None
    return keys


def secrets_of(keys: EnvironmentKeys) -> list[str]:
    return [key.secret for key in keys.group.api_keys]


def apply(*keys: str):
    return apply_environment(found(GEMINI_API_KEYS=",".join(keys)).group)


def states() -> dict[str | None, tuple[str, str]]:
    return {key.secret: (key.status, key.status_reason) for key in ApiKey.objects.all()}


def test_the_one_then_the_several_then_the_numbered_ones_and_each_once():
    keys = found(
        GEMINI_API_KEY_2=THREE,
        GEMINI_API_KEY_1=f" {TWO} ",
        GEMINI_API_KEYS=f"{TWO}, {FOUR},",
        GEMINI_API_KEY=ONE,
        PATH="/bin",
    )

    assert secrets_of(keys) == [ONE, TWO, FOUR, THREE]
    assert keys.names == (
        "GEMINI_API_KEY",
        "GEMINI_API_KEYS",
        "GEMINI_API_KEY_1",
        "GEMINI_API_KEY_2",
    )
    assert (keys.group.name, keys.group.rate_limit_policy) == (
        "default-gemini",
        RateLimitPolicy.QUOTA_AWARE,
    )


def test_the_numbers_end_at_the_first_gap_and_what_is_behind_it_is_named():
    keys = found(
        GEMINI_API_KEY_1=ONE,
        GEMINI_API_KEY_2="  ",
        GEMINI_API_KEY_11=THREE,
        GEMINI_API_KEY_3=TWO,
        GEMINI_API_KEY_01=FOUR,
    )

    assert secrets_of(keys) == [ONE]
    assert keys.unread == ("GEMINI_API_KEY_3", "GEMINI_API_KEY_11")


@pytest.mark.parametrize("environment", [{}, {"GEMINI_API_KEY": " "}, {"GEMINI_API_KEY_2": ONE}])
def test_nothing_that_counts_is_none(environment: dict[str, str]):
    assert keys_of_environment(environment) is None


def test_a_list_may_be_json_and_placeholders_are_no_keys():
    keys = found(
        GEMINI_API_KEYS=json.dumps([ONE, TWO]),
        GEMINI_API_KEY="YOUR_GEMINI_API_KEY_1",
    )

    assert secrets_of(keys) == [ONE, TWO]
    assert keys.group.placeholders == ("GEMINI_API_KEY",)


def test_what_is_no_key_is_said_by_its_variable_alone():
    with pytest.raises(ConfigError) as caught:
        keys_of_environment(
            {"GEMINI_API_KEY": "https://MARKER.example/", "GEMINI_API_KEYS": f"{ONE},op://MARKER"}
        )

    assert [problem.partition(": ")[0] for problem in caught.value.problems] == [
        "GEMINI_API_KEY",
        "GEMINI_API_KEYS (key 2)",
    ]
    assert "MARKER" not in str(caught.value)


@pytest.mark.django_db
def test_the_same_variables_change_nothing_and_a_change_is_in_the_audit_log():
    apply(ONE, TWO)
    version = pool_version()

    assert not apply(ONE, TWO).changed
    assert pool_version() == version
    assert apply(ONE, TWO, THREE).keys.created == 1
    entries = AuditEntry.objects.filter(action="import").order_by("id")
    assert [(entry.actor, entry.label) for entry in entries] == [
        ("start", "/proc/self/environ")
    ] * 2
    assert ONE not in str(list(AuditEntry.objects.values()))


@pytest.mark.django_db
def test_all_keys_may_be_replaced_and_those_that_left_come_back():
    apply(ONE, TWO)

    report = apply(THREE)

    assert states() == {ONE: MISSING, TWO: MISSING, THREE: IN_USE}
    (warning,) = report.warnings
    assert warning.startswith("2 keys are no longer in the environment and disabled now: ")
    assert "prune" not in warning
    assert ONE not in warning
    apply(ONE, THREE)
    assert states() == {ONE: IN_USE, TWO: MISSING, THREE: IN_USE}


@pytest.mark.django_db
def test_what_operators_made_of_the_group_and_its_keys_stays():
    apply(ONE, TWO)
    Group.objects.update(rate_limit_policy=RateLimitPolicy.DAILY, weight=3, enabled=False)
    ApiKey.objects.filter(position=0).update(name="laptop", project="p")
    ApiKey.objects.filter(position=1).update(status=KeyStatus.DISABLED, status_reason="mine")

    apply(ONE, TWO, THREE)

    group = Group.objects.get()
    assert (group.rate_limit_policy, group.weight, group.enabled) == ("daily", 3, False)
    assert list(ApiKey.objects.order_by("position").values_list("name", "project")) == [
        ("laptop", "p"),
        ("", ""),
        ("", ""),
    ]
    assert states()[TWO] == (KeyStatus.DISABLED, "mine")


@pytest.mark.django_db
def test_a_key_that_an_operator_disabled_does_not_come_back_with_its_variable():
    apply(ONE, TWO)
    disabled = (KeyStatus.DISABLED, "mine")
    ApiKey.objects.filter(position=1).update(status=disabled[0], status_reason=disabled[1])

    apply(ONE)
    apply(ONE, TWO)

    assert states() == {ONE: IN_USE, TWO: disabled}
