"""`trader data list`: what the catalog holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli import screen
from cli.errors import guarded
from cli.options import CatalogFolder, Debug, Json

if TYPE_CHECKING:
    from data.catalog import DatasetSummary


@guarded
def list_data(json: Json = False, catalog: CatalogFolder = None, debug: Debug = False) -> None:
    """List the datasets of the catalog, and what is always there: samples, synthetic worlds.

    \b
    Example:
      trader data list --json
    """
    from data.catalog import list_datasets
    from data.samples import SAMPLE_PREFIX, SAMPLES
    from runtime.workspace import catalog_root
    from sims.worlds.spec import WorldKind

    root = catalog_root(catalog, Path.cwd())
    datasets = list_datasets(root)
    samples = [SAMPLE_PREFIX + name for name in SAMPLES]
    worlds = [f"world:{kind.value}" for kind in WorldKind]
    if json:
        entries = [_to_json(each) for each in datasets]
        screen.print_json(
            {"catalog": str(root), "datasets": entries, "samples": samples, "worlds": worlds}
        )
        return
    _print_table(datasets)
    print(f"Always there: {', '.join(samples)}")
    print(f"Synthetic: {', '.join(worlds[:3])},")
    print(f"  {', '.join(worlds[3:])}")
    print(f"Catalog: {root}")


def _print_table(datasets: Sequence[DatasetSummary]) -> None:
    from rich.table import Table

    from data.views import format_day

    if not datasets:
        print("No dataset yet: trader data import FILE --name NAME")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("dataset", "holds", "instruments"):
        table.add_column(title, overflow="fold")
    table.add_column("rows", justify="right")
    table.add_column("from")
    table.add_column("to")
    for each in datasets:
        holds = " ".join([*each.kinds, *each.timeframes])
        cells = [holds, _some(each.symbols), f"{each.rows:,}"]
        cells += [format_day(each.first_ns), format_day(each.last_ns)]
        table.add_row(each.name, *(["damaged", "", "", "", ""] if each.problem else cells))
    screen.console().print(table)


def _some(symbols: Sequence[str]) -> str:
    if len(symbols) <= 3:
        return ", ".join(symbols)
    return f"{', '.join(symbols[:2])} and {len(symbols) - 2:,} more"


def _to_json(each: DatasetSummary) -> dict[str, object]:
    return {
        "name": each.name,
        "kinds": list(each.kinds),
        "symbols": list(each.symbols),
        "timeframes": list(each.timeframes),
        "rows": each.rows,
        "first_ns": each.first_ns,
        "last_ns": each.last_ns,
        "fingerprint": each.fingerprint,
        "problem": each.problem or None,
    }
