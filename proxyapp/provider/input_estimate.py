"""About how many LLM tokens a request has to be read for, before it is sent: its input.

What it names, and does not hold, is not seen (files, caches, earlier turns): the answer's usage
corrects that.
"""

import mmap
from collections.abc import Generator

from proxyapp.provider.llm_token_estimate import BYTES_A_LLM_TOKEN, DATA_START, LONGEST_START
from proxyapp.provider.long_json import finished
from proxyapp.provider.media_rates import HEAD_CHARACTERS, llm_tokens_of_data

PIECE_BYTES = 64 * 1024
DATA_BYTES = 1 << 20
# The ends of the names under which data stands; where there are none nothing has to be searched.
_NAMES = (b'data"', b'url"', b'_json"', b'Encoded"', b'result"')


def input_llm_tokens(body: bytes) -> int:
    if len(body) <= PIECE_BYTES and not any(name in body for name in _NAMES):
        return -(-len(body) // BYTES_A_LLM_TOKEN)
    return finished(estimating_input(body))


def estimating_input(body: bytes | mmap.mmap) -> Generator[None, None, int]:
    """A step for each piece of text or of base64."""
    place = text = of_data = 0
    end = len(body)
    while place < end:
        stop = min(place + PIECE_BYTES, end)
        found = DATA_START.search(body, place, min(stop + LONGEST_START, end))
        if found is None or found.start() >= stop:
            text += stop - place
            place = stop
        else:
            start = found.end()
            text += start - place
            place = start
            while (found_end := body.find(b'"', place, place + DATA_BYTES)) < 0 and place < end:
                place += DATA_BYTES
                yield
            place = found_end if found_end >= 0 else end
            of_data += llm_tokens_of_data(body[start : start + HEAD_CHARACTERS], place - start)
        yield
    return -(-text // BYTES_A_LLM_TOKEN) + of_data
