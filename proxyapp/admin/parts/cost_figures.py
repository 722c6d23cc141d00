"""What something costs, as a page shows it beside its other figures."""

from collections.abc import Iterator
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from proxyapp.operators.recent_costs import RecentCosts
from proxyapp.operators.usage_texts import cost_text


def cost_figures(costs: RecentCosts) -> Iterator[tuple[str, str]]:
    """Both currencies where that has changed: the amounts are of either."""
    today = costs.currencies.on(datetime.now(UTC).date())
    yield _("Cost today (%(currency)s)") % {"currency": today}, cost_text(costs.today)
    month = {"currency": str(costs.currencies)}
    yield _("Cost this month (%(currency)s)") % month, cost_text(costs.month)
