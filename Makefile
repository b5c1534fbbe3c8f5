# Everything runs in .venv, which is made on first use. `make help` lists the targets.

PORT ?= 8080
# Not ?=, because some shells export HOST as the machine's name.
HOST = 127.0.0.1
PYTEST_ARGS =

VENV := .venv
PYTHON = $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check

# The stamps' names hold a checksum of what was installed and where, so set-up is repeated when that
# changes and not when a checkout only touches the files.
KEY := $(shell { pwd; cat pyproject.toml constraints.txt; } | cksum | cut -d ' ' -f 1)
INSTALLED := $(VENV)/.installed-$(KEY)
INSTALLED_DEV := $(VENV)/.installed-dev-$(KEY)

R50_VENV := .venv-pytorchvideo

# In CI everything is tested; elsewhere `make test CI=true` does the same. Else only what is quick and
# needs no database server. Tests share two processes, a file stays in one; those that are slow or
# need a browser have the machine alone, but for the ones marked `shares`. Files come in their order:
# by their number of tests, those that have few and take long would come last, when there is nothing
# to run beside them.
SHARED = $(if $(filter true,$(CI)),not (slow or browser or helm) or shares,$(QUICK))
QUICK = not (slow or browser or helm or postgresql or redis)
ALONE = $(if $(filter true,$(CI)),(slow or browser) and not shares)
TWO_PROCESSES = --numprocesses 2 --max-worker-restart 1 --dist loadfile --no-loadscope-reorder
# Of two processes that compute on two threads each, threads wait for those that another displaced.
ONE_THREAD = OMP_NUM_THREADS=1
# In CI, what fails is told and tried once more.
PYTEST = $(VENV)/bin/python $(if $(filter true,$(CI)),tests/second_try.py,-m pytest)
# pytest's exit code where PYTEST_ARGS leaves no test.
NONE_CHOSEN = 5

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test test-pytorchvideo test-helm bench bench-short score check format page-tests weights clean

help:
	@echo "make run      set everything up and serve http://localhost:8080 (PORT=9000, HOST=0.0.0.0)"
	@echo "make test     set everything up, then check and test (CI=true: slow tests too, and those with a"
	@echo "              browser or a database server; PYTEST_ARGS=\"-k weights\": some of them)"
	@echo "make test-pytorchvideo"
	@echo "              test the backbone i3d_r50 with the real pytorchvideo, in an environment of"
	@echo "              its own (6 GB in the user's cache)"
	@echo "make test-helm"
	@echo "              get Helm (100 MB) into .venv and test the chart in deploy/helm with it"
	@echo "make check    formatting, lint and types alone"
	@echo "make format   reformat the Python code and apply safe lint fixes"
	@echo "make weights  fetch the networks' weights into the user's cache"
	@echo "make bench    measure the network and live sessions here (bench/out/*.json)"
	@echo "make score    how far the score can be trusted, by planted faults in labelled clips"
	@echo "              (CLIPS=folder; half an hour at first, bench/out/score.json)"
	@echo "make clean    remove .venv and what tools left in this folder"

run: $(INSTALLED) weights
	@exec $(VENV)/bin/posesim serve --demo --host $(HOST) --port $(PORT)

test: $(INSTALLED_DEV) check page-tests weights
	$(ONE_THREAD) $(PYTEST) -m "$(SHARED)" $(TWO_PROCESSES) $(PYTEST_ARGS) \
		|| test $$? -eq $(NONE_CHOSEN)
	$(if $(ALONE),$(PYTEST) -m "$(ALONE)" $(PYTEST_ARGS) \
		|| test $$? -eq $(NONE_CHOSEN))

# Only what the tests of `make test` can't run; nothing of it is skipped here.
test-pytorchvideo: weights | $(VENV)/bin/python
	$(VENV)/bin/python tests/make_pytorchvideo_env.py $(R50_VENV)
	POSESIM_REQUIRE_PYTORCHVIDEO=1 $(R50_VENV)/bin/python -m pytest -m pytorchvideo $(PYTEST_ARGS)

# In a process of their own: Helm is a library written in Go, which other tests don't get on with.
test-helm: $(INSTALLED_DEV)
	$(PIP) install --no-deps --require-hashes -r tests/helm-requirements.txt
	POSESIM_REQUIRE_HELM=1 $(VENV)/bin/python -m pytest -m helm $(PYTEST_ARGS)

check: $(INSTALLED_DEV)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy --strict posesim server

format: $(INSTALLED_DEV)
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

# The page's own tests need nothing but Node.
page-tests:
	@set -- tests/*.test.mjs; \
	if ! test -e "$$1"; then exit 0; fi; \
	if command -v node >/dev/null; then echo "node --test $$*"; exec node --test "$$@"; fi; \
	echo "SKIPPED: the page's tests need Node 20 or newer (nodejs.org)" >&2; \
	test "$(CI)" != true

bench: ROUNDS = 9
bench: LIVE = --sessions 1 --seconds 60
bench-short: ROUNDS = 2
bench-short: LIVE = --sessions 1 --seconds 8
bench bench-short: $(INSTALLED_DEV) weights
	@mkdir -p bench/out
	$(VENV)/bin/posesim bench --rounds $(ROUNDS) --json > bench/out/hop.json
	@cat bench/out/hop.json
	$(VENV)/bin/python bench/live.py $(LIVE) --json bench/out/live.json

CLIPS = ../shared/clips
score: $(INSTALLED_DEV) weights
	$(VENV)/bin/python bench/score.py $(CLIPS) --keep bench/out/streams --json bench/out/score.json

weights: $(INSTALLED)
	@$(VENV)/bin/python -m posesim weights fetch

clean:
	rm -rf $(VENV) $(R50_VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): | $(VENV)/bin/python
	@echo "Installing posesim and what it needs (torch is large; a few minutes the first time)"
	$(PIP) install -c constraints.txt -e .
	@rm -f $(VENV)/.installed-*
	@touch $@

# Installs all that $(INSTALLED) stands for, too.
$(INSTALLED_DEV): | $(VENV)/bin/python
	@echo "Installing posesim, what it needs and the tools for its tests (a few minutes at first)"
	$(PIP) install -c constraints.txt -e '.[dev]'
	@rm -f $(VENV)/.installed-*
	@touch $(INSTALLED) $@

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { \
		echo "posesim needs Python 3.11 or newer, and none was found on PATH. Install it" >&2; \
		echo "(python.org/downloads), or name it: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "posesim needs Python 3.11 or newer; $(PYTHON) is older or does not run." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) lacks its venv module. On Debian or Ubuntu:" >&2; \
		echo "  sudo apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
