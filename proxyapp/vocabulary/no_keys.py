"""What people put where a key goes and which is none: each kind with what to do instead.

The first kind that fits is named. No text of a kind repeats what was given.
"""

import re
import unicodedata
from collections.abc import Iterator

from proxyapp.vocabulary.in_words import gettext as _
from proxyapp.vocabulary.marks import gettext_noop

MASKED = gettext_noop("is a masked key; give the whole key")
PLACEHOLDER_GIVEN = gettext_noop("is a placeholder; give a real key")
PRIVATE_KEY = gettext_noop("is a private key or a service account, not an API key; give an API key")
REFERENCE = gettext_noop("is a reference to a secret that is kept elsewhere; give the key itself")
VARIABLE = gettext_noop("is the name of a variable, not its value; give the key itself")
HEADER = gettext_noop("is a line of an HTTP header; give the key alone")
URL = gettext_noop("is a URL; a key is none: give the key alone")
ASSIGNMENT = gettext_noop("is an assignment; give its value alone")
COMMENT = gettext_noop("has a comment; give the key alone")
MARKS = gettext_noop("has the marks of a list or of Markdown; give the key alone")
QUOTE = gettext_noop("has a quotation mark; give the key without")
BRACKET = gettext_noop("has a bracket, as JSON and templates have; give the key alone")
BACKSLASH = gettext_noop("has a backslash; give the key as the provider shows it")
# Texts that tell of a key instead of being one; all others may have a key in them.
STAND_INS = frozenset({MASKED, PLACEHOLDER_GIVEN, REFERENCE, VARIABLE})

PLACEHOLDER = re.compile(
    r"""<.*> | \$\{.*\} | .*\.\.\. | x{3,} | [*._?-]+
      | (?:AIza(?:Sy)?|AQ\.|sk-(?:[a-z]+-)*)[x*._-]{6,}
      | (?:AIza(?:Sy)?|sk-)?[_\s-]?your[_\s-].*key.* | your[_\s-]?key.*
      | my[_\s-]?(?:\w+[_\s-])?api[_\s-]?key | (?:\w+[_\s-])?api[_\s-]?key[_\s-]?(?:here)?
      | (?:replace|change)[_\s-]?(?:me|this|with.*)
      | (?:insert|paste|put|enter|add)[_\s-].*key.* | .*placeholder.*
      | todo | tbd | fixme | undefined | n/a""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)

_STORES = (
    "op|1password|bws|bitwarden|gcp-?sm|gsm|sm|secret-?manager|aws-?sm|aws-?ssm|ssm|arn|vault"
    "|hashicorp|az-?kv|akv|azure-?kv|key-?vault|kv|keyring|keychain|secrets?|secret-?ref|env|file"
    "|ref|sops|doppler|infisical|pass|credstash|kms"
)
# What whoever writes a template calls a value, and never the start of a provider's key.
_NAME = r"[\"']?[A-Za-z_][A-Za-z0-9_.-]*[\"']?"
_SECRETS_NAME = (
    r"[\"']?(?:[A-Za-z0-9_.-]*[_.-])?(?:api_?)?(?:keys?|tokens?|secrets?)(?:[_.-]?\d+)?[\"']?"
)

# In their order: the reason, and the whole text that it is for.
_KINDS = tuple(
    (reason, re.compile(pattern, re.IGNORECASE | re.VERBOSE | re.DOTALL))
    for reason, pattern in (
        (PRIVATE_KEY, r""".*-----(?:BEGIN|END)\b.* | .*"private_key.* | .*"service_account".*
            | AGE-SECRET-KEY-.*"""),
        (REFERENCE, rf"""(?:{_STORES}|ref\+[a-z]+):.* | (?:process\.|import\.meta\.)?env[.\[(].*
            | (?:os\.)?(?:environ|getenv)\b.* | (?:steps|vars|secrets|var|local|data)\.[A-Za-z_].*
            | ENC\[.*
            | !(?:vault|env|secret|ref|reference|sub|getatt|include|file|sops|unsafe)\b.*
            | @[^@].* | (?:lookup|env_var|read_file)\b.*
            | \$ANSIBLE_VAULT.* | projects/.*/secrets/.*
            | \.{{0,2}}/(?:run|var|etc|home|root|mnt|opt|tmp|usr|data|app|config|secrets|users)/.*
            | (?:\.{{1,2}}|~)/.* | [a-z]:\\.* | [^\s"'=:]*\.(?:txt|json|env|pem|key|ya?ml|csv)"""),
        (VARIABLE, r"""\$.* | .*\$[({A-Za-z_].* | %[A-Za-z_]\w*% | %\(.* | .*\{\{.* | \#\{.*
            | __[A-Za-z].*__ | @@.*@@ | \(\(.*\)\) | \[\[.*
            | (?-i:(?:[A-Z][A-Z0-9]*_)*API_?KEYS?(?:_?\d+)?)"""),
        (HEADER, r"""(?:bearer|basic|apikey|token)\s+.*
            | (?:proxy-)?authorization\s*[:=].* | x-(?:goog-)?api-?key\s*[:=].* | -H\b.*"""),
        (URL, r".*[a-z0-9]://.* | .*[?&](?:key|api_?key|token)=.* | www\..*"),
        (COMMENT, r"(?:\#|//|;|/\*|<!--|--\s).* | .*\s(?:\#|//|;|/\*|--\s|<!--).*"),
        (ASSIGNMENT, rf"""(?:export|setx?|env|let|const|var|arg|declare)\s+\S.*
            | {_NAME}\s*(?::=|=>|=)\s*[^=\s].* | {_NAME}\s*:\s+.* | {_SECRETS_NAME}\s*:.*"""),
        (MARKS, r"[-*+>\u2013\u2022]\s.* | \d+[.)]\s.* | .*`.* | \*\*.* | .*\*\* | ~~.*"),
        (QUOTE, r""".*["'\xab\xb4\xbb\u2018-\u201f\u2032\u2033\u2039\u203a\uff02\uff07].*"""),
    )
)  # fmt: skip
_MASK = re.compile(r"[…•]|\*{3,}|\w\.{3,}\w|[0-9A-Za-z]{4}x{8,}[0-9A-Za-z]{2,6}$")
_NAME_IN_CAPITALS = re.compile(r"[A-Z0-9_]*API_?KEYS?_?\d*")
# What follows can be no other kind: there may be 100,000 keys.
_PLAIN = re.compile(r"(?!__|AGE-|-----)[A-Za-z0-9_-]{12,}")
_LONGEST = 4096
_SEPARATORS = {
    ",": gettext_noop(
        "has a comma inside; give each key an entry of its own, and a label its field"
    ),
    ";": gettext_noop(
        "has a semicolon inside; give each key an entry of its own, and a label its field"
    ),
    "|": gettext_noop(
        "has a vertical bar inside; give each key an entry of its own, and a label its field"
    ),
}
_INVISIBLE = frozenset({"Cf", "Co", "Cn", "Mn", "Me"})


def why_no_key(text: str) -> str | None:
    """Of a text without white space around it: what it is instead of a key."""
    text = text[:_LONGEST]
    if _MASK.search(text):
        return MASKED
    if is_placeholder(text):
        return VARIABLE if text.startswith("$") else PLACEHOLDER_GIVEN
    if _PLAIN.fullmatch(text) and not _NAME_IN_CAPITALS.fullmatch(text):
        return None
    named = next((reason for reason, kind in _KINDS if kind.fullmatch(text)), None)
    return named or next(_wrong_characters(text), None)


def is_placeholder(key: str) -> bool:
    """Whether the text only stands where a key goes.

    Such as `YOUR_GEMINI_API_KEY_1`, `<your key>`, `changeme`, `AIzaSy...`.
    """
    return PLACEHOLDER.fullmatch(key.strip()) is not None


def _wrong_characters(text: str) -> Iterator[str]:
    for character in text:
        if character in _SEPARATORS:
            yield _SEPARATORS[character]
        elif character in "{}[]":
            yield BRACKET
        elif character == "\\":
            yield BACKSLASH
        elif not character.isascii() and _is_invisible(character):
            text = _(
                "has an invisible character (%(code)s); type the key again or copy it as plain text"
            )
            yield text % {"code": f"U+{ord(character):04X}"}


def _is_invisible(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in _INVISIBLE
