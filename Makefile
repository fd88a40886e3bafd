# Everything a newcomer or a builder types. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run test check bench drills seed embed lock clean

HOST ?= 127.0.0.1
PORT ?= 8000
PYTHON ?= python3
QUICK ?=
NAME ?=

BIN := .venv/bin
FLASK := $(BIN)/flask --app wsgi tracker
# Without compiled files every start of pytest would compile all dependencies anew: seconds, each time.
UV := UV_COMPILE_BYTECODE=1 VIRTUAL_ENV=.venv $(BIN)/uv --quiet
LOCK := $(BIN)/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
# Where compiled files may not be written, every process that a test starts compiles the whole house again.
export PYTHONDONTWRITEBYTECODE :=

help: ## list what can be done
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

run: .venv/run.stamp ## start Nameplate with a small demo (HOST=127.0.0.1 PORT=8000)
	@$(FLASK) init --demo
	@exec $(FLASK) serve --host "$(HOST)" --port "$(PORT)"

test: .venv/dev.stamp ## everything: check, both databases, real browser, short drills
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash .ci/everything

check: .venv/dev.stamp ## in under a minute: lint, format, types, unit tests
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@mkdir -p .mypy_cache; $(BIN)/mypy > .mypy_cache/said 2>&1 & types=$$!; trap 'kill $$types 2>/dev/null || true' EXIT; \
	$(BIN)/pytest -q -n 2 --dist loadfile -m "not slow and not browser and not postgres"; \
	wait $$types && tail -1 .mypy_cache/said || { cat .mypy_cache/said; exit 1; }

bench: .venv/dev.stamp ## measure: make bench NAME=post [QUICK=1]
	@test -n "$(NAME)" || { echo "Say which one: make bench NAME=…"; ls bench/[a-z]*.py | sed 's,bench/,  ,; s,\.py$$,,'; exit 2; }
	@QUICK="$(QUICK)" $(BIN)/python -m bench.$(NAME)

drills: .venv/dev.stamp ## break it on purpose, at full length: make drills [NAME=F9]
	@$(BIN)/pytest tests/drills tests/attacks $(if $(NAME),-k "$(NAME)") --full --timeout 1800 -v

seed: .venv/run.stamp ## add the demo's people and tickets to the database
	@$(FLASK) seed

embed: .venv/dev.stamp ## squeeze the scripts that other sites load (after a change in static/js/embed/)
	@$(BIN)/python .ci/squeeze

lock: $(BIN)/uv ## renew requirements/*.txt from setup.cfg (UPGRADE=1: newest versions)
	@echo uv | $(LOCK) - -o requirements/uv.txt $(if $(UPGRADE),--upgrade)
	@.ci/wanted scale dev | $(LOCK) - -o requirements/dev.txt $(if $(UPGRADE),--upgrade)
	@.ci/wanted scale | $(LOCK) - -c requirements/dev.txt -o requirements/scale.txt
	@.ci/wanted | $(LOCK) - -c requirements/dev.txt -o requirements/run.txt

clean: ## remove the environment and what tools have cached (var/ with your tickets stays)
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist nameplate.egg-info

$(BIN)/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Nameplate needs Python 3.11 or newer; say which: make PYTHON=python3.11 …")'
	@$(PYTHON) -m venv .venv || { echo "On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $@

# The development set holds the run-time set, so whoever has synced the first needs nothing for the second.
.venv/run.stamp: requirements/run.txt $(BIN)/uv
	@echo "Installing what Nameplate needs …"
	@rm -f .venv/dev.stamp
	@$(UV) pip sync --require-hashes requirements/run.txt requirements/uv.txt
	@touch $@

.venv/dev.stamp: requirements/dev.txt $(BIN)/uv
	@echo "Installing what its development needs …"
	@$(UV) pip sync --require-hashes requirements/dev.txt requirements/uv.txt
	@touch .venv/run.stamp $@
