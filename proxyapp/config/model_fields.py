"""What a group of a config file says of models."""

from proxyapp.config.checked_tree import MOST_LOOKED_AT, CheckedTree
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.model_lists import (
    plain_aliases,
    plain_fallbacks,
    plain_models,
    problems_of_group,
)

ModelFields = tuple[list[str], dict[str, str], dict[str, list[str]]]


class ModelsOfGroups(CheckedTree):
    def model_fields(self, fields: dict[str, object], place: str) -> ModelFields:
        """Models, aliases and fallbacks; empty is what the group does not say, or says wrong."""
        models = plain_models(self.names(fields.get("models", []), f"{place}.models"))
        aliases = plain_aliases(self.aliases(fields.get("aliases", {}), f"{place}.aliases"))
        given = self.lists(fields.get("fallbacks", {}), f"{place}.fallbacks")
        fallbacks = plain_fallbacks(given)
        for name, problems in problems_of_group(models, aliases, fallbacks).items():
            for inner, problem in problems:
                self.wrong(f"{place}.{name}{inner}", problem)
        return models, aliases, fallbacks

    def names(self, value: object, place: str) -> list[str]:
        items = self.items(value, place, _("models"), MOST_LOOKED_AT)
        return self.texts({f"{place}[{index}]": item for index, item in enumerate(items)})

    def aliases(self, value: object, place: str) -> dict[str, str]:
        entries = self.entries(value, place, _("aliases, such as {fast: gemini-2.5-flash}"))
        models = self.texts({f"{place}.{alias}": model for alias, model in entries.items()})
        return dict(zip(entries, models, strict=True)) if models else {}

    def lists(self, value: object, place: str) -> dict[str, list[str]]:
        what = _("models with lists, such as {gemini-2.5-pro: [gemini-2.5-flash]}")
        entries = self.entries(value, place, what)
        before = len(self.problems)
        lists = {model: self.names(after, f"{place}.{model}") for model, after in entries.items()}
        return lists if len(self.problems) == before else {}

    def texts(self, values: dict[str, object]) -> list[str]:
        """By their places; none if one of them is no text."""
        texts = [str(value) for value in values.values() if isinstance(value, str)]
        if len(texts) == len(values):
            return texts
        for place, value in values.items():
            self.checked(value, place, lambda value: None)
        return []
