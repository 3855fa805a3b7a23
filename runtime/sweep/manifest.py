"""What a sweep is: everything that decides its rows, written beside them.

Two searches with equal manifests give equal rows, so one may go on where the other stopped. Where
they differ, the difference has a name that a person knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.errors import DataError

MANIFEST_NAME = "manifest.json"
VERSION = 1


class SpanEntry(msgspec.Struct, frozen=True):
    """A part of the history to trade in; `window` and `phase` are empty in a plain search."""

    start_ns: int | None
    end_ns: int | None
    window: int | None = None
    phase: str | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep, in the words that it was asked in.

    Parameters
    ----------
    strategy, fingerprint
        The strategy's name, and the hash of its configuration and code.
    data, dataset, program
        The fingerprint of the history, its name, and a hash of the code that changes results.
    parameters
        The values of each parameter, as text.
    method, count, seed, metric
        How combinations are chosen; `metric` where it decides what is run.
    spans
        What is traded in: one entry, or the windows of a walk-forward.
    walk_forward
        How the windows were cut, as text.
    trials
        How many rows the sweep has when it is complete.
    plan
        A hash of the combinations.
    periods_per_year
        Of the daily returns.
    """

    strategy: str
    fingerprint: str
    dataset: str
    data: str
    program: str
    parameters: dict[str, str]
    where: tuple[str, ...] = ()
    method: str = "grid"
    count: int = 0
    seed: int = 0
    metric: str = ""
    spans: tuple[SpanEntry, ...] = (SpanEntry(None, None),)
    walk_forward: str = ""
    trials: int = 0
    plan: str = ""
    periods_per_year: float = 252.0
    version: int = VERSION


_WORDS = {
    "strategy": "the strategy",
    "fingerprint": "the strategy file or its code",
    "dataset": "the dataset",
    "data": "the market data",
    "program": "the version of trader",
    "where": "--where",
    "method": "the method",
    "count": "the number of trials asked for",
    "seed": "--seed",
    "metric": "--metric",
    "walk_forward": "--walk-forward",
    "version": "the version of the folder",
}
_HASHES = frozenset({"fingerprint", "data", "program"})


def differences(before: Manifest, now: Manifest) -> list[str]:
    """Return what differs between two manifests, in words; empty when they are one sweep."""
    found = [*_parameter_differences(before, now)]
    for name, words in _WORDS.items():
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            found.append(f"{words} changed" if name in _HASHES else f"{words}: {_was(old, new)}")
    if not found and before != now:
        found.append("the combinations")
    return found


def _parameter_differences(before: Manifest, now: Manifest) -> Iterator[str]:
    for name in {**before.parameters, **now.parameters}:
        old, new = before.parameters.get(name), now.parameters.get(name)
        if old != new:
            yield f"--param {name}: {_was(old, new)}"
    if list(before.parameters) != list(now.parameters) and not set(before.parameters) ^ set(
        now.parameters
    ):
        yield "the order of --param"


def _was(old: object, new: object) -> str:
    return f"was {_shown(old)}, now {_shown(new)}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        value = " and ".join(str(each) for each in value)
    return "not given" if value in (None, "") else str(value)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest; the folder is a sweep from then on."""
    from runtime.sweep.files import replace_file

    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    replace_file(folder / MANIFEST_NAME, lambda path: path.write_bytes(text + b"\n"))


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of a folder; None where there is none.

    Raises
    ------
    DataError
        If it is there and cannot be read.
    """
    path = folder / MANIFEST_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(
            f"the sweep's manifest cannot be read: {error}",
            where=str(path),
            remedy="choose another folder with --out",
            code="sweep.manifest",
        ) from None
