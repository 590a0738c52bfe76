# Two commands do everything: `make dev` shows hotchannel at work, `make test` proves it.

PYTHON ?= python3
ROOT ?= examples/counter
VENV := .venv
BIN := $(VENV)/bin
# Most tests wait for sockets and timers, so that several go on beside each other; browsers work, so fewer do.
# Files with most tests come first, lest one of them be left over at the end.
SIDE_BY_SIDE := $(BIN)/pytest --dist loadfile

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help dev test lint bench cluster conformance interop chromium headless-chromium nginx engines clean

help: ## Say what the targets do
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22
	@echo "  PYTHON=python3.12 picks the interpreter (3.11 or newer), ROOT=folder what make dev serves."

dev: $(VENV)/.installed ## Serve examples/counter (or ROOT=folder) and print its URL
	$(BIN)/hotchannel dev $(ROOT)

test: $(VENV)/.tools $(VENV)/.django42 node_modules/.installed headless-chromium nginx engines lint ## Set up all that tests need; check style and types; run every test
	$(SIDE_BY_SIDE) -n 4 -m "not browser"
	$(SIDE_BY_SIDE) -n 3 -m browser
	$(SIDE_BY_SIDE) -n 3 tests/browser --ignore tests/browser/test_pack.py \
		--ignore tests/browser/front --ignore tests/browser/test_several_servers.py --ignore tests/browser/applications --ignore-glob "*/test_morph*.py" --pack on

lint: $(VENV)/.tools node_modules/.installed ## Style, types and layers only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	node_modules/.bin/tsc --noEmit -p .
	@if grep -n '://' package-lock.json requirements-dev.txt; then \
		echo "Lock files name no host: see tools/relock.sh." >&2; exit 1; fi

bench: $(VENV)/.tools node_modules/.installed chromium engines ## Measure hotchannel beside npm's Vite
	$(BIN)/python benchmarks/save_to_update.py
	$(BIN)/python benchmarks/page_load.py
	$(BIN)/python benchmarks/broadcast.py
	$(BIN)/python benchmarks/compressed_broadcast.py
	$(BIN)/python benchmarks/cluster.py

interop: $(VENV)/.tools node_modules/.installed headless-chromium ## Run the browser's tests against npm's Vite
	$(BIN)/pytest tests/browser tests/interop --server vite

cluster: $(VENV)/.tools nginx engines ## Show three processes behind nginx that share a channel by Redis
	@$(BIN)/python examples/cluster/run.py

conformance: $(VENV)/.tools ## Run the Autobahn suite and write docs/autobahn.md
	@tools/autobahn.sh

chromium:
	@tools/debian.sh chromium chromium

headless-chromium:
	@tools/debian.sh chromium-headless-shell chromium-headless-shell

nginx:
	@tools/debian.sh nginx nginx-light \
		"Where systemd runs, Debian serves port 80 with it as well: systemctl disable --now nginx ends that."

engines:
	@tools/debian.sh redis-server redis-server \
		"Where systemd runs, Debian starts it as well: systemctl disable --now redis-server ends that."
	@tools/debian.sh nats-server nats-server

clean: ## Remove everything that was installed or cached
	rm -rf $(VENV) node_modules .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# A stamp is newer than what it was made from; a second run finds it and goes straight to work.

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "hotchannel needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "No virtual environment (Debian: apt-get install python3-venv)." >&2; exit 1; }

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@# pip compiles what it installs, and leaves out what stays in place: a start would do it, each time anew
	@# where Python may not write beside the source.
	@$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.tools: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Beside the newest Django, the oldest that the adapter is for; pip's --target replaces nothing that is there.
$(VENV)/.django42: requirements-dev.txt $(VENV)/.installed
	rm -rf $(VENV)/django42
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --target $(VENV)/django42 "django==4.2.30"
	@touch $@

node_modules/.installed: package.json package-lock.json .npmrc
	@command -v npm >/dev/null || \
		{ echo "npm is missing: the tests compare with npm's Vite (Debian: apt-get install nodejs npm)." >&2; exit 1; }
	npm install --no-save --loglevel=error
	@touch $@
