"""The environment that this process was given, before `.env` was added to it: successors read
`.env` anew.
"""

import os

GIVEN = dict(os.environ)
