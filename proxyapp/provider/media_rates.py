"""How many LLM tokens pictures, sound, films and documents are that a request has in base64.

By the rates that Google documents (ai.google.dev/gemini-api/docs/tokens): 258 for a picture of 384
by 384 pixels or a tile of 768 by 768 of a larger one, and for a page; 32 a second of sound, 263 of
film. Seconds, tiles and pages are taken from bytes where their heads do not tell.
"""

import math
from binascii import Error, a2b_base64

LLM_TOKENS_A_TILE = 258
SMALL_PIXELS = 384
TILE_PIXELS = 768
MOST_TILES = 64
HEAD_CHARACTERS = 32
# Of a JPEG or WebP a tile of middling quality; of a PDF a page of text with some pictures.
BYTES_A_TILE = 100_000
BYTES_A_PAGE = 75_000
# 32 LLM tokens a second: of WAV with 16 bits at 16 kHz, of others 128 kbit/s.
BYTES_A_TOKEN_OF_WAV = 1000
BYTES_A_TOKEN_OF_SOUND = 500
# 263 LLM tokens a second of 2 Mbit/s.
BYTES_A_TOKEN_OF_FILM = 950
BYTES_A_TOKEN_OF_OTHERS = 750

_PNG = b"\x89PNG\r\n\x1a\n"
_PICTURES = (b"\xff\xd8\xff", b"GIF8")
_SOUNDS = (b"ID3", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"FORM")
_MATROSKA = b"\x1aE\xdf\xa3"


def llm_tokens_of_data(head: bytes, characters: int) -> int:
    """Of so many characters of base64, which begin with these."""
    start, size = _decoded(head[:HEAD_CHARACTERS]), characters * 3 // 4
    if start.startswith(_PNG):
        return LLM_TOKENS_A_TILE * _tiles_of_png(start)
    if start.startswith(_PICTURES) or start[8:12] == b"WEBP":
        return LLM_TOKENS_A_TILE * min(max(1, round(size / BYTES_A_TILE)), MOST_TILES)
    if start.startswith(b"%PDF"):
        return LLM_TOKENS_A_TILE * max(1, round(size / BYTES_A_PAGE))
    if start[8:12] == b"WAVE":
        return size // BYTES_A_TOKEN_OF_WAV
    if start.startswith(_SOUNDS):
        return size // BYTES_A_TOKEN_OF_SOUND
    if start[4:8] == b"ftyp" or start.startswith(_MATROSKA):
        return size // BYTES_A_TOKEN_OF_FILM
    return size // BYTES_A_TOKEN_OF_OTHERS


def _decoded(head: bytes) -> bytes:
    whole = head.translate(None, b"\\").replace(b"-", b"+").replace(b"_", b"/")
    try:
        return a2b_base64(whole[: len(whole) // 4 * 4])
    except Error:
        return b""


def _tiles_of_png(start: bytes) -> int:
    width, height = int.from_bytes(start[16:20]), int.from_bytes(start[20:24])
    if max(width, height) <= SMALL_PIXELS:
        return 1
    tiles = math.ceil(width / TILE_PIXELS) * math.ceil(height / TILE_PIXELS)
    return min(max(tiles, 1), MOST_TILES)
