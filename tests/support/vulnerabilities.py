"""Fails when a known vulnerability concerns a pinned package.

It says which packages could not be looked up. Advisories come from the package index, which some
networks cannot reach: that alone is no failure.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

SECONDS = 120


def findings(report: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The vulnerabilities, one line each, and the packages that nothing was learned about.

    Both are from pip-audit's JSON.
    """
    found = []
    unknown = []
    for package in report["dependencies"]:
        if "skip_reason" in package:
            unknown.append(package["name"])
        for each in package.get("vulns", []):
            fixed = ", ".join(each["fix_versions"]) or "no version yet"
            found.append(f"{package['name']} {package['version']}: {each['id']}, fixed in {fixed}")
    return found, unknown


def ask(requirements: str) -> Mapping[str, Any] | None:
    """None: nobody answered."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--requirement",
        requirements,
        "--disable-pip",
        "--format",
        "json",
    ]
    try:
        done = subprocess.run(
            [*command, "--require-hashes", "--progress-spinner", "off", "--timeout", "10"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        report: Mapping[str, Any] = json.loads(done.stdout)
    except (ValueError, subprocess.TimeoutExpired):
        return None
    return report


def main(requirements: str) -> int:
    report = ask(requirements)
    if report is None:
        print("No advisory could be asked for: nothing is known about the pinned packages.")
        return 0
    found, unknown = findings(report)
    for line in found:
        print(line)
    asked = len(report["dependencies"])
    print(
        f"{asked - len(unknown)} of {asked} pinned packages were looked up: {len(found)} known"
        " vulnerabilities."
    )
    if unknown:
        print(f"Not looked up: {', '.join(unknown)}.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
