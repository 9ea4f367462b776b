# `make demo` and `make test` set themselves up; `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PAGES := src/retouch/server/pages/.built
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -q
.DEFAULT_GOAL := help
.PHONY: help setup pages browser demo test test-full check docs bench peers clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(STAMP) $(PAGES)  ## the environment in .venv, once (PYTHON=python3.12 picks another interpreter)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "retouch needs Python 3.11 or newer as '$(PYTHON)': try 'make setup PYTHON=python3.12'" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module is missing or incomplete: on Debian or Ubuntu, 'apt install python3-venv'" >&2; exit 2; }
	@echo "Installing into $(VENV): a few minutes the first time ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,docs,gym,robomimic,serve,tensorboard,ur,wandb]' || { \
	  echo "The installation failed; the reason is above. Run 'make setup' again once it is solved." >&2; exit 1; }
	@touch $@

pages: $(PAGES)  ## the web pages, with this machine's Node or one from PyPI

$(PAGES): $(STAMP) $(shell find web -name node_modules -prune -o -type f -print)
	@echo "Building the pages ..."
	@$(BIN)/python web/build.py
	@touch $@

demo: setup  ## the whole loop, small: base policy, interventions, improved policy, report
	@$(BIN)/retouch demo

# A browser for the tests of the pages, from the system's packages; without one those tests say so and are left out.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	  { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && echo "Installing Chromium ..." && \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	  echo "no Chromium here: the tests of the pages will be skipped (on Debian: apt install chromium)"

test: setup browser  ## the tests
	@$(PYTEST) -m "not slow" $(ARGS)

test-full: setup browser  ## the tests, the long ones too
	@$(PYTEST) $(ARGS)

check: setup  ## lint, format, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: setup  ## the documentation as a site, in site/; a warning is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "open site/index.html; with the search: $(BIN)/python -m http.server --directory site"

bench: setup  ## our figures beside the peers' (robosuite, robomimic), as ratios
	@$(MAKE) --no-print-directory -C benchmarks/peers PYTHON=$(CURDIR)/$(BIN)/python
	@$(BIN)/python benchmarks/run.py $(ARGS)

peers: setup  ## what lerobot and robomimic make of our exports, robosuite corrected (lerobot: 3 GB to download, needs Python 3.12)
	@$(MAKE) --no-print-directory -C benchmarks/peers PYTHON=$(CURDIR)/$(BIN)/python all .venv-lerobot/.installed
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/peers -q $(ARGS)

clean:  ## removes what was built, installed or cached; data sets and runs stay
	rm -rf $(VENV) web/node_modules src/retouch/server/pages build dist site benchmarks/peers/.venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
