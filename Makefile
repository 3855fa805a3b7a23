PYTHON ?= .venv/bin/python
.PHONY: check format test coverage bench docs

check: ## format, lint, types, imports, fast tests
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(dir $(PYTHON))lint-imports
	$(PYTHON) -m pytest -n 2 tests/unit tests/architecture tests/scenarios

format: ## rewrite the code in the house format
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

test: ## the whole suite
	$(PYTHON) -m pytest -n 2

coverage: ## branch coverage of the engine, with the interpreted core
	$(PYTHON) -m coverage run -m pytest tests
	$(PYTHON) -m coverage report

bench: ## our own figures, quick
	$(PYTHON) -m benchmarks.run
