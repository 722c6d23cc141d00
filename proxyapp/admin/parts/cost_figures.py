"""What something costs, as a page shows it beside its other figures."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from proxyapp.operators.recent_costs import RecentCosts
from proxyapp.operators.usage_texts import cost_text
from proxyapp.vocabulary.money import CURRENCY


def cost_figures(costs: RecentCosts) -> Iterator[tuple[str, str]]:
    named = {"currency": CURRENCY}
    yield _("Cost today (%(currency)s)") % named, cost_text(costs.today)
    yield _("Cost this month (%(currency)s)") % named, cost_text(costs.month)
