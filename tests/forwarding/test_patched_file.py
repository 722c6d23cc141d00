"""A body on disk of which some bytes are others."""

import random

from proxyapp.forwarding.patched_file import Patch, PatchedFile, PatchedText


def read_in_parts(file: PatchedFile, size: int) -> bytes:
    file.seek(0)
    return b"".join(iter(lambda: file.read(size), b""))


def test_it_reads_like_what_it_stands_for() -> None:
    chance = random.Random(7)
    for _ in range(300):
        text = bytes(chance.choices(b"abcdef", k=chance.randint(0, 60)))
        cuts = sorted(chance.sample(range(len(text) + 1), min(6, len(text) + 1) // 2 * 2))
        patches = [
            Patch(start, end, bytes(chance.choices(b"XYZ", k=chance.randint(0, 9))))
            for start, end in zip(cuts[::2], cuts[1::2], strict=True)
        ]
        whole, place = b"", 0
        for patch in patches:
            whole += text[place : patch.start] + patch.new
            place = patch.end
        whole += text[place:]
        made, file = PatchedText(text, patches), PatchedFile(text, patches)

        assert len(made) == len(whole)
        assert made[:] == whole
        for _ in range(10):
            start, end = chance.randint(0, 70), chance.randint(0, 70)
            assert made[start:end] == whole[start:end]
        assert read_in_parts(file, chance.randint(1, 9)) == whole
