"""The `limits` of a config file: of a group, a project or a key."""

from proxyapp.config.checked_tree import CheckedTree, typed
from proxyapp.config.plain_yaml import UNKNOWN
from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.limits import EXAMPLE, limits_problems, whole_numbers
from proxyapp.vocabulary.model_lists import plain_name


class LimitValues(CheckedTree):
    def limits(self, value: object, place: str) -> dict[str, dict[str, int]]:
        """Empty is what is not given, or said wrong."""
        given = self.entries(
            {} if value is None else value,
            place,
            _("models with their limits, such as %(example)s") % {"example": EXAMPLE},
        )
        limits: dict[str, dict[str, object]] = {}
        for pattern, meters in given.items():
            name = plain_name(pattern)
            if name in limits:
                self.wrong(f"{place}.{name[:100]}", _("stands here again"))
            elif (read := self._meters(meters, f"{place}.{name[:100]}")) is not None:
                limits[name] = read
        problems = list(limits_problems(limits))
        for inner, problem in problems:
            self.wrong(f"{place}{inner}", problem)
        return {} if problems else whole_numbers(limits)

    def _meters(self, value: object, place: str) -> dict[str, object] | None:
        """None is what it is said of already that it is wrong."""
        before = len(self.problems)
        entries = self.entries(value, place, _("limits, such as {requests_per_minute: 10}"))
        numbers = {meter: typed(number) for meter, number in entries.items()}
        is_known = UNKNOWN not in numbers.values()
        return numbers if is_known and len(self.problems) == before else None
