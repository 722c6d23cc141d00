"""What a key looks like: how to find it in prose, and when to doubt that a text in its place is
one.
"""

import re
from collections.abc import Iterator

from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop
from proxyapp.vocabulary.no_keys import STAND_INS, why_no_key
from proxyapp.vocabulary.service_account import is_account
from proxyapp.vocabulary.urls import is_of_google

MIN_LENGTH, MAX_LENGTH, MIN_LENGTH_IN_PROSE = 16, 300, 20
MIN_MIXED_PART = 4
AIZA_LENGTH = 39

TOKEN = re.compile(r"[A-Za-z0-9_.-]+")
TOKEN_OF_OTHERS = re.compile(r"[A-Za-z0-9_.+=:~-]+")
AIZA = re.compile(r"AIza[A-Za-z0-9_-]*")
OF_PROVIDER = re.compile(
    r"(?<![A-Za-z0-9_.-])(?:AIza|AQ\.|sk-(?=[A-Za-z_.-]*\d))[A-Za-z0-9_.-]{12,}"
)
BETWEEN_WORDS = re.compile(r"[\s,;\"'()<>]+")

# What Google never takes for an API key, the longer beginning first.
OTHERS = {
    "sk-ant-": gettext_noop("a key of Anthropic"),
    "sk-or-": gettext_noop("a key of OpenRouter"),
    "sk-": gettext_noop("a key of OpenAI or of an API like it"),
    "gsk_": gettext_noop("a key of Groq"),
    "xai-": gettext_noop("a key of xAI"),
    "hf_": gettext_noop("a token of Hugging Face"),
    "r8_": gettext_noop("a token of Replicate"),
    "pplx-": gettext_noop("a key of Perplexity"),
    "nvapi-": gettext_noop("a key of NVIDIA"),
    "csk-": gettext_noop("a key of Cerebras"),
    "fw_": gettext_noop("a key of Fireworks"),
    "tgp_": gettext_noop("a key of Together"),
    "ghp_": gettext_noop("a token of GitHub"),
    "gho_": gettext_noop("a token of GitHub"),
    "ghu_": gettext_noop("a token of GitHub"),
    "ghs_": gettext_noop("a token of GitHub"),
    "ghr_": gettext_noop("a token of GitHub"),
    "github_pat_": gettext_noop("a token of GitHub"),
    "glpat-": gettext_noop("a token of GitLab"),
    "glcbt-": gettext_noop("a token of GitLab"),
    "xoxa-": gettext_noop("a token of Slack"),
    "xoxb-": gettext_noop("a token of Slack"),
    "xoxe.": gettext_noop("a token of Slack"),
    "xoxp-": gettext_noop("a token of Slack"),
    "xapp-": gettext_noop("a token of Slack"),
    "npm_": gettext_noop("a token of npm"),
    "pypi-": gettext_noop("a token of PyPI"),
    "dckr_pat_": gettext_noop("a token of Docker"),
    "dop_v1_": gettext_noop("a token of DigitalOcean"),
    "sk_live_": gettext_noop("a key of Stripe"),
    "sk_test_": gettext_noop("a key of Stripe"),
    "rk_live_": gettext_noop("a key of Stripe"),
    "SG.": gettext_noop("a key of SendGrid"),
    "AKIA": gettext_noop("an access key of AWS"),
    "ASIA": gettext_noop("an access key of AWS"),
    "ya29.": gettext_noop("an OAuth access token, which ends within the hour"),
    "1//": gettext_noop("an OAuth refresh token"),
    "GOCSPX-": gettext_noop("an OAuth client secret"),
    "eyJ": gettext_noop("a JSON web token"),
    "gk-": gettext_noop("a token of a gateway's client, not a key of the provider"),
}


def words_like_keys(line: str) -> Iterator[str]:
    """Those of a known provider also within URLs; of others none that is a part of a URL or an
    address.
    """
    for word in BETWEEN_WORDS.split(line):
        if why_no_key(word) in STAND_INS:
            continue
        is_address = "://" in word or "@" in word
        tokens = OF_PROVIDER.findall(word) if is_address else TOKEN.findall(word)
        yield from (
            token for token in (found.strip(".-_") for found in tokens) if _looks_like_a_key(token)
        )


def doubt(secret: str, target_url: str) -> str:
    """Why it is more likely something else than a key for that target; empty for what looks like
    one.
    """
    if is_account(secret):
        return ""
    is_google = is_of_google(target_url)
    if is_google and (other := next(filter(secret.startswith, OTHERS), "")):
        text = _("looks like %(kind)s (%(start)s…), and the group's target is Google's")
        return text % {"kind": _(OTHERS[other]), "start": other}
    if len(secret) < MIN_LENGTH:
        text = _("has %(count)s characters; keys have %(least)s or more")
        return text % {"count": len(secret), "least": MIN_LENGTH}
    if len(secret) > MAX_LENGTH:
        text = _("has %(count)s characters; keys have %(most)s or less")
        return text % {"count": len(secret), "most": MAX_LENGTH}
    if secret.startswith("AIza") and not AIZA.fullmatch(secret):
        return _("has characters that Google's AIza keys do not have")
    if secret.startswith("AIza") and len(secret) != AIZA_LENGTH:
        text = _("has %(count)s characters; Google's AIza keys have %(length)s")
        return text % {"count": len(secret), "length": AIZA_LENGTH}
    if not (TOKEN if is_google else TOKEN_OF_OTHERS).fullmatch(secret):
        return _("has characters that keys do not have")
    if not OF_PROVIDER.fullmatch(secret) and not _has_mixed_part(secret):
        return _("looks like words, not like a key")
    return ""


def _looks_like_a_key(word: str) -> bool:
    if why_no_key(word):
        return False
    if OF_PROVIDER.fullmatch(word):
        return True
    return len(word) >= MIN_LENGTH_IN_PROSE and _has_mixed_part(word)


def _has_mixed_part(word: str) -> bool:
    """Letters and digits within one part.

    `gemini-2.5-flash-preview-09-2025` has none, and is no key.
    """
    return any(map(_is_mixed, re.split("[-_.]", word)))


def _is_mixed(part: str) -> bool:
    return len(part) >= MIN_MIXED_PART and not part.isalpha() and not part.isdigit()
