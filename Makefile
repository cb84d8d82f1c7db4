# `make demo` and `make test` set themselves up; they need make and Python 3.11, 3.12 or 3.13.
# Another Python: make PYTHON=python3.12 demo

PYTHON ?= python3
WORKERS ?= 2
PYTEST_ARGS ?=
# Those that the wheel is tried on: make wheels PYTHONS='python3.12 /opt/python3.13/bin/python'
PYTHONS ?= python3.11 python3.12 python3.13
SHARE := --dist loadfile --no-loadscope-reorder

VENV := .venv
BIN := $(VENV)/bin
# Touched when the dependencies are in; older than pyproject.toml or the lock means: install again.
DEMO_STAMP := $(VENV)/.demo-installed
STAMP := $(VENV)/.installed
# Every version with the hashes of all its files, for each Python and platform: `make lock`.
# The demo's is a part of the other. (cmake and mypy are in it since aihwkit asks for them.)
DEMO_LOCK := requirements/demo.txt
LOCK := requirements/lock.txt
# Only for `make floors`: the oldest versions that pyproject.toml admits.
FLOORS := .venv-floors
# Not compiled ahead: most modules of the largest packages are never imported.
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-compile

.DEFAULT_GOAL := help
# The environment is ours: what is compiled is kept there. Otherwise, where that is switched off (as
# in many containers), each process compiles torch anew, 10 to 20 s of processor time a start.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help install demo test test-all lint format types docs lock floors wheel wheels

help:
	@echo 'make demo      run the main job on embedded data; results in out/demo'
	@echo 'make test      run the quick tests (PYTEST_ARGS="-k drift" passes options to pytest)'
	@echo 'make test-all  run all tests'
	@echo 'make lint      check style and formatting;  make format mends them'
	@echo 'make types     check types'
	@echo 'make docs      build the pages in docs; open docs/_build/html/index.html'
	@echo 'make install   only set up $(VENV), with an editable install and the tools'
	@echo 'make lock      write requirements anew (LOCK_ARGS=--upgrade takes the newest versions)'
	@echo 'make wheel     build the wheel into dist/'
	@echo 'make wheels    install it on each of PYTHONS, and run doctor and demo there (some GB each)'
	@echo 'make floors    run the quick tests with the oldest versions that pyproject.toml admits'

install: $(STAMP)

$(DEMO_STAMP): pyproject.toml $(DEMO_LOCK)
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
	$(PIP_INSTALL) --require-hashes --requirement $(DEMO_LOCK)
	$(PIP_INSTALL) --no-build-isolation --editable .
	@touch $@

# The tools of development come into the same environment.
$(STAMP): $(DEMO_STAMP) $(LOCK)
	$(PIP_INSTALL) --require-hashes --requirement $(LOCK)
	@touch $@

# Results go to out/demo, or to out/demo-2 and so on: nothing is written over.
demo: $(DEMO_STAMP)
	$(BIN)/analogsim demo

# One thread for each worker: otherwise every worker starts as many threads as there are cores.
# A file's tests stay together, so that what they share is made once.
test test-all floors: export OMP_NUM_THREADS = 1
test test-all floors: export MKL_NUM_THREADS = 1
test test-all floors: export OPENBLAS_NUM_THREADS = 1
test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) $(SHARE) -m 'not slow' $(PYTEST_ARGS)

test-all: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) $(SHARE) $(PYTEST_ARGS)

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

# For all Pythons: markers say which line is whose. They name no registry, so a mirror will do.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-annotate --no-header
lock: $(STAMP)
	$(COMPILE) --extra dev $(LOCK_ARGS) --output-file $(LOCK) pyproject.toml
	$(COMPILE) --constraint $(LOCK) $(LOCK_ARGS) --output-file $(DEMO_LOCK) pyproject.toml

# Takes several GB and a quarter of an hour: by hand, before a floor is changed or a release is made.
floors: $(STAMP)
	$(BIN)/uv venv --clear --python $(BIN)/python $(FLOORS)
	$(BIN)/uv pip install --python $(FLOORS) --resolution lowest-direct --editable '.[dev]'
	$(FLOORS)/bin/python -m pytest -n $(WORKERS) $(SHARE) -m 'not slow' $(PYTEST_ARGS)

# Without what an older build left: setuptools would pack modules that are gone.
wheel: $(STAMP)
	rm -rf build dist
	$(BIN)/python -m build --wheel --no-isolation

wheels: wheel
	bash .ci/try_wheels dist/*.whl $(PYTHONS)
