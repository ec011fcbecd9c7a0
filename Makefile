# Everything a person or CI does here, by one name each. `make` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory --warn-undefined-variables

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
DEMO_ARGS ?=
KEEP ?=

# The environment is as new as what it is made from, by content and not by date: a checkout that changes none of it, or
# another setting of a tool, keeps it.
STAMP := $(VENV)/set-up-$(shell { cat requirements-dev.lock; sed '/^.tool/,$$d' pyproject.toml; } | cksum | tr ' ' '-')

# The variable silences a notice about a future release of mkdocs.
SITE = NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

SHELL_FILES = $(shell git ls-files --cached --others --exclude-standard '*.sh' '.ci/run')

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: venv
venv: $(STAMP) ## Set up .venv from the lock file, where that has changed

$(STAMP):
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found. Install Python 3.11 to 3.14, or name one: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	  || { echo "$(PYTHON) is $$($(PYTHON) --version 2>&1), but Python 3.11 to 3.14 is needed. Name one: make PYTHON=python3.13" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Creating $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing $$(grep -c '==' requirements-dev.lock) locked packages into $(VENV) (half a minute when it is new)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r requirements-dev.lock \
	  | awk '/^Collecting / {n++; if (n % 10 == 0) {print "  " n " fetched"; fflush()}} /^Installing / {print "  unpacking"; fflush()}'
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/set-up-*
	@touch $@

.PHONY: demo
demo: $(STAMP) ## Live a whole period in two minutes (KEEP=1: it stays up)
	@$(BIN)/python -m tests.demo $(if $(KEEP),--keep) $(DEMO_ARGS)

# A build of minutes shows its progress here; within pytest it would be silent, and longer than a test may take.
.PHONY: programs
programs: $(STAMP) ## Build the control plane's programs, once (some minutes)
	@$(BIN)/python -m tests.cluster build

.PHONY: test
test: programs ## Run all tests, quick ones first (PYTEST_ARGS="-k x")
	$(BIN)/pytest $(PYTEST_ARGS)

.PHONY: unit
unit: $(STAMP) ## Run the tests of the rules, in a minute or two, no server
	$(BIN)/pytest -m "not cluster" --hypothesis-profile=quick tests/unit $(PYTEST_ARGS)

.PHONY: cluster-test
cluster-test: programs ## Run the tests against the real control plane
	$(BIN)/pytest -m cluster $(PYTEST_ARGS)

.PHONY: lint
lint: $(STAMP) ## Check style, types, layers, schemas, YAML and shell
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy crds/generate.py docs/*.py manifests/generate.py
	$(BIN)/python crds/generate.py --check
	$(BIN)/python docs/generate_reference.py --check
	$(BIN)/python -m docs.generate_indicators --check
	$(BIN)/python -m docs.generate_chart --check
	$(BIN)/python -m docs.generate_reasons --check
	$(BIN)/python -m docs.generate_metrics --check
	$(SITE) --site-dir build/site
	$(BIN)/lint-imports --no-logo
	$(BIN)/yamllint --strict .
	$(BIN)/shellcheck $(SHELL_FILES)
	$(BIN)/hadolint Dockerfile

.PHONY: format
format: $(STAMP) ## Format the code and sort the imports
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: bench
bench: programs ## Print what evidence, overlays and holds cost (15 minutes)
	@$(BIN)/python -m benchmarks

.PHONY: model
model: $(STAMP) ## Explore all that can happen to a hold (2 minutes, 2 GB)
	$(BIN)/python -m tests.unit.test_hold_model

.PHONY: docs
docs: $(STAMP) ## Write what is generated, and build the site into site/
	$(BIN)/python crds/generate.py
	$(BIN)/python docs/generate_reference.py
	$(BIN)/python -m docs.generate_indicators
	$(BIN)/python -m docs.generate_chart
	$(BIN)/python -m docs.generate_reasons
	$(BIN)/python -m docs.generate_metrics
	$(SITE) --site-dir site

# Needs Helm, which is built with the programs of the control plane; a cluster test checks what lint cannot.
.PHONY: manifests
manifests: programs ## Render the plain manifests from the chart
	$(BIN)/python -m manifests.generate

.PHONY: lock
lock: $(STAMP) ## Refresh the lock files (UPGRADE=1: newer versions)
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock --output-file requirements-build.lock --group build
	$(COMPILE) --constraint requirements.lock --constraint requirements-build.lock --output-file requirements-dev.lock pyproject.toml --group dev

UPGRADE ?=
COMPILE = $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
  --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean: ## Remove .venv and caches (not the built control plane)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
