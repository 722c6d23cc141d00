"""The Dockerfile and the compose files, as their linters read them, and how they fit together."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.environment import Environment
from gateway.setting_table import table
from proxyapp.config.environment_files import keys_of_files_too
from tests.support import container as image
from tests.support.fronts import program
from tests.support.gateway import ROOT

MAKEFILE = (ROOT / "Makefile").read_text()
COMPOSE = ["compose.yaml", "compose.postgres.yaml"]


def linted(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def services(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / name).read_text())["services"]
    return found


def test_hadolint_finds_nothing_wrong_with_the_image() -> None:
    done = linted("hadolint", "Dockerfile")

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_image_is_compiled_as_make_does_it() -> None:
    (arguments,) = re.findall(r"^compiling := \$\(python\) (.+)$", MAKEFILE, re.M)

    assert f"RUN /compile/bin/python {arguments} " in (ROOT / "Dockerfile").read_text()
    assert "requirements-compile.txt" in MAKEFILE


def test_compose_files_are_ones() -> None:
    done = linted("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *COMPOSE)

    assert done.returncode == 0, done.stdout


def test_the_image_gets_what_it_copies_and_no_secret() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    assert lines[1] == "*", "all is left out first"
    assert {line[1:] for line in lines if line.startswith("!")} == set(image.copied())


@pytest.mark.parametrize("name", COMPOSE)
def test_a_gateway_may_write_to_its_volume_only(name: str) -> None:
    gateways = [each for each in services(name).values() if each["image"] == "gemini-gateway"]

    places = [volume.split(":") for each in gateways for volume in each["volumes"]]
    assert [place for _, place in places] == [image.said("VOLUME")] * len(gateways)
    assert len({volume for volume, _ in places}) == len(gateways), "each has its own"
    assert all(each["read_only"] and each["cap_drop"] == ["ALL"] for each in gateways)


def test_the_proxy_of_the_compose_file_is_one_that_caddy_takes_and_both_gateways_trust() -> None:
    file = "deploy/caddy/two-gateways.Caddyfile"
    network = yaml.safe_load((ROOT / COMPOSE[1]).read_text())["networks"]["default"]
    subnet = network["ipam"]["config"][0]["subnet"]
    command = [program("caddy"), "validate", "--adapter", "caddyfile", "--config", file]
    done = subprocess.run(
        command, cwd=ROOT, env={"DOMAIN": "gw.example"}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    asked = re.findall(r"([\w-]+):8080", (ROOT / file).read_text())
    both = services(COMPOSE[1])
    assert [both[name]["environment"]["TRUSTED_PROXIES"] for name in asked] == [subnet] * 2
    assert f"./{file}:/etc/caddy/Caddyfile:ro" in both["caddy"]["volumes"]


def test_the_steps_of_the_compose_file_make_the_secrets_that_it_names(tmp_path: Path) -> None:
    text = (ROOT / COMPOSE[1]).read_text()
    steps = "\n".join(re.findall(r"^#   (.*)$", text, re.M))
    subprocess.run(["sh", "-euc", f"umask 077\n{steps}"], cwd=tmp_path, check=True)

    files = {name: each["file"] for name, each in yaml.safe_load(text)["secrets"].items()}
    made = {name: tmp_path / file for name, file in files.items()}
    gateway = services(COMPOSE[1])["gateway-1"]
    named = {
        name: str(made[Path(place).name])
        for name, place in gateway["environment"].items()
        if name.endswith("_FILE")
    }
    assert sorted(Path(file).name for file in named.values()) == sorted(gateway["secrets"])
    env = Environment(named)
    values = [row.value(env) for row in table.rows if f"{row.name}_FILE" in named]
    assert (env.problems, len(values)) == ([], 3)
    assert made["postgres_password"].read_text().strip() in made["database_url"].read_text()
    assert {file.stat().st_mode & 0o777 for file in made.values()} == {0o644}
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    (keys,) = (file for name, file in named.items() if name.startswith("GEMINI"))
    assert keys_of_files_too({"GEMINI_API_KEYS_FILE": keys})
