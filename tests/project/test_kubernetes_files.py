"""deploy/kubernetes: by the schemas of Kubernetes, and as the image and its settings need it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.environment import Environment
from gateway.setting_table import table
from tests.support import container as image
from tests.support.gateway import ROOT

FILES = sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))


def documents() -> dict[str, dict[str, Any]]:
    """By their kinds: there is one of each."""
    found = [each for file in FILES for each in yaml.safe_load_all(file.read_text())]
    return {each["kind"]: each for each in found}


def pod(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = documents()[kind]["spec"]["template"]["spec"]
    return found


def test_their_schemas_know_all_that_is_said() -> None:
    command = [str(Path(sys.executable).with_name("kubernetes-validate")), "--strict"]
    done = subprocess.run([*command, *FILES], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_gateway_has_no_rights_and_writes_to_its_volume_only() -> None:
    (container,) = pod("StatefulSet")["containers"]
    mounts = container["volumeMounts"]
    (place,) = [mount["mountPath"] for mount in mounts if not mount.get("readOnly")]
    (var,) = [each["value"] for each in container["env"] if each["name"] == "VAR_DIR"]

    assert pod("StatefulSet")["securityContext"]["runAsNonRoot"]
    assert pod("StatefulSet")["securityContext"]["runAsUser"] == image.user()[0]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert Path(var).is_relative_to(place)


def test_a_stop_has_time_for_requests_under_way() -> None:
    (container,) = pod("StatefulSet")["containers"]
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert pod("StatefulSet")["terminationGracePeriodSeconds"] >= waits + 30 + 15
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]
    assert probes == [{"path": "/healthz", "port": "http"}] * 3
    (port,) = container["ports"]
    assert port["containerPort"] == int(image.said("EXPOSE"))


def test_it_is_the_images_command_and_watches_the_keys() -> None:
    (container,) = pod("StatefulSet")["containers"]

    assert container["args"] == [*image.command("CMD"), "--watch"]


def test_the_services_and_the_budget_are_for_the_gateways() -> None:
    found = documents()
    labels = found["StatefulSet"]["spec"]["template"]["metadata"]["labels"]

    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert found["StatefulSet"]["spec"]["selector"]["matchLabels"] == labels


def test_what_is_secret_is_a_file_and_in_no_environment() -> None:
    found = documents()
    (container,) = pod("StatefulSet")["containers"]
    (volume,) = pod("StatefulSet")["volumes"]
    (place,) = [each["mountPath"] for each in container["volumeMounts"] if each.get("readOnly")]
    group = pod("StatefulSet")["securityContext"]["fsGroup"]

    told = {name: text for name, text in found["ConfigMap"]["data"].items() if "_FILE" in name}
    names = found["Secret"]["stringData"]
    assert told == {f"{name}_FILE": f"{place}/{name}" for name in names}
    assert [list(each) for each in container["envFrom"]] == [["configMapRef"]]
    assert volume["secret"]["secretName"] == found["Secret"]["metadata"]["name"]
    assert (volume["secret"]["defaultMode"], group) == (0o440, image.user()[1])


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "GATEWAY_CLIENT_TOKEN", "DJANGO_SUPERUSER_PASSWORD"]
)
def test_nobody_starts_with_a_secret_of_the_example(name: str) -> None:
    (row,) = [row for row in table.rows if row.name == name]
    env = Environment({name: documents()["Secret"]["stringData"][name]})
    row.value(env)

    assert env.problems
