"""What is measured: the workloads of the goals, who takes part, and how results are compared."""

from __future__ import annotations

from dataclasses import dataclass

BAR_SLICE = 100_000  # for peers that need a minute and more for a million bars
WHOLE_DAYS = 69 * 1440  # zipline runs whole sessions


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of work, the same for everybody.

    Parameters
    ----------
    name, title
        ``W1a`` and what it is.
    world, size
        The data and how many rows of it.
    unit, units_per_row
        What a rate counts, and how many of it one row is.
    goal, goal_ratio
        What we must reach: units a second, and times the best peer.
    rounds
        How often each participant is timed, in turn with the others.
    peers
        Participants, and the rows that each gets (None: all).
    fills_tolerance, equity_tolerance
        What still counts as the same result: part of the fills, and currency; `reason` says why.
    """

    name: str
    title: str
    world: str
    size: int
    unit: str
    units_per_row: int
    goal: float
    goal_ratio: float
    rounds: int
    peers: dict[str, int | None]
    fills_tolerance: float
    equity_tolerance: float
    reason: str


_FLOATS = "sums of floats over all fills stay far below a cent; ours are exact"

WORKLOADS = {
    item.name: item
    for item in (
        Workload(
            name="W1a",
            title="one instrument, SMA 20/50 cross, Python class with on_bar",
            world="bars",
            size=1_000_000,
            unit="bars",
            units_per_row=1,
            goal=2e6,
            goal_ratio=10,
            rounds=3,
            peers={
                "vnpy": None,
                "backtesting.py": None,
                "raptorbt": None,
                "jesse": BAR_SLICE,
                "zipline": WHOLE_DAYS,
                "nautilus": BAR_SLICE,
                "backtrader": BAR_SLICE,
            },
            fills_tolerance=0.0,
            equity_tolerance=0.01,
            reason=_FLOATS,
        ),
        Workload(
            name="W1b",
            title="the same as a rule",
            world="bars",
            size=1_000_000,
            unit="bars",
            units_per_row=1,
            goal=20e6,
            goal_ratio=3,
            rounds=7,
            peers={"vectorbt": None, "vectorbt-rust": None, "raptorbt": None},
            fills_tolerance=0.0,
            equity_tolerance=0.01,
            reason=_FLOATS,
        ),
        Workload(
            name="W1c",
            title="the same as a user's compiled strategy",
            world="bars",
            size=1_000_000,
            unit="bars",
            units_per_row=1,
            goal=10e6,
            goal_ratio=9,
            rounds=5,
            peers={"vectorbt": None},
            fills_tolerance=0.0,
            equity_tolerance=0.01,
            reason=_FLOATS,
        ),
        Workload(
            name="W2",
            title="500 instruments x 2,520 days, monthly momentum, top 50",
            world="universe",
            size=2_520,
            unit="instrument-bars",
            units_per_row=500,
            goal=20e6,
            goal_ratio=15,
            rounds=3,
            peers={
                "vectorbt": None,
                "vectorbt-rust": None,
                "nanobook": None,
                "bt": None,
                "backtrader": 300,
            },
            fills_tolerance=0.0,
            equity_tolerance=5.0,
            reason="we trade millionths of a share, they any fraction",
        ),
        Workload(
            name="W3",
            title="1,000 parameter pairs x 100,000 bars, one core",
            world="bars",
            size=100_000,
            unit="combination-bars",
            units_per_row=1_000,
            goal=100e6,
            goal_ratio=14,
            rounds=2,
            peers={
                "raptorbt": None,
                "vectorbt": None,
                "vectorbt-rust": None,
            },
            fills_tolerance=2e-3,
            equity_tolerance=1.0,
            reason="where two averages are equal, the last digit of a sum decides; mean equity",
        ),
        Workload(
            name="W3x2",
            title="1,000 parameter pairs x 100,000 bars, two cores",
            world="bars",
            size=100_000,
            unit="combination-bars",
            units_per_row=1_000,
            goal=200e6,
            goal_ratio=14,
            rounds=2,
            peers={
                "raptorbt-2-cores": None,
            },
            fills_tolerance=2e-3,
            equity_tolerance=1.0,
            reason="where two averages are equal, the last digit of a sum decides; mean equity",
        ),
        Workload(
            name="W4a",
            title="5,000,000 quotes, limit orders on both sides, Python class",
            world="quotes",
            size=5_000_000,
            unit="ticks",
            units_per_row=1,
            goal=3e6,
            goal_ratio=150,
            rounds=2,
            peers={"nautilus": 200_000},
            fills_tolerance=0.0,
            equity_tolerance=0.01,
            reason=_FLOATS,
        ),
        Workload(
            name="W4b",
            title="the same as a compiled strategy",
            world="quotes",
            size=5_000_000,
            unit="ticks",
            units_per_row=1,
            goal=15e6,
            goal_ratio=20,
            rounds=2,
            peers={"hftbacktest": None, "hftbacktest-each-quote": None},
            fills_tolerance=0.0,
            equity_tolerance=0.01,
            reason=_FLOATS,
        ),
    )
}

# The first million bars are the data of everything that trades on bars.
WORLD_SIZES = {"bars": 1_000_000, "universe": 2_520, "quotes": 5_000_000}
COLD_BARS = 2_500
COLD_PEERS = ("raptorbt", "vnpy", "backtesting.py", "vectorbt")
MEMORY_PEERS = {
    "W1a": ("backtesting.py", "vnpy", "raptorbt"),
    "W1b": ("raptorbt", "vectorbt", "vectorbt-rust"),
    "W1c": ("vectorbt",),
}
