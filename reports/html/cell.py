"""A result in a notebook's cell: headline figures and the equity as a small picture, no script."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import NDArray

from engine.rules.metrics import definition_of
from reports.html import view
from reports.record import RunDocument
from reports.reduce import kept_points

WIDTH, HEIGHT, POINTS = 640, 120, 400


def render_cell(document: RunDocument) -> str:
    """Return a small block of HTML; it takes the notebook's own colours."""
    path = document.pessimistic
    shown = [
        ("Net return", view.percent(path.net_return, signed=True)),
        *((definition_of(key).name, view.metric(key, path.metrics[key])) for key in _KEYS),
        ("Closed trades", f"{path.trades.closed:,}"),
    ]
    cells = "".join(
        f'<div style="margin-right:28px"><div style="opacity:.65;font-size:12px">{escape(name)}</div>'
        f'<div style="font-size:19px;font-weight:600">{escape(value)}</div></div>'
        for name, value in shown
    )
    warnings = "".join(f"<div>! {escape(line)}</div>" for line in document.warnings)
    return (
        f'<div style="font-family:system-ui,sans-serif;max-width:{WIDTH + 160}px">'
        f'<div style="font-size:16px;font-weight:600">{escape(document.strategy)}</div>'
        f'<div style="opacity:.65">{escape(view.subtitle(document))}</div>'
        f'<div style="display:flex;flex-wrap:wrap;margin:8px 0">{cells}</div>{_picture(document)}'
        f'<div style="font-size:12.5px;opacity:.8">{escape(path.sample)}</div>{warnings}'
        '<div style="font-size:12.5px;opacity:.65"><code>.report()</code> shows all of it</div></div>'
    )


_KEYS = ("cagr", "sharpe", "max_drawdown", "volatility")


def _picture(document: RunDocument) -> str:
    if document.detail is None or len(document.detail.daily.equity) < 2:
        return ""
    daily = document.detail.daily
    equity = np.array(daily.equity, dtype=np.float64)
    curves = [(equity, "#3b82c4", 2.0)]
    if daily.benchmark is not None and daily.benchmark[0] > 0:
        market = np.array(daily.benchmark, dtype=np.float64)
        curves.insert(0, (market * (equity[0] / market[0]), "#98a2ae", 1.2))
    low = min(float(curve.min()) for curve, _, _ in curves)
    high = max(float(curve.max()) for curve, _, _ in curves)
    lines = "".join(_line(curve, low, high, color, width) for curve, color, width in curves)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" style="width:100%;max-width:{WIDTH}px" role="img" '
        f'aria-label="equity and benchmark">{lines}</svg>'
    )


def _line(curve: NDArray[np.float64], low: float, high: float, color: str, width: float) -> str:
    kept = kept_points(curve, limit=POINTS)
    x = kept / (curve.size - 1) * (WIDTH - 4) + 2
    y = HEIGHT - 4 - (curve[kept] - low) / ((high - low) or 1.0) * (HEIGHT - 8)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist()))
    return f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="{width}"/>'
