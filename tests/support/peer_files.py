"""Made-up files of other gateways, by their fields."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def database(path: Path, tables: Mapping[str, Rows]) -> Path:
    """Of SQLite. Columns have no types, as far as anybody who reads it knows."""
    with closing(sqlite3.connect(path)) as connection:
        for table, rows in tables.items():
            names = list(rows[0])
            connection.execute(f'CREATE TABLE "{table}" ({", ".join(map(_quoted, names))})')
            marks = ", ".join("?" * len(names))
            values = [tuple(row[name] for name in names) for row in rows]
            connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', values)
        connection.commit()
    return path


def gpt_load_tables(target: str, keys: Sequence[str], token: str) -> dict[str, Rows]:
    group = {
        "id": 1,
        "name": "flash",
        "group_type": "standard",
        "upstreams": json.dumps([{"url": target, "weight": 1}]),
        "channel_type": "gemini",
        "config": json.dumps({"max_retries": 3}),
        "header_rules": json.dumps([]),
        "model_redirect_rules": json.dumps({"fast": "gemini-2.5-flash"}),
        "proxy_keys": token,
        "sort": 1,
    }
    rows = [
        {
            "id": number,
            "group_id": 1,
            "key_value": key,
            "status": "active",
            "notes": f"no. {number}",
        }
        for number, key in enumerate(keys, start=1)
    ]
    rows[-1]["status"] = "invalid"
    return {"groups": [group], "api_keys": rows}


def gemini_balance_settings(target: str, keys: Sequence[str], token: str) -> dict[str, str]:
    return {
        "API_KEYS": json.dumps(keys),
        "ALLOWED_TOKENS": json.dumps([token]),
        "AUTH_TOKEN": "",
        "BASE_URL": f"{target}/v1beta",
        "MAX_FAILURES": "3",
    }


def _quoted(name: str) -> str:
    return f'"{name}"'


def _gpt_load(folder: Path, target: str, keys: Sequence[str], token: str) -> Path:
    return database(folder / "gpt-load.db", gpt_load_tables(target, keys, token))


def _gemini_balance(folder: Path, target: str, keys: Sequence[str], token: str) -> Path:
    settings = gemini_balance_settings(target, keys, token)
    return _written(folder / ".env", "".join(f"{name}={it}\n" for name, it in settings.items()))


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


# The format, the group that it makes, and what writes the file.
PEER_FILES = [
    ("gpt-load", "flash", _gpt_load),
    ("gemini-balance", "gemini", _gemini_balance),
]
