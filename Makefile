# `make demo` and `make test` work on a fresh machine with Python 3.11 and make.
# Another interpreter: make PYTHON=python3.12 test. One test: make test PYTEST_ARGS="-k digest".

PYTHON ?= python3
PYTEST_ARGS ?=
RECORD_ARGS ?=
BENCH_ARGS ?=
SWEEP_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
AS_ROOT = $(if $(filter 0,$(shell id -u)),,sudo)
# ensurepip is the last step of making an environment, so pip is there only in a whole one.
PIP := $(BIN)/pip
INSTALLED := $(VENV)/.stamp-installed
INSTALLED_DEV := $(VENV)/.stamp-installed-dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test coverage lint format wheel-smoke downstream record reference bench sweep clean

help:  ## Show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(INSTALLED)  ## Serve a small registry, pull from it, push to it, and show what happened
	@$(BIN)/python -m occystrap.demo

test: $(INSTALLED_DEV)  ## Run every test; those without their real component are skipped
	$(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

coverage: $(INSTALLED_DEV)  ## Run every test and show the branches that none of them takes
	$(BIN)/python -m pytest -n auto --cov --cov-report=term $(PYTEST_ARGS)

lint: $(INSTALLED_DEV)  ## Check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright

format: $(INSTALLED_DEV)  ## Mend what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel-smoke: $(INSTALLED_DEV)  ## Build the wheel and try it in a second, bare environment
	.ci/wheel-smoke $(BIN)/python

downstream: $(INSTALLED_DEV)  ## Build the wheel and test a project that uses its pytest plugin
	.ci/downstream $(BIN)/python

record: $(INSTALLED_DEV)  ## Make the recordings of docker-registry again (RECORD_ARGS="-k dockerd": one)
	$(BIN)/python -m pytest tests/recorded/test_scenarios.py --record-mode=rewrite $(RECORD_ARGS)

reference: $(INSTALLED_DEV)  ## Write docs/reference.md from what the commands say of themselves
	@$(BIN)/python -m tests.support.reference

bench: $(INSTALLED_DEV)  ## Measure occystrap beside skopeo and others (BENCH_ARGS=--quick: under two minutes)
	@for peer in skopeo docker-registry; do command -v $$peer >/dev/null || missing="$$missing $$peer"; done; \
	test -z "$$missing" || $(AS_ROOT) apt-get install -y -qq --no-install-recommends $$missing
	$(BIN)/python -m benchmarks.peers $(BENCH_ARGS)

sweep: $(INSTALLED_DEV)  ## Try every fault at every exchange of every operation (SWEEP_ARGS="--skopeo 200" compares)
	$(BIN)/python -m benchmarks.resilience $(SWEEP_ARGS)

clean:  ## Remove all that make has made
	rm -rf $(VENV) build dist htmlcov .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PIP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'occystrap needs Python 3.11 or newer, and "$(PYTHON)" is not that.' >&2; \
		echo 'Name one that is: make PYTHON=python3.11 $(MAKECMDGOALS)' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): pyproject.toml | $(PIP)
	@echo 'Installing into $(VENV) ...'
	@$(PIP) install --quiet --disable-pip-version-check --editable .
	@touch $@

$(INSTALLED_DEV): pyproject.toml | $(PIP)
	@echo 'Installing into $(VENV), with what the tests need ...'
	@$(PIP) install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(INSTALLED)
