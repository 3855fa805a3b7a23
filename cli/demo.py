"""`trader demo`: a real strategy on real data, without any file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import screen
from cli.backtest import Files, run_with_progress, show
from cli.errors import guarded
from cli.options import Debug


@guarded
def demo(
    plot: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the picture goes: .png, .svg or .pdf.")
    ] = Path("trader-demo.png"),
    report: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the HTML report goes.")
    ] = Path("trader-demo.html"),
    rehearsal: Annotated[
        bool,
        typer.Option(
            "--rehearsal",
            help="Instead: the whole way from a search to live trading, on a venue of this machine.",
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Run the example strategy on the bundled GOOG history.

    Real daily prices from August 2004 to October 2008; nothing is downloaded.

    With --rehearsal: search, backtest, paper, the gate, a certificate, live, drift and suspension, on a
    synthetic market and a simulated venue, in about four minutes.

    \b
    Examples:
      trader demo --plot goog.png --report goog.html
      trader demo --rehearsal
    """
    from reports.charts import require_picture_path
    from runtime.config import load_strategy
    from runtime.workspace import DEFAULT_STRATEGY, catalog_root, examples_folder

    require_picture_path(plot)
    if rehearsal:
        from cli.rehearsal import rehearse

        rehearse(plot)
        return
    screen.require_writable(report)
    config = load_strategy(examples_folder() / DEFAULT_STRATEGY)
    run = run_with_progress(config, catalog_root(None, Path.cwd()), "auto")
    show(run, Files(plot, report))
