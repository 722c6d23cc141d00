"""`manage.py` on a machine whose clock is CLOCK_AHEAD seconds ahead."""

import os
import runpy
import time
from pathlib import Path

import time_machine

if __name__ == "__main__":
    time_machine.travel(time.time() + float(os.environ["CLOCK_AHEAD"])).start()
    runpy.run_path(str(Path(__file__).resolve().parents[2] / "manage.py"), run_name="__main__")
