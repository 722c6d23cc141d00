"""What is sent to the import page: a file or its text, and whose it is."""

import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from proxyapp.admin.parts.unfold_typed import Checkbox
from proxyapp.config.contents import ConfigError
from proxyapp.config.file import parse
from proxyapp.peers import seed
from proxyapp.peers.formats import format_of
from proxyapp.peers.source import Source
from proxyapp.vocabulary.sizes import mib

# Below Django's limit of a form (2.5 MB), also when the file goes on sealed to the next step.
MAX_BYTES = 1024 * 1024
MAX_NAME = 200
# Of a database within the file.
MAX_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Upload:
    """`peer`: the gateway whose file it is; empty: this one. `shown`: the fingerprint of the
    changes that the operator has seen.
    """

    content: bytes
    name: str
    is_pruned: bool
    peer: str = ""
    shown: str = ""

    @property
    def text(self) -> str:
        """Raises UnicodeDecodeError."""
        return self.content.decode("utf-8-sig")

    @property
    def source(self) -> Source:
        return Source(self.name, self.content, seconds=MAX_SECONDS)

    def packed(self) -> list[str | bool]:
        """Small enough for a form."""
        content = b64encode(zlib.compress(self.content)).decode()
        return [content, self.name, self.is_pruned, self.peer, self.shown]

    @classmethod
    def opened(cls, packed: list[Any]) -> "Upload":
        content, *rest = packed
        return cls(zlib.decompress(b64decode(content)), *rest)


class UploadForm(forms.Form):
    file = forms.FileField(
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        label=gettext_lazy("Config file"),
        help_text=format_lazy(
            gettext_lazy(
                "This gateway's YAML, or a file of another one (gpt-load, gemini-balance, LiteLLM,"
                " new-api, CLIProxyAPI, uni-api): docs/MIGRATION.md. {size} MiB at most."
            ),
            size=mib(MAX_BYTES),
        ),
    )
    text = forms.CharField(
        required=False,
        strip=False,
        widget=UnfoldAdminTextareaWidget(
            {"rows": 12, "spellcheck": "false", "autocomplete": "off"}
        ),
        label=gettext_lazy("… or its text"),
    )
    prune = forms.BooleanField(
        required=False,
        widget=Checkbox,
        label=gettext_lazy("Remove groups and keys that the file does not have"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """The text has keys: the page never gives it back, whatever is wrong with it."""
        super().__init__(*args, **kwargs)
        self.fields["text"].widget.format_value = lambda value: ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        file, text = cleaned.get("file"), cleaned.get("text") or ""
        if bool(file) == bool(text.strip()):
            raise forms.ValidationError(_("Choose a file or paste its text: one of the two."))
        size = (file.size or 0) if file else len(text.encode())
        if size > MAX_BYTES:
            raise forms.ValidationError(
                _(
                    "The config has %(size)s MiB; %(most)s MiB are allowed here. Import it on the"
                    " gateway's machine: `manage.py import_config FILE`, or one of another gateway"
                    " by `manage.py import_from auto FILE`."
                )
                % {"size": mib(size), "most": mib(MAX_BYTES)}
            )
        cleaned["upload"] = _recognised(
            bytes(file.read()) if file else text.encode(),
            (file.name or "") if file else "",
            is_pruned=bool(cleaned.get("prune")),
        )
        return cleaned


def _recognised(content: bytes, name: str, *, is_pruned: bool) -> Upload:
    upload = Upload(content, name[:MAX_NAME] or "upload", is_pruned)
    try:
        parse(upload.text)
    except ConfigError:
        return replace(upload, peer=_peer_of_text(upload.source))
    except UnicodeDecodeError:
        return replace(upload, peer=_peer_of_others(upload.source))
    return upload


def _peer_of_text(source: Source) -> str:
    """Empty for a config file of this gateway with mistakes, too."""
    try:
        peer = format_of(source)
    except ConfigError:
        return ""
    return "" if peer == seed.PEER and seed.may_be_ours(source) else peer


def _peer_of_others(source: Source) -> str:
    try:
        return format_of(source)
    except ConfigError as error:
        not_text = [_("The file is not UTF-8; save it as UTF-8.")]
        raise forms.ValidationError(error.problems if source.is_sqlite else not_text) from None
