"""Keys of the environment that stand in files."""

from pathlib import Path

import pytest

from proxyapp.config.contents import ConfigError
from proxyapp.config.environment_files import keys_of_files_too
from tests.support.pool_data import secret

ONE, TWO, THREE = (secret(label) for label in ("one", "two", "three"))


def test_a_file_has_what_its_variable_would(tmp_path: Path) -> None:
    several, second = tmp_path / "several", tmp_path / "second"
    several.write_text(f"{ONE}\n{TWO}\n\n")
    second.write_text(THREE)

    found = keys_of_files_too(
        {
            "GEMINI_API_KEYS_FILE": str(several),
            "GEMINI_API_KEY_1": ONE,
            "GEMINI_API_KEY_2_FILE": str(second),
            "GEMINI_API_KEY_FILE": " ",
            "GEMINI_API_KEY_X_FILE": "/none",
        }
    )

    assert found is not None
    assert [key.secret for key in found.group.api_keys] == [ONE, TWO, THREE]
    assert found.names == ("GEMINI_API_KEYS", "GEMINI_API_KEY_1", "GEMINI_API_KEY_2")
    assert found.files == (several, second)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    variables = {"GEMINI_API_KEYS_FILE": str(missing), "GEMINI_API_KEY_1_FILE": ONE}

    with pytest.raises(ConfigError) as caught:
        keys_of_files_too(variables)

    assert caught.value.problems == [
        f"GEMINI_API_KEYS_FILE='{missing}' cannot be read: No such file or directory",
        "GEMINI_API_KEY_1_FILE cannot be read: No such file or directory (it must be the path of a"
        " file that has the value in it)",
    ]


def test_without_such_variables_there_is_nothing() -> None:
    assert keys_of_files_too({"GEMINI_API_KEYS_FILE": "", "PATH": "/bin"}) is None
