"""The unit of docs/DEPLOYMENT.md, and the hardened one: systemd takes them, at boot too."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.gateway import ROOT

SHOWN = re.search(
    r"^```ini\n# /etc/systemd/system/(\S+\.service)\n(.*?)^```$",
    (ROOT / "docs/DEPLOYMENT.md").read_text(),
    re.MULTILINE | re.DOTALL,
)
assert SHOWN
NAME = SHOWN[1]
HARDENED = (ROOT / "deploy/systemd" / NAME).read_text()
UNITS = pytest.mark.parametrize("text", [SHOWN[2], HARDENED], ids=["shown", "hardened"])
# In tenths, as systemd counts: 0 may do nothing at all, 96 is a service without a line of this.
EXPOSURE = 15
needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"),
    reason="There is no systemd-analyze: apt install systemd (it need not run).",
)


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Where the units' paths lead in a test."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/true")
    (tmp_path / "var").mkdir()
    return tmp_path


def asked(home: Path, text: str, *question: str) -> subprocess.CompletedProcess[str]:
    """systemd-analyze's answer, of the unit as it stands but for its paths."""
    (home / NAME).write_text(text.replace("/opt/gemini-key-gateway", str(home)))
    command = ["systemd-analyze", *question, str(home / NAME)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@UNITS
def test_the_unit_starts_at_boot_after_the_network_as_a_user_of_its_own(text: str) -> None:
    parser = parsed(text)

    assert parser["Install"]["WantedBy"] == "multi-user.target"
    assert "network-online.target" in parser["Unit"]["After"]
    assert parser["Unit"]["Wants"] == "network-online.target"
    assert parser["Service"]["User"] not in ("", "root")
    assert parser["Service"]["Restart"] == "on-failure"
    assert parser["Service"]["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert parser["Service"]["Type"] == "notify"
    assert parser["Service"]["TimeoutStartSec"] == "infinity", "migrations are part of a start"


def test_the_hardened_one_is_the_other_with_less_rights() -> None:
    assert SHOWN
    plain, hardened = parsed(SHOWN[2]), parsed(HARDENED)

    for section in plain.sections():
        assert dict(plain[section]).items() <= dict(hardened[section]).items()


@needs_systemd
@UNITS
def test_systemd_finds_nothing_wrong_with_it(installed: Path, text: str) -> None:
    text = text.replace("User=gateway", "User=root")
    done = asked(installed, text, "verify", "--recursive-errors=no")

    assert (done.returncode, [line for line in done.stderr.splitlines() if NAME in line]) == (0, [])


@needs_systemd
def test_systemd_takes_what_its_head_has_for_drop_ins(installed: Path) -> None:
    lines = re.findall(r"^#   ([A-Z]\w+=.+)$", HARDENED, re.M)
    text = f"{HARDENED.replace('User=gateway', 'User=root')}\n[Service]\n" + "\n".join(lines)
    done = asked(installed, text, "verify", "--recursive-errors=no")

    assert len(lines) == 6
    assert (done.returncode, [line for line in done.stderr.splitlines() if NAME in line]) == (0, [])


@needs_systemd
def test_the_hardened_one_is_exposed_to_little(installed: Path) -> None:
    done = asked(installed, HARDENED, "security", "--offline=true", f"--threshold={EXPOSURE}")

    assert done.returncode == 0, done.stdout
