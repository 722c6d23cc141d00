"""What is kept of a client whose session is looked for."""

import asyncio
from contextlib import suppress

import pytest

from proxyapp.live_api.kept_messages import MOST_KEPT_BYTES, KeptMessages


@pytest.mark.parametrize("message", ["", b"", "x"])
def test_small_messages_take_room_too(message: str | bytes):
    async def flooded() -> int:
        kept = KeptMessages()
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                for _ in range(MOST_KEPT_BYTES):
                    await kept.add(message)
        return len(kept.messages)

    assert asyncio.run(flooded()) < MOST_KEPT_BYTES // 50


def test_what_a_client_wrote_is_read_without_escapes():
    async def text() -> str:
        kept = KeptMessages()
        await kept.add(r'{"setup": {"model": "\u0059ou"}}')
        return kept.text()

    assert '"You"' in asyncio.run(text())
