# The command list of the project. Needs make, Python 3.11+ with its venv module, and nothing else:
# every package is pinned by hash in requirements/*.txt; a stamp per step keeps a second call short.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# Without compiled bytecode each start would take seconds longer.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
STAMPS := .venv/stamps
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
DIST := jiying/base/static/dist
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard jiying/locale/*/LC_MESSAGES/*.po))
FRONT_SOURCES := $(shell find frontend -name node_modules -prune -o -type f -print 2>/dev/null)

.PHONY: help run demo test fast lint bench screenshots build clean install install-test front catalogues

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/make \1\t\2/p' Makefile | expand -t 20

run: install $(STAMPS)/analytics $(STAMPS)/pdf front catalogues ## start Jiying with sample data (PORT=8000, JIYING_HOME=var)
	@exec $(BIN)/jiying run

demo: install $(STAMPS)/analytics front catalogues ## write the sample data into JIYING_HOME and stop
	@exec $(BIN)/jiying demo

test: install-test front catalogues ## every test: core, both databases, real processes, browser
	@.ci/browser
	@.ci/mail
	@exec $(BIN)/python -m tests.run

fast: install-test ## the pure core only, in seconds
	@exec $(BIN)/python -m pytest -q tests/core

lint: install-test catalogues ## style, types, import floors, catalogues, migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/contracts/test_catalogue.py
	DJANGO_SETTINGS_MODULE=jiying.config.settings $(BIN)/python -m django makemigrations --check --dry-run

screenshots: install-test front catalogues ## the pictures of docs/screenshots, from the sample centre
	@.ci/browser
	@exec $(BIN)/python -m tools.screenshots

bench: $(STAMPS)/bench front catalogues ## the table of speeds, each beside its peer or limit
	@exec $(BIN)/python -m bench

build: install front catalogues ## a wheel with everything built in it, into dist/
	@rm -rf build
	@$(PIP) wheel . --no-deps --no-build-isolation --wheel-dir dist
	@rm -rf build && ls -l dist/*.whl

clean: ## remove what was installed and built; var/ (your data) stays
	rm -rf .venv frontend/node_modules $(DIST) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f jiying/locale/*/LC_MESSAGES/*.mo
	find jiying tests bench -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# --- steps ---------------------------------------------------------------------------------------------------------

install: $(STAMPS)/project
install-test: $(STAMPS)/test
catalogues: $(CATALOGUES)
front: $(STAMPS)/front

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Jiying needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)."; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is missing: install the package python3-venv (as root: apt-get install python3-venv)."; exit 1; }
	@echo "Making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/run: requirements/run.txt | $(STAMPS)/venv
	@echo "Installing what Jiying needs (requirements/run.txt)"
	@$(PIP) install --require-hashes -r $<
	@touch $@

$(STAMPS)/project: pyproject.toml $(STAMPS)/run
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q jiying
	@touch $@

$(STAMPS)/analytics: requirements/analytics.txt $(STAMPS)/project
	@echo "Installing what reports and maps need (requirements/analytics.txt)"
	@$(PIP) install --require-hashes -r $<
	@touch $@

# Without Pango or a Chinese font of the system a PDF says what to install.
$(STAMPS)/pdf: requirements/pdf.txt $(STAMPS)/project
	@echo "Installing what reports on paper need (requirements/pdf.txt)"
	@$(PIP) install --require-hashes -r $<
	@touch $@

$(STAMPS)/test: requirements/test.txt $(STAMPS)/project
	@echo "Installing what the tests need (requirements/test.txt)"
	@$(PIP) install --require-hashes -r $<
	@touch $@

$(STAMPS)/bench: requirements/bench.txt $(STAMPS)/test
	@echo "Installing the peers of the benches (requirements/bench.txt)"
	@$(PIP) install --require-hashes -r $<
	@touch $@

# A removed dist/ is built again.
ifeq ($(wildcard $(DIST)/.),)
.PHONY: $(STAMPS)/front
endif
$(STAMPS)/front: $(FRONT_SOURCES) | $(STAMPS)/run
	@echo "Building the front end"
	@.ci/front-end
	@touch $@

%.mo: %.po | $(STAMPS)/run
	@$(BIN)/pybabel --quiet compile --use-fuzzy --input-file=$< --output-file=$@
	@test -s $@
