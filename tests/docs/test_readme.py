"""What README.md and the pages around it say is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.refresh import README, ROOT, run, shortened, shown

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda page: page.as_posix()
)
EXAMPLES = ("examples/python_class/mean_reversion.py", "examples/compiled/cross.py")


def test_the_readme_shows_what_its_command_prints() -> None:
    assert shown() == shortened(run()), "run `make docs` and look at README.md and the picture"


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_readme_shows_an_example_as_it_is(example: str) -> None:
    code = (ROOT / example).read_text(encoding="utf-8").strip()
    assert f"```python\n{code}\n```" in README.read_text(encoding="utf-8")


def test_the_readme_shows_the_rules_of_the_example() -> None:
    rules = re.search(r"```toml\n\[rules\]\n(.*?)\n```", README.read_text(), re.DOTALL)
    assert rules is not None
    assert rules[1] in (ROOT / "examples/sma_cross.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []
