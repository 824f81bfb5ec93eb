# Everything that a person types. `make` alone lists it; the README shows the plain commands behind it.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory

PORT ?= 8000
DATA ?= var/demo
ERP ?= sandbox
RESET ?=
FUZZ_SECONDS ?= 120
CORPUS ?= tests/syncdiag/corpus.jsonl

PINS := config/requirements
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
PYTHON = $(shell for p in python3 python3.11 python3.12 python3.13; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

.PHONY: help env env-dev demo test check fmt bench classify mutants fuzz pins

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile
	@echo "  demo takes PORT=$(PORT) DATA=$(DATA) ERP=$(ERP), and RESET=1 to begin anew."

# Environment ----------------------------------------------------------------------------------------------------------
# Each stamp says that the pins it names are installed; a second run finds it and does nothing.

env: .venv/app.stamp  ## Create .venv with what the demo and production need

env-dev: .venv/dev.stamp

.venv/made.stamp:
	@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then \
		echo "No Python 3.11 or newer with venv was found; install one (on Debian: apt-get install python3 python3-venv) and run make again." >&2; \
		exit 1; \
	fi; \
	if ! $(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		echo "Creating .venv with $$($$python --version) …"; \
		"$$python" -m venv --clear .venv; \
	fi
	@touch $@

.venv/app.stamp: .venv/made.stamp $(PINS)/app.txt
	@began=$$(date +%s); echo "Installing what Unstuck needs …"; \
	$(PIP) -r $(PINS)/app.txt && echo "Installed in $$(( $$(date +%s) - began )) s."
	@touch $@

.venv/dev.stamp: .venv/made.stamp $(PINS)/app.txt $(PINS)/dev.txt $(PINS)/e2e.txt
	@began=$$(date +%s); echo "Installing what Unstuck and its tests need …"; \
	$(PIP) -r $(PINS)/dev.txt -r $(PINS)/e2e.txt && echo "Installed in $$(( $$(date +%s) - began )) s."
	@touch $@ .venv/app.stamp

# Running --------------------------------------------------------------------------------------------------------------

demo: .venv/app.stamp  ## Run everything from nothing on SQLite: web, queue, ERP (ERP=tryton: a real one) and data
	@UNSTUCK_MODE=demo UNSTUCK_DATA="$(DATA)" SANDBOX_ERP_URL="http://127.0.0.1:$$(( $(PORT) + 1 ))" \
		TRYTON_URL="http://127.0.0.1:$$(( $(PORT) + 1 ))/erp/" \
		exec $(BIN)/python manage.py demo --port "$(PORT)" --data "$(DATA)" --erp "$(ERP)" $(if $(RESET),--reset)

test: .venv/dev.stamp  ## Run all checks, then all tests on SQLite and on PostgreSQL where one is found
	@$(BIN)/python -m tests.run test

check: .venv/dev.stamp  ## Run the checks alone: style, types, import contracts, migrations, deployment
	@$(BIN)/python -m tests.run check

fmt: .venv/dev.stamp  ## Write the code the way the checks want it
	@$(BIN)/ruff check --quiet --fix .; $(BIN)/ruff format --quiet .

bench: .venv/dev.stamp  ## Measure each figure beside its baseline: one JSON object a line
	@$(BIN)/python -m tests.bench

classify: .venv/app.stamp  ## Print how many error texts of CORPUS=file.jsonl are known, per system, and which are not
	@UNSTUCK_MODE=test $(BIN)/python manage.py classify "$(CORPUS)" --measure

mutants: .venv/dev.stamp  ## Take one protection away at a time and see the suite go red
	@$(BIN)/python -m tests.mutants

# Fuzzing has an environment of its own: Atheris is built for Linux alone, and nothing else needs it.
.venv-fuzz/fuzz.stamp: .venv/made.stamp $(PINS)/app.txt $(PINS)/fuzz.txt
	@echo "Installing what fuzzing needs …"; $(BIN)/python -m venv --clear .venv-fuzz && \
	.venv-fuzz/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
		-r $(PINS)/app.txt -r $(PINS)/fuzz.txt
	@touch $@

fuzz: .venv-fuzz/fuzz.stamp  ## Let Atheris look for bytes that the gate cannot read, for FUZZ_SECONDS=120
	@mkdir -p var/fuzz && UNSTUCK_MODE=test .venv-fuzz/bin/python -m tests.fuzz.gate -max_total_time=$(FUZZ_SECONDS) \
		-max_len=8192 -dict=tests/fuzz/gate.dict -artifact_prefix=var/fuzz/ var/fuzz/corpus

# Pins -----------------------------------------------------------------------------------------------------------------
UV := uv pip compile pyproject.toml --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --universal \
	--python-version 3.11 --no-annotate --no-header

pins:  ## Recompile the pinned requirements from pyproject.toml (needs uv; UPGRADE=1 takes newer versions)
	@command -v uv >/dev/null || { echo "uv is missing; install it from its project page and run make pins again." >&2; exit 1; }
	@echo "Compiling app.txt …"; $(UV) $(if $(UPGRADE),--upgrade) -o $(PINS)/app.txt >/dev/null
	@echo "Compiling dev.txt …"; $(UV) $(if $(UPGRADE),--upgrade) --group dev -c $(PINS)/app.txt -o $(PINS)/dev.txt >/dev/null
	@echo "Compiling e2e.txt …"; uv pip compile --quiet --group e2e --generate-hashes --no-emit-index-url --no-emit-find-links \
		--universal --python-version 3.11 --no-annotate --no-header $(if $(UPGRADE),--upgrade) -c $(PINS)/dev.txt \
		-o $(PINS)/e2e.txt >/dev/null
	@echo "Compiling fuzz.txt …"; uv pip compile --quiet --group fuzz --generate-hashes --no-emit-index-url --no-emit-find-links \
		--universal --python-version 3.11 --no-annotate --no-header $(if $(UPGRADE),--upgrade) -o $(PINS)/fuzz.txt >/dev/null
	@for series in 8.0 8.2; do \
		pins=$(PINS)/tryton$$([ $$series = 8.0 ] || echo -$$series).txt; echo "Compiling $${pins##*/} …"; \
		$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["tryton"], sep="\n")' \
			| sed "s/~=8\.0\.0/~=$$series.0/" | uv pip compile - --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
			--universal --python-version 3.11 --no-annotate --no-header $(if $(UPGRADE),--upgrade) -o $$pins >/dev/null || exit 1; \
	done
