"""Renew what README.md shows of a run: the printed output and the picture (`make docs`)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PICTURE = ROOT / "docs" / "images" / "sma_cross.png"
STRATEGY = "examples/sma_cross.toml"
COLOURS = 64  # a chart has few: a third of the bytes

# Sections of the tear sheet that README.md leaves out, by their first words.
_SHORTENED = {
    "Costs": "[costs by kind]",
    "Assumptions": "[assumptions, data]",
    "Data": "",
    "¹": "",
}
_TIMES = ("Engine", "Metrics", "Run ", "Picture")  # differ from run to run, or say nothing here
_OUTPUT = re.compile(r"(shortened at the brackets\):\n\n```text\n)(.*?)(\n```)", re.DOTALL)


def run(*options: str) -> str:
    """Run the README's strategy and return what it prints."""
    command = [sys.executable, "-m", "trader", "backtest", STRATEGY, *options]
    environment = os.environ | {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    return done.stdout.decode()


def shortened(tear_sheet: str) -> str:
    """Return a tear sheet as README.md shows it."""
    lines = [line.rstrip() for line in tear_sheet.splitlines()]
    blocks = re.split(r"\n{2,}", "\n".join(line for line in lines if not line.startswith(_TIMES)))
    kept = [_SHORTENED.get(block.split()[0].rstrip(","), block) for block in blocks if block]
    return "\n\n".join(block.rstrip("\n") for block in kept if block)


def shown() -> str:
    """Return the output that README.md shows."""
    found = _OUTPUT.search(README.read_text(encoding="utf-8"))
    assert found is not None, "README.md shows no output"
    return found[2]


def main() -> None:
    """Write the output into README.md and the picture beside it."""
    from PIL import Image

    output = shortened(run("--plot", str(PICTURE)))
    text = README.read_text(encoding="utf-8")
    README.write_text(_OUTPUT.sub(lambda m: m[1] + output + m[3], text), encoding="utf-8")
    with Image.open(PICTURE) as picture:
        small = picture.convert("RGB").quantize(COLOURS)
    small.save(PICTURE, optimize=True)
    print(f"README.md and {PICTURE.relative_to(ROOT)} are as of now; look at both")


if __name__ == "__main__":
    main()
