"""Slippage by volume is the exact amount rounded up once, in both worlds."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.jit import compiled
from engine.kernels.money import OVERFLOW
from sims.fillbook.costs import BILLION, MOST_STEPS, impact_ticks
from sims.fillbook.layout import SLIPPAGE_SQUARE_ROOT, SLIPPAGE_VOLUME_SHARE
from sims.fillbook.settings import SlippageModel
from tests.reference.pricing import slippage_ticks

SURE = 10_000  # steps
MODELS = {"volume_share": SLIPPAGE_VOLUME_SHARE, "square_root": SLIPPAGE_SQUARE_ROOT}
FRACTIONS = st.sampled_from(("0.01", "0.05", "0.1", "0.125", "0.2", "0.3", "0.5", "1"))


@given(
    model=st.sampled_from(sorted(MODELS)),
    value=FRACTIONS | st.decimals("0.000000001", "2", places=9).map(str),
    reference=st.integers(1, 200) | st.integers(1, 10**7),
    lots=st.integers(1, 100) | st.integers(1, 10**6),
    volume=st.integers(1, 100) | st.integers(1, 10**7),
    step=st.sampled_from((1, 5, 25)),
)
@example("volume_share", "0.1", 88_422, 638_335, 1, 1)  # a float is a whole step off
@settings(max_examples=500, deadline=None, print_blob=True)
def test_the_impact_of_a_fill_compiled_or_not_is_rounded_up_once(
    model: str, value: str, reference: int, lots: int, volume: int, step: int
) -> None:
    slippage = SlippageModel(model, Decimal(value))
    exact = slippage_ticks(slippage, reference, lots, volume, step, on_quote=False)
    if exact > MOST_STEPS * step:
        exact = OVERFLOW
    value_ppb = int(Decimal(value) * BILLION)
    arguments = (MODELS[model], value_ppb, reference, lots, volume, step)
    # as a float finds it, which may be a step too many where whole numbers cannot decide
    found = {impact_ticks(*arguments), compiled(impact_ticks)(*arguments)}
    assert len(found) == 1
    assert found <= ({exact} if exact < SURE * step or exact == OVERFLOW else {exact, exact + step})
