PYTHON ?= .venv/bin/python
BIN = $(dir $(PYTHON))
.PHONY: help check lint format test coverage sim sim-live bench bench-peers docs

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

check: lint ## before a commit: format, lint, types, imports, fast tests
	$(PYTHON) -m pytest -n 2 tests/unit tests/architecture tests/docs

lint: ## format, lint, types, imports
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(BIN)lint-imports

format: ## rewrite the code in the house format
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

test: ## the whole suite
	$(PYTHON) -m pytest -n 3

coverage: ## branch coverage of the engine, with the interpreted core
	$(PYTHON) -m coverage run -m pytest tests
	$(PYTHON) -m coverage report

sim: ## the story of a seeded world: make sim SEED=7; many of them: make sim SEED=0 COUNT=2000
	$(PYTHON) -m tests.simulation $(SEED) $(COUNT)

sim-live: ## the same of live sessions at the simulated venue: make sim-live SEED=0 COUNT=500
	$(PYTHON) -m tests.venues.alpaca.live_troubles $(SEED) $(COUNT)

bench: ## our own figures, quick
	$(PYTHON) -m benchmarks.run

bench-peers: ## our figures beside the peers, each installed into an environment of its own
	$(PYTHON) -m benchmarks.run --peers --publish
	$(PYTHON) -m benchmarks.tables

docs: ## renew what README.md shows of a run: its output and its picture
	$(PYTHON) docs/refresh.py
	$(PYTHON) -m docs.refresh_tables
	$(PYTHON) -m tests.scenarios.refusals
