"""When Python looks for garbage in cycles, in a process that serves."""

import gc


def calm_collector() -> None:
    """What is loaded now stays: looking through it again and again would stall requests.

    Python looks through everything only when a quarter has been added since the last time. It must
    count without what is frozen for that, or garbage in cycles stays for hours.
    """
    gc.collect()
    gc.freeze()
    gc.collect()
    gc.set_threshold(5_000, 5, 5)
