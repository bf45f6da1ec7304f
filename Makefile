# Everything a user or a builder needs, each as one word.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Files of tests at once: two take half the time on two cores, as CI does it.
WORKERS ?= 1
SIDE_BY_SIDE = $(if $(filter-out 1,$(WORKERS)),--numprocesses $(WORKERS) --dist loadfile)

.DEFAULT_GOAL := help
.PHONY: help setup run test test-containers test-training audit lint format types imports unit stress benchmark setup-training report report-full clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## virtual environment with everything in it

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

run: setup  ## the four services on this machine, the gateway on http://127.0.0.1:8000
	$(BIN)/emotion serve

test: lint types imports unit  ## lint, types, import rules and every test

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive .

format: setup  ## rewrite the sources in the one format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

unit: setup
	$(BIN)/pytest $(SIDE_BY_SIDE)

test-containers: setup  ## the house as containers: build, run, kill, scale, stop (needs Docker; minutes)
	$(BIN)/pytest -m containers -rs tests/containers

audit: setup  ## known vulnerabilities of what is installed (needs the internet)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit
	@$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt || { \
	  echo 'NOT AUDITED, or something was found: read the lines above.'; exit 1; }

stress: setup  ## overload, faults, fuzzing and soak in their long forms (about an hour)
	$(BIN)/python -m tests.stress

benchmark: setup  ## every figure of docs/performance.md, measured here (about fifteen minutes; installs peers)
	$(BIN)/python -m benchmarks

setup-training: setup  ## what training needs on top: PyTorch (CPU build where the machine's index has one) and more
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[training]'

test-training: setup-training  ## the tests of training, which skip themselves where PyTorch is missing
	$(BIN)/pytest -rs tests/training

report: setup-training  ## measure what ships on the corpora (EMOTION_CORPORA): tables, confusions, reliability
	$(BIN)/python -m training.report --cache build/report

report-full: setup-training  ## the same, cross-validation too, from what training left in build/report (see its help)
	$(BIN)/python -m training.report --cache build/report --full

clean:  ## remove what setup and tests made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
