"""The README's unit is one that systemd takes, enables at boot and reloads."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.gateway import ROOT

UNIT = re.search(
    r"^```ini\n# /etc/systemd/system/(\S+\.service)\n(.*?)^```$",
    (ROOT / "README.md").read_text(),
    re.MULTILINE | re.DOTALL,
)


def unit() -> tuple[str, str]:
    assert UNIT
    return UNIT[1], UNIT[2]


def test_the_unit_starts_at_boot_after_the_network_as_a_user_of_its_own() -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit()[1])

    assert parser["Install"]["WantedBy"] == "multi-user.target"
    assert "network-online.target" in parser["Unit"]["After"]
    assert parser["Unit"]["Wants"] == "network-online.target"
    assert parser["Service"]["User"] not in ("", "root")
    assert parser["Service"]["Restart"] == "on-failure"
    assert parser["Service"]["ExecReload"] == "/bin/kill -HUP $MAINPID"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="wants systemd")
def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    name, text = unit()
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/true")
    text = text.replace("/opt/gemini-key-gateway", str(tmp_path)).replace("=gateway", "=root")
    (tmp_path / name).write_text(text)

    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, [line for line in done.stderr.splitlines() if name in line]) == (0, [])
