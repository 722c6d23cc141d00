"""What a start without a config file says of where its keys come from."""

from pathlib import Path

from proxyapp.config.environment_keys import ONE, EnvironmentKeys
from proxyapp.process.few_names import few_names


def lines(path: Path, found: EnvironmentKeys | None) -> list[str]:
    if found is None:
        return [
            f"There is no {path}: the defaults apply, and groups and keys are those of the admin."
        ]
    count = len(found.group.api_keys)
    keys = f"{count} key{'s' * (count != 1)}"
    told = f"{keys} of the environment ({few_names(found.names)}) for the group {found.group.name}"
    lines = [f"There is no {path}: the defaults apply, with {told}, beside those of the admin."]
    if found.unread:
        lines.append(
            f"warning: the numbers of {ONE}_1, {ONE}_2 and so on end at a gap; not read:"
            f" {few_names(found.unread)}"
        )
    if not count:
        places = ", ".join(found.group.placeholders)
        lines.append(f"warning: placeholders skipped ({places}); put your keys in their place")
    return lines
