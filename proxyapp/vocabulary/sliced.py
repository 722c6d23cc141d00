"""What is read part by part, wherever it is kept."""

from typing import Protocol


class Sliced(Protocol):
    """Bytes, a file in memory, or what stands for one."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...
