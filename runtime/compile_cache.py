"""Where compiled kernels are kept, and whether they are there.

numba's own cache does not notice a change in a function imported from another file, and would then
run old code. So the cache has a folder named by a hash over all sources that can be compiled, wherever
somebody wants it. numba does not find what the same sources elsewhere have left, nor another version of
itself: the folder's name tells these apart too, so that what is called warm can be loaded.
"""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from runtime.source_files import source_files

COMPILED_PACKAGES = ("engine", "sims")
_MARKERS = {False: "complete", True: "complete-with-loop"}
_STEPS = "-steps"


def cache_root() -> Path:
    """Return the user's cache folder for this program (XDG_CACHE_HOME, else ~/.cache)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "trader" / "kernels"


@cache
def sources_digest() -> str:
    """Return a hash over all sources that can be compiled, the interpreter and the machine's kind."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(f"{platform.python_version()} {platform.machine()}".encode())
    for name in COMPILED_PACKAGES:
        for path, content in source_files(name):
            digest.update(path.encode())
            digest.update(content)
    return digest.hexdigest()


def cache_folder() -> Path:
    """Return the folder of this version's compiled kernels: in NUMBA_CACHE_DIR, if that is set."""
    chosen, name = os.environ.get("NUMBA_CACHE_DIR"), _folder_name()
    root = Path(chosen) if chosen else cache_root()
    return root if root.name == name else root / name  # `use_cache` has set it for this process


@cache
def _folder_name() -> str:
    where = hashlib.blake2b(_origin(COMPILED_PACKAGES[0]).encode(), digest_size=4)
    # Its version, for which importing it, or what finds out versions, would take too long at each start.
    where.update(Path(_origin("numba")).with_name("_version.py").read_bytes())
    return f"{sources_digest()}-{where.hexdigest()}"


def _origin(package: str) -> str:
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None
    return os.path.realpath(spec.origin)


def use_cache() -> None:
    """Point numba at the folder; must run before the first import of numba.

    Where the folder cannot be written numba compiles anew in each process; that is slow, not wrong.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    os.environ["NUMBA_CACHE_DIR"] = str(folder)


def is_warm(*, with_loop: bool = False, steps: bool = False) -> bool:
    """Return whether the replay was compiled before, so that loading it takes a second or two.

    With the trading loop it is compiled apart from that without. `steps` asks of a session's kernels
    (`sims.stepping`) instead.
    """
    return (cache_folder() / (_MARKERS[with_loop] + _STEPS * steps)).is_file()


def mark_steps_warm(*, with_loop: bool) -> None:
    """Remember that a session's kernels are compiled."""
    (cache_folder() / (_MARKERS[with_loop] + _STEPS)).touch()


def mark_warm(*, with_loop: bool = False) -> None:
    """Remember that the replay is compiled; what the next runs take along is compiled first."""
    if is_warm(with_loop=with_loop):
        return
    from data.compiled import load

    load()
    try:
        (cache_folder() / _MARKERS[with_loop]).touch()
    except OSError:
        return


def warm_up(*, with_loop: bool = False) -> None:
    """Compile the backtest's kernels now, by running a small backtest compiled."""
    from data.samples import load_sample
    from runtime.backtest import backtest_text

    loop = "[risk]\n[exits]\n[guards]\n" if with_loop else ""
    backtest_text(
        loop
        + """
        [strategy]
        name = "warm_up"
        [data]
        dataset = "sample:goog"
        [rules]
        entry = "cross_above(sma(close, 5), sma(close, 20))"
        exit = "cross_below(sma(close, 5), sma(close, 20))"
        """,
        history=load_sample("goog"),
        engine="compiled",
    )
