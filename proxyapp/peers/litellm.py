"""LiteLLM: the `model_list` of its `config.yaml`, in which entries with one name are a pool."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxyapp.peers.fields import Fields
from proxyapp.peers.litellm_variables import FROM, LiteLlmVariables
from proxyapp.peers.model_names import put_models
from proxyapp.peers.moved import MovedIn
from proxyapp.peers.prices import take_price
from proxyapp.peers.reasons import LIMITS_OF_GROUP, OF_GATEWAY, OF_PROGRAM, OWN_ROTATION
from proxyapp.peers.source import Environment, Source
from proxyapp.peers.targets import PROVIDERS, target_fields
from proxyapp.vocabulary.choices import MAX_PRIORITY
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.limits import Meter
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.model_lists import MOST_NEXT
from proxyapp.vocabulary.quoting import quoted

PEER = "litellm"
CREDENTIAL = ("api_key", "api_base")
# What Google calls TPM is input too.
METERS = {"rpm": Meter.REQUESTS_PER_MINUTE.value, "tpm": Meter.INPUT_TOKENS_PER_MINUTE.value}
ACCOUNTS = gettext_noop("docs/PROVIDERS.md has a group for Vertex AI: it takes a service account")
REASONS = {
    "timeout": OF_GATEWAY,
    "stream_timeout": OF_GATEWAY,
}


@dataclass(slots=True)
class Pooled:
    """One key at one target, with the models that it is for: as clients ask, and as they are."""

    provider: str
    base: str
    secret: str = field(repr=False)
    place: str
    names: list[tuple[str, str]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)


def recognises(source: Source) -> bool:
    return source.lists("model_list", "litellm_params")


def read(source: Source, moved: MovedIn, environment: Environment) -> None:
    fields = Fields(source.tree, "", moved)
    pooled: dict[tuple[str, str, str], Pooled] = {}
    credentials = _credentials(fields)
    own = fields.fields("environment_variables")
    variables = LiteLlmVariables(own, environment)
    for entry in fields.each("model_list"):
        _entry(entry, pooled, credentials, variables)
    router, settings = fields.fields("router_settings"), fields.fields("litellm_settings")
    fallbacks = _fallbacks(settings) | _fallbacks(router)
    aliases = router.take("model_group_alias")
    settings.leave_rest(otherwise=OF_PROGRAM)
    router.leave_rest(otherwise=OWN_ROTATION)
    given = aliases if isinstance(aliases, dict) else {}
    for keys in _alike(pooled.values()):
        _group(keys, given, fallbacks, moved)
    _master(fields, variables, moved)
    variables.leave_rest()
    fields.leave_rest(REASONS)


def _credentials(fields: Fields) -> dict[str, Mapping[Any, Any]]:
    """What entries take by the name of it."""
    found: dict[str, Mapping[Any, Any]] = {}
    for credential in fields.each("credential_list"):
        name, values = credential.text("credential_name"), credential.take("credential_values")
        if name and isinstance(values, Mapping):
            found[name] = values
    return found


def _entry(
    entry: Fields,
    pooled: dict[tuple[str, str, str], Pooled],
    credentials: Mapping[str, Mapping[Any, Any]],
    variables: LiteLlmVariables,
) -> None:
    name, params = entry.text("model_name"), entry.fields("litellm_params")
    named = credentials.get(params.text("litellm_credential_name"), {})
    params.values = {**{key: named[key] for key in CREDENTIAL if key in named}, **params.values}
    provider, model = _target(params.text("model"))
    base = variables.resolved(params.text("api_base") or params.text("base_url"))
    place = params.at("api_key")
    secret = variables.resolved(params.text("api_key"))
    if provider.startswith("vertex_ai"):
        entry.moved.leave(entry.place, ACCOUNTS)
    elif not base and provider not in PROVIDERS:
        text = _("has no api_base, and where %(provider)s is nobody knows")
        entry.moved.leave(entry.place, text % {"provider": quoted(provider[:40])})
    elif not secret or secret.startswith(FROM):
        entry.moved.leave(place, variables.why_missing(secret))
    else:
        at = (provider, base, secret)
        key = pooled.setdefault(at, Pooled(provider, base, secret, place))
        key.names.append((name, model))
        _terms(key, params, model)
        take_price(model, (params, entry.fields("model_info")), entry.moved)
        params.leave_rest(REASONS)
    entry.take("model_info")
    entry.leave_rest(REASONS)


def _target(text: str) -> tuple[str, str]:
    """The provider, and its name of the model, which may have slashes in it."""
    provider, slash, model = text.partition("/")
    if not slash:
        return "openai", text
    return provider.replace("google_ai_studio", "gemini"), model


def _terms(key: Pooled, params: Fields, model: str) -> None:
    for name, meter in METERS.items():
        if (most := params.positive(name)) and "*" in model:
            params.moved.leave(params.at(name), LIMITS_OF_GROUP)
        elif most:
            key.fields.setdefault("limits", {}).setdefault(model, {})[meter] = most
    if weight := params.weight():
        key.fields["weight"] = weight
    if order := params.positive("order"):
        key.fields["priority"] = min(order, MAX_PRIORITY)
    if most := params.positive("max_parallel_requests"):
        key.fields["max_concurrent"] = most


def _alike(pooled: Iterable[Pooled]) -> Iterator[Sequence[Pooled]]:
    """Keys of one target that are for the same models are one group."""
    groups: defaultdict[object, list[Pooled]] = defaultdict(list)
    for key in pooled:
        groups[key.provider, key.base, frozenset(key.names)].append(key)
    yield from groups.values()


def _group(
    keys: Sequence[Pooled],
    aliases: Mapping[Any, Any],
    fallbacks: Mapping[str, list[str]],
    moved: MovedIn,
) -> None:
    first = keys[0]
    made = moved.group(first.provider, **target_fields(first.base, first.provider))
    names = dict(first.names)
    names |= {
        str(alias): names[model]
        for alias, model in aliases.items()
        if isinstance(model, str) and model in names
    }
    put_models(made, names, moved, fallbacks)
    for key in keys:
        moved.key(made, key.secret, key.place, **key.fields)


def _fallbacks(router: Fields) -> dict[str, list[str]]:
    """A list of mappings with one model each."""
    found: dict[str, list[str]] = {}
    for __, item in router.items("fallbacks"):
        for model, after in item.items() if isinstance(item, dict) else ():
            found[str(model)] = (
                [str(each) for each in after[:MOST_NEXT]] if isinstance(after, list) else []
            )
    return found


def _master(fields: Fields, variables: LiteLlmVariables, moved: MovedIn) -> None:
    general = fields.fields("general_settings")
    master = variables.resolved(general.text("master_key"))
    if master.startswith(FROM):
        moved.leave("general_settings.master_key", variables.why_missing(master))
    else:
        moved.token(master, "general_settings.master_key", "litellm master_key")
    general.leave_rest(otherwise=OF_PROGRAM)
