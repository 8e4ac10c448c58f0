# Two commands on a bare machine (Python 3.11 or newer, and make): `make demo` and `make test`.
# Both make .venv from requirements.lock first; nothing is installed outside it.

VENV ?= .venv
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN = $(VENV)/bin
READY = $(VENV)/.ready
# Without bytecode every start of a program would compile its imports again.
RUN = env -u PYTHONDONTWRITEBYTECODE -u PYTHONPATH
# Each process has a local stack of its own; most tests wait for something, so three share two cores well. In the order
# of collection, for the longest test is alone in its file, and files with few tests would come last.
PROCESSES ?= $(shell $(BIN)/python -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')
PARALLEL ?= -n $(PROCESSES) --dist loadfile --no-loadscope-reorder
# Errors alone: a machine's own pip settings may warn a hundred times. Compiling is left to compileall, on all cores.
PIP = $(RUN) $(BIN)/python -m pip install -qq --disable-pip-version-check

.PHONY: demo test lint bench docs lock clean

demo: $(READY)
	$(RUN) $(BIN)/academyctl demo

test: $(READY)
	$(RUN) $(BIN)/python -m pytest $(PARALLEL)

lint: $(READY)
	$(RUN) $(BIN)/ruff format --check .
	$(RUN) $(BIN)/ruff check .
	$(RUN) $(BIN)/mypy
	$(RUN) $(BIN)/lint-imports

bench: $(READY)
	for bench in tests/bench/bench_*.py; do echo "== $$bench"; $(RUN) $(BIN)/python -m tests.bench.$$(basename $$bench .py) || exit 1; done

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "academyctl needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python3.11"; exit 2; }
	@echo "making $(VENV): about 1 GB and a minute or two"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --no-compile --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@$(RUN) $(BIN)/python -m compileall -qq -j 0 $(VENV)/lib
	@touch $(READY)

# The README's tables and academyctl.toml.example.
docs: $(READY)
	$(RUN) $(BIN)/python -m tests.docs

# Needs uv on PATH. The lock names versions and hashes, never a place to fetch them from.
lock:
	uv pip compile pyproject.toml --extra local --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
