"""Changes of one key or group: checked, under the pool's lock, and in the audit log."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from proxyapp.access.operator_tokens import Caller
from proxyapp.config.changed_fields import changed_fields
from proxyapp.config.one_row import checked_group, group_entry, is_closed
from proxyapp.config.report import FieldChange, GroupOfKeyChange
from proxyapp.management_api.problems import ApiRefusal
from proxyapp.management_api.rows import found
from proxyapp.models import ApiKey, Group, audit
from proxyapp.operators.key_destinations import Destination, destination_of, through_own
from proxyapp.operators.positions import next_position
from proxyapp.operators.redirects import refusal
from proxyapp.pool.change_log import Touched, touched_groups, touched_keys
from proxyapp.pool.cursor import lock_pool, raise_pool_version
from proxyapp.vocabulary.addresses import LEADS_BACK, Listening, leads_to
from proxyapp.vocabulary.choices import POLICY_OF_NEW_GROUPS
from proxyapp.vocabulary.exits import exit_check
from proxyapp.vocabulary.group_fields import CREDENTIAL_FIELDS, GROUP_FIELDS
from proxyapp.vocabulary.key_fields import KEY_FIELDS
from proxyapp.vocabulary.quoting import quoted
from proxyapp.vocabulary.target_places import PROJECT, lacks_project

SECRETS = "proxyapp.view_secret"
NOT_VALID = "Nothing was changed: see errors."


def change_key(key_id: int, wanted: Mapping[str, Any], group: Group | None, caller: Caller) -> None:
    """Raises ApiRefusal; then nothing was changed."""
    with transaction.atomic():
        lock_pool()
        key = found(ApiKey, key_id)
        before = through_own(destination_of(key.group), key.proxy_url)
        declared = [field for field in KEY_FIELDS if field.name in wanted]
        changes = changed_fields(key, wanted, declared)
        _set(key, wanted)
        if group is not None and group.pk != key.group_id:
            changes.append(GroupOfKeyChange("group", quoted(key.group.name), quoted(group.name)))
            key.group, key.position = group, next_position(group.keys.all())
        if not changes:
            return
        _check_place(key)
        after = through_own(destination_of(key.group), key.proxy_url)
        _refuse_redirection(before, after, 1, "of this id", caller)
        moved = ["group", "position"] if group is not None else []
        key.save(update_fields=[*wanted, *moved, "updated_at"])
        audit.record(caller.actor, "change", [key], _said(changes))
        raise_pool_version(touched_keys([key.pk]))


def add_group(entry: Mapping[str, Any], caller: Caller, own: Sequence[Listening]) -> Group:
    """Behind the others. Raises ApiRefusal and ConfigError."""
    config = checked_group({"rate_limit_policy": POLICY_OF_NEW_GROUPS.value, **entry})
    group = Group(**{field.name: getattr(config, field.name) for field in GROUP_FIELDS})
    _refuse_own_address(group, own)
    with transaction.atomic():
        lock_pool()
        group.position = next_position(Group.objects.all())
        group.save()
        audit.record(caller.actor, "add", [group])
        raise_pool_version(touched_groups([group.pk]))
    return group


def change_group(
    group_id: int, given: Mapping[str, Any], caller: Caller, own: Sequence[Listening]
) -> Group:
    """Raises ApiRefusal and ConfigError; then nothing was changed."""
    with transaction.atomic():
        lock_pool()
        group = found(Group, group_id)
        before = destination_of(group)
        config = checked_group(group_entry(group) | _without_other_exit(given))
        wanted = {
            field.name: getattr(config, field.name)
            for field in GROUP_FIELDS
            if field.name_in_file in given or not is_closed(group, field.name)
        }
        declared = [field for field in GROUP_FIELDS if field.name in wanted]
        changes = changed_fields(group, wanted, declared)
        if changes:
            _set(group, wanted)
            _save_group(group, before, changes, caller, own)
    return group


def _save_group(
    group: Group,
    before: Destination,
    changes: Sequence[FieldChange],
    caller: Caller,
    own: Sequence[Listening],
) -> None:
    names = {change.field for change in changes}
    _refuse_own_address(group, own)
    _refuse_redirection(before, destination_of(group), group.keys.count(), "of this group", caller)
    if names & CREDENTIAL_FIELDS:
        group.single_credential_since = None
        names.add("single_credential_since")
    if "enabled" in names:
        group.off_until = None
        names.add("off_until")
    group.save(update_fields=[*names, "updated_at"])
    audit.record(caller.actor, "change", [group], _said(changes))
    raise_pool_version(Touched(groups=frozenset([group.pk])))


def _without_other_exit(given: Mapping[str, Any]) -> dict[str, Any]:
    """Who gives one of the two ways takes the other away."""
    replaced: dict[str, Any] = {}
    if given.get("proxy_pool") and not given.get("proxy_url"):
        replaced["proxy_url"] = None
    if given.get("proxy_url") and not given.get("proxy_pool"):
        replaced["proxy_pool"] = None
    return {**replaced, **given}


def _check_place(key: ApiKey) -> None:
    problems = []
    check = exit_check(key.group.allow_link_local)
    if key.proxy_url and (problem := check(key.proxy_url)):
        problems.append(("proxy_url", problem))
    if lacks_project(key.group.target_url, key.project):
        problems.append(("project", f"the group's target has {PROJECT}: give it one"))
    if problems:
        raise ApiRefusal(422, NOT_VALID, problems)


def _refuse_redirection(
    before: Destination, after: Destination, count: int, whose: str, caller: Caller
) -> None:
    if before != after and count and not caller.may(SECRETS):
        raise ApiRefusal(403, refusal(count, whose))


def _refuse_own_address(group: Group, own: Sequence[Listening]) -> None:
    if any(leads_to(group.target_url, address) for address in own):
        raise ApiRefusal(422, NOT_VALID, [("target_url", LEADS_BACK)])


def _set(row: Group | ApiKey, wanted: Mapping[str, Any]) -> None:
    for name, value in wanted.items():
        setattr(row, name, value)


def _said(changes: Sequence[FieldChange]) -> str:
    return "; ".join(map(str, changes))
