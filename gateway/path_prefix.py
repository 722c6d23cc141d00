"""What Django has to know of the path that the gateway is deployed below."""


def settings_below(prefix: str) -> dict[str, object]:
    """Settings of Django's, by their names. `prefix`: empty, or such as `/gemini`."""
    return {
        "PATH_PREFIX": prefix,
        "FORCE_SCRIPT_NAME": prefix or None,
        "STATIC_URL": f"{prefix}/static/",
        "SESSION_COOKIE_PATH": f"{prefix}/",
        "CSRF_COOKIE_PATH": f"{prefix}/",
        "LANGUAGE_COOKIE_PATH": f"{prefix}/",
    }
