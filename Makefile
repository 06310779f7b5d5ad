# Hirewire. `make` lists what there is to do.
SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
ONCE ?=
NAME ?= $(name)

.DEFAULT_GOAL := help
.PHONY: help install demo test test-long chaos check sbom fix bench connector lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.installed ## make the virtual environment with locked, hashed packages

$(VENV)/.uv: requirements/uv.txt
	@test -n "$(PYTHON)" || { echo "Hirewire needs Python 3.11 or newer"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.installed: $(VENV)/.uv requirements/dev.txt pyproject.toml
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements/dev.txt \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q hub connectors mappings ai_engine admin
	@touch $@

demo: install ## play the whole story on this machine, then keep serving (ONCE=1: end after the story)
	@$(BIN)/hirewire demo $(if $(ONCE),--once)

test: install ## the test suite, on up to four processors; PostgreSQL is found or started by the suite itself
	@$(BIN)/pytest -n auto --maxprocesses=4 --dist loadfile --no-loadscope-reorder

test-long: install ## what takes minutes
	@$(BIN)/pytest -m long

chaos: install ## kill, freeze and cut off real processes on both stores, and print the ledger
	@$(BIN)/python -m tests.chaos.run $(CHAOS)

check: install ## format, lint, types, imports, connectors, known advisories, licences
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/hirewire check
	@$(BIN)/python -m requirements.audit

sbom: install ## write what is shipped, with hashes and licences, to build/sbom.cdx.json (CycloneDX 1.6)
	@$(BIN)/python -m requirements.sbom build/sbom.cdx.json

fix: install ## format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

$(VENV)/.bench: $(VENV)/.installed requirements/bench.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements/bench.txt
	@touch $@

bench: install $(VENV)/.bench ## measure; prints tables, compares with a baseline in the same run
	@for b in bench/*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

connector: install ## start a connector: make connector name=acme_ats
	@$(BIN)/hirewire connector new $(NAME)

lock: $(VENV)/.uv ## resolve the locks anew (names no registry)
	@$(BIN)/uv pip compile pyproject.toml --extra aws --extra demo --extra otel --group dev --group pg --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url -q -o requirements/dev.txt >/dev/null
	@$(BIN)/uv pip compile pyproject.toml --extra demo --constraint requirements/dev.txt --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url -q -o requirements/run.txt >/dev/null
	@$(BIN)/uv pip compile pyproject.toml --group bench --constraint requirements/dev.txt --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url -q -o requirements/bench.txt >/dev/null
	@echo uv | $(BIN)/uv pip compile - --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url -q -o requirements/uv.txt >/dev/null

clean: ## remove what was built and installed here
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
