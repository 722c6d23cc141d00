"""What has to be done before keys are deleted."""

from django.db.models import QuerySet

from proxyapp.models.api_key import ApiKey
from proxyapp.models.batches import BATCH
from proxyapp.models.removed_key import RemovedKey
from proxyapp.models.usage import KeyTotal


def remember_removed(keys: QuerySet[ApiKey]) -> None:
    """For the transaction that removes them.

    Their totals, which go with them, are locked in the order in which usage is added to them.
    """
    removed = keys.order_by()
    totals = KeyTotal.objects.select_for_update().filter(key__in=removed.values("pk"))
    list(totals.order_by("key_id").values_list("pk"))
    named = removed.select_related("group").only("name", "masked", "group__name")
    RemovedKey.objects.bulk_create(
        (RemovedKey(key_id=key.pk, label=str(key), group=key.group.name) for key in named),
        batch_size=BATCH,
        ignore_conflicts=True,
    )
