"""How many random worlds the tests play.

The suite plays as many as find mistakes in minutes; `WORLDS=5` in the environment plays five times as many.
"""

from __future__ import annotations

import os

WORLDS = float(os.environ.get("WORLDS", "1"))


def seeds(few: int) -> range:
    """Return the seeds to play: `few` of them, unless the environment asks for more."""
    return range(max(1, round(few * WORLDS)))
