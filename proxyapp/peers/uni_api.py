"""uni-api: providers with their keys, and clients with theirs, of its `api.yaml`."""

from proxyapp.peers.fields import Fields
from proxyapp.peers.model_names import put_limits, put_models
from proxyapp.peers.moved import MovedIn
from proxyapp.peers.rates import rates_of, take_limits
from proxyapp.peers.reasons import NO_ADDRESS, OF_PROGRAM, PROVIDER_SAYS, VERTEX
from proxyapp.peers.source import Environment, Source
from proxyapp.peers.targets import target_fields
from proxyapp.vocabulary.marks import gettext_noop

PEER = "uni-api"
# By what a base URL has in it.
KINDS = {"generativelanguage": "gemini", "/v1beta": "gemini", "anthropic": "anthropic"}
PATHS = ("/chat/completions", "/messages", "/models")
BOTH = gettext_noop("names groups and models: the token is for the models only")
EVERY = {"all", "*"}
FOR_NOTHING = gettext_noop("names no model: the token is for nothing")
OF_TOKEN = gettext_noop("say it as limits of the token (`tokens set`)")
REASONS = {
    "preferences": OF_PROGRAM,
    "api_key_cooldown_period": PROVIDER_SAYS,
    "role": gettext_noop("is a right of that program only"),
}


def recognises(source: Source) -> bool:
    return source.lists("providers", "provider")


def read(source: Source, moved: MovedIn, __: Environment) -> None:
    fields = Fields(source.tree, "", moved)
    for provider in fields.each("providers"):
        _provider(provider, moved)
    for index, client in enumerate(fields.each("api_keys"), start=1):
        _client(client, index, moved)
    fields.leave_rest(REASONS)


def _provider(fields: Fields, moved: MovedIn) -> None:
    name, base = fields.text("provider"), fields.text("base_url")
    if not base:
        moved.leave(fields.place, VERTEX if "project_id" in fields.values else NO_ADDRESS)
        return
    kind = next((kind for mark, kind in KINDS.items() if mark in base), "openai")
    for path in PATHS:
        base = base.removesuffix(path)
    made = moved.group(name, **target_fields(base, kind))
    put_models(made, _models(fields), moved)
    preferences = fields.fields("preferences")
    if proxy := preferences.text("proxy"):
        made.fields["proxy_url"] = proxy
    if limits := take_limits(preferences, "api_key_rate_limit"):
        put_limits(made, limits, moved)
    preferences.leave_rest(REASONS, OF_PROGRAM)
    given = fields.take("api")
    for index, key in enumerate(given if isinstance(given, list) else [given]):
        # A mark of what is off there.
        is_off = isinstance(key, str) and key.startswith("!")
        secret = key[1:] if isinstance(key, str) and is_off else key
        moved.key(made, secret, fields.at(f"api[{index}]"), is_off=is_off)
    fields.leave_rest(REASONS)


def _models(fields: Fields) -> dict[str, str]:
    """A text, or a mapping of the target's name to the clients'."""
    names: dict[str, str] = {}
    for _, item in fields.items("model"):
        if isinstance(item, dict):
            names |= {str(alias): str(model) for model, alias in item.items()}
        elif isinstance(item, str):
            names[item] = item
    return names


def _client(fields: Fields, index: int, moved: MovedIn) -> None:
    """`all` is every model; `name/*` is the group of that provider."""
    listed = _names_of_client(fields)
    if listed == []:
        moved.leave(fields.at("model"), FOR_NOTHING)
        return
    models = [] if listed is None or EVERY & set(listed) else listed
    whole = [model.removesuffix("/*") for model in models if model.endswith("/*")]
    named = {group.name.lower(): group.name for group in moved.groups}
    names = [model.rpartition("/")[2] for model in models if not model.endswith("/*")]
    groups = [named[name.lower()] for name in whole if name.lower() in named]
    if whole and names:
        moved.leave(fields.at("model"), BOTH)
    moved.token(
        fields.take("api"),
        fields.at("api"),
        fields.text("name") or f"uni-api {index}",
        groups=groups if whole and not names else None,
        models=names,
        **_rates(fields),
    )
    fields.leave_rest(REASONS)


def _names_of_client(fields: Fields) -> list[str] | None:
    """A mapping has weights. None: the client may use all."""
    given = fields.values.get("model")
    if given is None or isinstance(given, str):
        return [fields.text("model")] if given else None
    names: list[str] = []
    for __, item in fields.items("model"):
        names += map(str, item) if isinstance(item, dict) else [item] * isinstance(item, str)
    return [plain for name in names if (plain := name.strip())]


def _rates(fields: Fields) -> dict[str, int]:
    """Both ways of writing it are found in files of several versions."""
    preferences = fields.fields("preferences")
    given = [preferences.take(name) for name in ("rate_limit", "RATE_LIMIT")]
    text = next(filter(None, given), "")
    rates, is_whole = rates_of(text)
    if text and not is_whole:
        fields.moved.leave(preferences.at("rate_limit"), OF_TOKEN)
    preferences.leave_rest(otherwise=OF_PROGRAM)
    return rates
