# The two commands of the README, `make demo` and `make test`, and what they are made of.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DEMO := build/demo

# `make bench` writes the table of docs/media.md anew and prints the flicker of every shipped style.
.PHONY: demo test lint format bench audit sbom clean

demo: $(READY)
	@rm -rf $(DEMO)/home/data $(DEMO)/home/control
	@mkdir -p $(DEMO)
	@env -u RESTYLE_DATA_STORE -u RESTYLE_CONTROL_STORE RESTYLE_HOME=$(CURDIR)/$(DEMO)/home \
		$(BIN)/restyle run samples/sample.mp4 --style starry_night -o $(DEMO)/output.mp4

test: $(READY) lint build/azurite/ready
	$(BIN)/pytest

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m bench.media_table
	$(BIN)/python -m bench.flicker

# Both ask the package index's servers, so neither is part of `lint`. A package that nobody can tell about is a failure.
audit: $(READY)
	$(BIN)/pip-audit --strict --progress-spinner off --skip-editable

sbom: $(READY)
	@mkdir -p build
	$(BIN)/cyclonedx-py environment --no-validate --output-reproducible --of JSON -o build/sbom.json $(BIN)/python

clean:
	rm -rf build .venv

# One environment for all; made anew only when the dependencies change.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("restyle needs Python 3.11 or newer; set PYTHON=python3.x" if sys.version_info < (3, 11) else 0)'
	@echo "Setting up .venv (the first time: some minutes, about 6 GB with torch)"
	@$(PYTHON) -m venv .venv || { echo "python3 -m venv failed: install your system's python3-venv package"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

build/azurite/ready: $(READY) restyle/azurite.py
	@$(BIN)/python -m tests.azurite
	@touch $@
