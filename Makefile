# `make demo` and `make test` set themselves up; they need make and Python 3.11, 3.12 or 3.13.
# Another Python: make PYTHON=python3.12 demo

PYTHON ?= python3
WORKERS ?= 2
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
# Touched when the dependencies are in; older than pyproject.toml means: install again.
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test lint format types docs

help:
	@echo 'make demo      run the main job on embedded data; results in out/demo'
	@echo 'make test      run all tests (PYTEST_ARGS="-m \"not slow\"" passes options to pytest)'
	@echo 'make lint      check style and formatting;  make format mends them'
	@echo 'make types     check types'
	@echo 'make docs      build the pages in docs; open docs/_build/html/index.html'
	@echo 'make install   only set up $(VENV), with an editable install and the tools'

install: $(STAMP)

$(STAMP): pyproject.toml
	@test -x $(BIN)/python || { \
	  command -v $(PYTHON) >/dev/null || { \
	    echo 'error: PYTHON must be a Python 3.11, 3.12 or 3.13, got "$(PYTHON)", which is not there;' \
	      'install one and say, for example: make PYTHON=python3.12 demo' >&2; exit 1; }; \
	  $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	    echo "error: PYTHON must be a Python 3.11, 3.12 or 3.13 (aihwkit has wheels for no other)," \
	      "got $$($(PYTHON) --version 2>&1) as $(PYTHON);" \
	      'install one and say, for example: make PYTHON=python3.12 demo' >&2; exit 1; }; \
	  echo '$(PYTHON) -m venv $(VENV)'; \
	  $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }; }
	$(BIN)/python -m pip install --disable-pip-version-check --editable '.[dev]'
	@touch $@

# Results go to out/demo, or to out/demo-2 and so on: nothing is written over.
demo: $(STAMP)
	$(BIN)/analogsim demo

# One thread for each worker: otherwise every worker starts as many threads as there are cores.
test: export OMP_NUM_THREADS = 1
test: export MKL_NUM_THREADS = 1
test: export OPENBLAS_NUM_THREADS = 1
test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP)
	$(BIN)/mypy

# Runs the examples and notebooks in the pages; nothing is fetched from a network.
docs: $(STAMP)
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html
