"""Where a process that serves takes its memory from."""

import ctypes
from contextlib import suppress

M_ARENA_MAX = -8  # of <malloc.h>


def share_arenas() -> None:
    """The few threads of a process take memory from one arena more than the main thread's: with one
    each, glibc keeps in all of them what any page of the admin once took.
    """
    with suppress(OSError, AttributeError):  # another C library has no such word
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 2)
