"""`{project}` and `{location}` in a group's target, which each key fills with its own."""

from urllib.parse import quote

PROJECT, LOCATION = "{project}", "{location}"
DEFAULT_LOCATION = "global"


def has_places(target: str) -> bool:
    return PROJECT in target or LOCATION in target


def lacks_project(target: str, project: str) -> bool:
    """Of a key: the target names what it does not have."""
    return PROJECT in target and not project


def filled(target: str, project: str = "", location: str = "") -> str:
    """Google's hosts of a location have it in front (`us-central1-…`), the global one nothing."""
    location = location or DEFAULT_LOCATION
    if location == DEFAULT_LOCATION:
        target = target.replace(f"//{LOCATION}-", "//")
    # A segment of dots would lead elsewhere.
    named = quote(project.strip(".") or "-", safe=":")
    return target.replace(LOCATION, location).replace(PROJECT, named)
