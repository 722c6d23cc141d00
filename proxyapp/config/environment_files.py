"""Keys of the environment that stand in files: `GEMINI_API_KEYS_FILE` and its like."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gateway.secret_file import SUFFIX, SecretFileError, secret_of
from proxyapp.config.contents import ConfigError
from proxyapp.config.environment_keys import NUMBERED, ONE, EnvironmentKeys, keys_of_environment

NAMED = re.compile(rf"({ONE}S?|{NUMBERED.pattern}){SUFFIX}")


def keys_of_files_too(environment: Mapping[str, str]) -> EnvironmentKeys | None:
    """None: none of the variables is set. Raises ConfigError."""
    texts = _texts_of_files(environment)
    found = keys_of_environment({**environment, **texts})
    if found is None:
        return None
    files = tuple(Path(environment[name + SUFFIX]) for name in texts)
    return replace(found, files=files)


def _texts_of_files(environment: Mapping[str, str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    problems = []
    for name in [found[1] for each in environment if (found := NAMED.fullmatch(each))]:
        try:
            text = secret_of(environment, name)
        except SecretFileError as error:
            problems.append(str(error))
        else:
            texts |= {} if text is None else {name: text}
    if problems:
        raise ConfigError(problems)
    return texts
