"""What an alert may tell of: the word that channels choose it by, and what it means."""

KINDS = {
    "database_away": "The database is away, and requests are served from memory.",
    "spool": "What happens cannot be written, or waits in the spool.",
    "unreadable": "SECRET_KEY does not open keys or a group's proxy.",
    "group_without_key": "A group has no available key.",
    "no_key": "Requests of the last hour found no available key.",
    "exit": "An exit or a proxy fails.",
    "key_died": "The provider refused keys for good; once more when others follow.",
    "running_dry": "A group will have no key left today, or has none left.",
    "project_dry": "A project will have used up a day's limit before its reset, or has.",
    "error_rate": "Many of the last ten minutes' requests were not answered well.",
    "slow": "Answers of the last ten minutes began late (p95).",
    "token": "A client token in use expires, keeps reaching its limits, or is not asked for.",
    "budget": "A client token has spent 80 % of its budget of a day or a month.",
}
WARNING, DANGER = "warning", "danger"
LEVELS = (WARNING, DANGER)
