"""Made-up files of other gateways, by their fields."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

Rows = Sequence[dict[str, Any]]


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


def litellm_config(target: str, keys: Sequence[str], token: str) -> dict[str, Any]:
    params = {"model": "gemini/gemini-2.5-flash", "api_base": target, "rpm": 10}
    return {
        "model_list": [
            {"model_name": "fast", "litellm_params": {**params, "api_key": key, "weight": number}}
            for number, key in enumerate(keys, start=1)
        ],
        "router_settings": {"routing_strategy": "simple-shuffle", "fallbacks": [{"fast": ["pro"]}]},
        "general_settings": {"master_key": token},
    }


def cliproxyapi_config(target: str, keys: Sequence[str], token: str) -> dict[str, Any]:
    models = [{"name": "gemini-2.5-flash", "alias": "fast"}]
    return {
        "port": 8317,
        "api-keys": [token],
        "proxy-url": "",
        "gemini-api-key": [
            {"api-key": key, "base-url": target, "proxy-url": "direct", "models": models}
            for key in keys
        ],
    }


def uni_api_config(target: str, keys: Sequence[str], token: str) -> dict[str, Any]:
    provider = {
        "provider": "google",
        "base_url": f"{target}/v1beta",
        "api": list(keys),
        "model": ["gemini-2.5-pro", {"gemini-2.5-flash": "fast"}],
        "preferences": {"api_key_rate_limit": "10/min"},
    }
    return {"providers": [provider], "api_keys": [{"api": token, "model": ["google/*"]}]}


def new_api_tables(target: str, keys: Sequence[str], token: str) -> dict[str, Rows]:
    channel = {
        "id": 1,
        "type": 24,
        "key": "\n".join(keys),
        "status": 1,
        "name": "google",
        "weight": 2,
        "priority": 5,
        "base_url": target,
        "models": "gemini-2.5-flash,gemini-2.5-pro",
        "group": "default",
        "model_mapping": json.dumps({"fast": "gemini-2.5-flash"}),
        "setting": "",
        "channel_info": json.dumps({"is_multi_key": True, "multi_key_status_list": {"2": 3}}),
    }
    client = {
        "id": 7,
        "key": token.removeprefix("sk-"),
        "status": 1,
        "name": "app",
        "expired_time": -1,
        "model_limits_enabled": 0,
        "model_limits": "",
        "unlimited_quota": 1,
        "deleted_at": None,
    }
    return {"channels": [channel], "tokens": [client]}


def _yaml(make: Callable[[str, Sequence[str], str], dict[str, Any]]) -> Any:
    def file(folder: Path, target: str, keys: Sequence[str], token: str) -> Path:
        return _written(folder / "config.yaml", yaml.safe_dump(make(target, keys, token)))

    return file


def _new_api(folder: Path, target: str, keys: Sequence[str], token: str) -> Path:
    return database(folder / "one-api.db", new_api_tables(target, keys, token))


# The format, and what writes the file.
PEER_FILES = [
    ("gpt-load", _gpt_load),
    ("gemini-balance", _gemini_balance),
    ("litellm", _yaml(litellm_config)),
    ("cliproxyapi", _yaml(cliproxyapi_config)),
    ("new-api", _new_api),
    ("uni-api", _yaml(uni_api_config)),
]
