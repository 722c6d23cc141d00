"""The environment of this process before `.env` was added to it: successors read `.env` anew."""

import os

GIVEN = dict(os.environ)
