"""What spans say of a request."""

from proxyapp.requests.access_log import fields_of
from proxyapp.requests.spans import _attributes, _attributes_of
from tests.support.logged_requests import made_attempt, made_record

KEY = "AIza" + "x" * 31 + "1234"


def test_a_credential_that_a_client_wrote_is_masked() -> None:
    record = made_record(model=f"models/{KEY}", attempts=[made_attempt(1, model=KEY)])

    told = [*_attributes(record).values(), *_attributes_of(record.attempts[0]).values()]

    assert not [value for value in told if KEY in str(value)]
    assert {"models/AIza…1234", "AIza…1234"} <= set(told)
    assert 200 in told


def test_what_is_cut_leaves_no_half_of_a_credential() -> None:
    record = made_record(model="m" * 170 + KEY)

    for told in (_attributes(record), fields_of(record)):
        assert "AIza…" in str(told)
        assert KEY[:30] not in str(told)
