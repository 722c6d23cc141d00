"""What the rest of Python may ask of the hot classes and functions, compiled or not."""

import copy
import dataclasses
import inspect
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from proxyapp.ledger.usage import AttemptCounter, UsagePlace
from proxyapp.pool.keys_and_groups import PoolKey
from proxyapp.provider.llm_tokens import LlmTokens
from proxyapp.server import http1
from proxyapp.server.http1 import RequestError
from proxyapp.vocabulary.key_masker import KeyMasker
from tests.support.snapshots import group, snapshot

SECRET = "AIza-not-to-be-shown"


def key(**fields: Any) -> PoolKey:
    return PoolKey(
        **{"id": 1, "group": group(1, "g"), "secret": SECRET, "masked": "…", "status": "active"}
        | fields
    )


def refused() -> RequestError:
    with pytest.raises(RequestError) as raised:
        http1.parse_head(b"NONE\r\n\r\n")
    return raised.value


def test_a_traceback_names_the_file_the_function_and_the_line() -> None:
    frame = traceback.extract_tb(refused().__traceback__)[-1]
    with open(inspect.getsourcefile(http1) or "proxyapp/server/http1.py") as file:
        line = file.read().splitlines()[(frame.lineno or 0) - 1]

    assert frame.filename.endswith("proxyapp/server/http1.py")
    assert frame.name == "_request_line"
    assert line.strip() == 'raise RequestError(400, "The request line is malformed.")'


def test_an_error_is_caught_by_its_classes_and_keeps_what_it_says() -> None:
    error = refused()

    assert isinstance(error, RequestError)
    assert isinstance(error, Exception)
    assert (error.status, str(error)) == (400, "The request line is malformed.")
    assert issubclass(type(error), RequestError)
    assert not isinstance(ValueError(), RequestError)


@pytest.mark.parametrize(
    "value",
    [LlmTokens(1, 2), UsagePlace(1, "m", 3), AttemptCounter(requests=2, prompt_tokens=7), key()],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_a_value_survives_a_copy_and_a_pickle(value: Any, way: Callable[[Any], Any]) -> None:
    again = way(value)

    assert type(again) is type(value)
    assert again == value


def test_dataclasses_know_them() -> None:
    other = dataclasses.replace(key(), status="disabled")

    assert dataclasses.is_dataclass(PoolKey)
    assert [field.name for field in dataclasses.fields(PoolKey)][:3] == ["id", "group", "secret"]
    assert (other.status, other.id, key().status) == ("disabled", 1, "active")
    assert key() == key() != other


def test_what_is_frozen_stays() -> None:
    with pytest.raises(AttributeError):
        key().status = "disabled"  # type: ignore[misc]


def test_no_secret_is_in_what_is_printed() -> None:
    pool = snapshot("a")
    shown = repr(key()) + repr(KeyMasker(SECRET, "…")) + repr(pool) + repr(vars(type(pool)))

    assert SECRET not in shown
    assert "PoolKey(id=1" in shown


def test_an_argument_of_another_type_is_an_error_that_shows_no_value() -> None:
    with pytest.raises((TypeError, AttributeError)) as raised:
        key(secret=SECRET.encode()).credentials("google", is_openai=False)

    assert SECRET not in str(raised.value)
