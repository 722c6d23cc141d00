"""Inputs of a group's form."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from proxyapp.admin.parts.unfold_typed import Checkbox, Textarea, TextInput
from proxyapp.vocabulary import certificates
from proxyapp.vocabulary.choices import Auth, choice_values


class CertificatesInput(Textarea):
    """Does not give back what should never have been pasted."""

    def format_value(self, value: Any) -> str | None:
        text: str | None = super().format_value(value)
        return None if text and "PRIVATE KEY" in text else text


class Switch(Checkbox):
    """Says that it is off, too: who posts a form without it leaves the value as it was."""

    def render(self, name: str, value: Any, *args: Any, **kwargs: Any) -> SafeString:
        off = format_html('<input type="hidden" name="{}" value="false">', name)
        return off + super().render(name, value, *args, **kwargs)


class AuthInput(TextInput):
    """Free text, for a header or a parameter may be named; the other ways are proposed."""

    def render(self, name: str, value: Any, *args: Any, **kwargs: Any) -> SafeString:
        proposals = format_html_join(
            "", '<option value="{}"></option>', ((way,) for way in choice_values(Auth))
        )
        box: SafeString = super().render(name, value, *args, **kwargs)
        return box + format_html('<datalist id="ways-of-auth">{}</datalist>', proposals)


class CertificatesField(forms.CharField):
    """Compares what it is given in the form in which it is stored."""

    def to_python(self, value: Any) -> str:
        text = super().to_python(value)
        try:
            return certificates.in_one_form(text) if text else ""
        except certificates.BadCertificates as problem:
            text = _("The text %(problem)s.") % {"problem": problem}
            raise ValidationError(text) from None
