"""Fields of forms in which an operator writes of models, an entry a line."""

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError

from proxyapp.admin.parts.unfold_typed import Textarea

Entries = TypeVar("Entries")


class ModelLinesField(forms.CharField):
    """Its value is the text, in one form however it was sent; what it says is the form's to read.

    `example`: what an entry looks like.
    """

    def __init__(self, example: str, **kwargs: Any) -> None:
        widget = Textarea({"rows": 3, "spellcheck": "false", "placeholder": example})
        super().__init__(**{"widget": widget, "required": False, **kwargs})

    def to_python(self, value: Any) -> str:
        lines = (line.strip() for line in (super().to_python(value) or "").splitlines())
        return "\n".join(line for line in lines if line)


def refuse_lines(read: Callable[[str], Entries], text: str) -> Entries:
    """What the text says, or a ValidationError with the line that says nothing."""
    try:
        return read(text)
    except ValueError as problem:
        raise ValidationError(str(problem)) from None
