"""Requests of a gateway, and the states of its keys."""

import httpx

from tests.support.gateway import Gateway

GENERATE = "/v1beta/models/gemini-2.5-flash:generateContent"


def ask(gateway: Gateway, path: str = GENERATE) -> httpx.Response:
    body = {"contents": [{"parts": [{"text": "hi"}]}], "model": "gemini-2.5-flash", "messages": []}
    return httpx.post(gateway.url + path, json=body, timeout=30, trust_env=False)


def states(gateway: Gateway) -> list[str]:
    return [key["state"] for key in gateway.keys()]
