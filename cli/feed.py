"""`trader feed`: market data as a live stream on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.errors import guarded
from cli.options import CatalogFolder, Debug
from cli.paper import parse_speed


@guarded
def serve_feed(
    strategy: Annotated[
        str, typer.Argument(metavar="STRATEGY", help="Whose data are served, file or name.")
    ],
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="0: a free one.")
    ] = 8765,
    speed: Annotated[
        str, typer.Option(metavar="max|N", help="How many seconds of the data pass in one; or max.")
    ] = "3600",
    faults: Annotated[
        int, typer.Option(metavar="N", min=0, help="So many faults of the wire, to be survived.")
    ] = 0,
    seed: Annotated[int, typer.Option(metavar="N", help="Which faults, and where.")] = 0,
    catalog: CatalogFolder = None,
    debug: Debug = False,
) -> None:
    """Serve a strategy's data as a stream over WebSocket, on this machine only.

    It begins with the first listener and runs until Ctrl-C.

    \b
    Examples:
      trader feed serve examples/sma_cross.toml --speed 86400
      trader paper examples/sma_cross.toml --feed ws://127.0.0.1:8765
    """
    import asyncio

    from runtime.backtest.histories import load_history
    from runtime.clocks import SystemClock
    from runtime.config import load_strategy
    from runtime.feeds.faults import FaultSchedule, random_schedule
    from runtime.feeds.rows import replay_rows
    from runtime.feeds.server import StreamServer
    from runtime.feeds.tape import Tape
    from runtime.workspace import catalog_root, find_strategy

    here = Path.cwd()
    config = load_strategy(find_strategy(strategy, here))
    history = load_history(config.data, catalog_root(catalog, here))
    rows = replay_rows(history, trading=config.is_trading)
    count = sum(len(columns) for _, columns in history.columns())
    schedule = random_schedule(seed, count, count=faults) if faults else FaultSchedule()
    server = StreamServer(Tape(rows, schedule), SystemClock(), speed=parse_speed(speed), port=port)

    async def run() -> None:
        async with server:
            print(f"Serving {config.data.dataset} at {server.url}; Ctrl-C ends it", flush=True)
            await asyncio.Event().wait()

    asyncio.run(run())
