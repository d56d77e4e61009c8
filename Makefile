# Everything a developer types. `make` or `make help` lists it; `make check` is what CI runs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# Keeps compiled modules, also where the shell forbids them: a stack is two dozen processes of the same code.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
PY := $(VENV)/bin/python
PIP_INSTALL := $(PY) -m pip install -q --disable-pip-version-check --no-input --no-deps --require-hashes
CODE := clients/python deploy gateway services shared tests
ID ?=
SINCE ?=
TESTS ?=
NAME ?=
EMAIL ?=
# Test processes side by side, more than cores because tests often wait; each has
# a cluster, a Redis and, if asked for, a stack of its own.
JOBS ?= 5
# What measures, kills and soaks for minutes has targets of its own.
UNMEASURED := --ignore=tests/bench --ignore=tests/chaos --ignore=tests/soak --ignore=tests/compose
# A test that fails is tried once more, and the end of the run names it: docs/decisions/0061.
ONCE_MORE := --reruns 1 --rerun-except "has not ended after" -r fER
CMD ?= auth --help
# The factor of `make load`.
SCALE ?= 1
# The docs host's files, built from the code. The contract is written last, so it stands for all of them.
DOCUMENTS := gateway/docs/static/openapi.json
SDKS := clients/python $(addprefix clients/typescript/,src CHANGELOG.md README.md package.json tsconfig.json tsconfig.cjs.json)

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/.installed typescript-where-possible $(DOCUMENTS) ## start everything on this machine; Ctrl-C stops it
	@exec $(PY) -m deploy.local up

down: $(VENV)/.installed ## stop a stack that was left running
	@$(PY) -m deploy.local down

reset: $(VENV)/.installed ## stop it and delete its databases, secrets and logs
	@$(PY) -m deploy.local down --delete

demo: $(VENV)/.installed ## play the whole story against the running stack
	@$(PY) -m deploy.local demo

trace: $(VENV)/.installed ## draw one trace across all processes: make trace ID=<x-trace-id>
	@$(PY) -m deploy.local trace "$(ID)"

logs: $(VENV)/.installed ## print what every process logged within one trace: make logs ID=<x-trace-id>
	@$(PY) -m deploy.local logs "$(ID)"

operate: $(VENV)/.installed ## run an operator's command: make operate CMD="auth keys list"
	@$(PY) -m deploy.local operate $(CMD)

restart: $(VENV)/.installed $(DOCUMENTS) ## replace running processes without refusing a request: make restart NAME=epcr
	@$(PY) -m deploy.local restart $(NAME)

load: $(VENV)/.installed ## fill the running stack as a year of use would (minutes): make load SCALE=0.1 LARGE=1000000
	@$(PY) -m deploy.load --scale $(SCALE) $(if $(LARGE),--large $(LARGE))

compose-env: $(VENV)/.installed ## make the secrets of docker-compose.yml, once
	@$(PY) -m deploy.compose

compose-tenant: ## make a tenant in the containers, with its administrator: make compose-tenant NAME="Riviera" EMAIL=admin@…
	@docker compose exec auth-worker python -m services.auth tenant open "$(NAME)" "$(EMAIL)"

migrate: $(VENV)/.installed ## bring the running stack's databases up to date
	@$(PY) -m deploy.local migrate

test: $(VENV)/.installed-dev $(VENV)/idp/.installed typescript-where-possible $(DOCUMENTS) ## the tests of ordinary behaviour, tenant isolation, bad and forged input, against real databases, queues and processes (ten minutes)
	@$(PY) -m pytest -n $(JOBS) --dist loadfile $(UNMEASURED) -m "not full and not contract and not fuzz and not looks"

test-all: $(VENV)/.installed-dev $(VENV)/idp/.installed typescript-where-possible $(DOCUMENTS) ## every test: also matrices, browsers, faults, upgrades, clients and runbooks (half an hour)
	@$(PY) -m pytest -n $(JOBS) --dist loadfile $(UNMEASURED) $(ONCE_MORE)

# Types are checked beside the tests, which wait now and then.
check: lint $(VENV)/idp/.installed ## what CI runs: format check, lint, import contracts, types, every test, generated clients
	@$(MAKE) types > $(VENV)/types.out 2>&1 & types=$$!; \
	$(MAKE) test-all && $(MAKE) contract-where-possible; tests=$$?; \
	wait $$types || { cat $(VENV)/types.out; exit 1; }; exit $$tests

contract-where-possible:
	@if $(MAKE) $(VENV)/contract/.installed; then $(MAKE) contract; \
	else echo "make check: SKIPPED make contract: its linters and generators could not be installed"; fi

lint: $(VENV)/.installed-dev ## format check, ruff, import contracts, plain English
	@$(PY) -m ruff format --check $(CODE)
	@$(PY) -m ruff check $(CODE)
	@$(VENV)/bin/lint-imports --no-logo
	@$(PY) -m deploy.house.words

words: $(VENV)/.installed-dev ## lower the baseline of unclear phrases to what is left
	@$(PY) -m deploy.house.words --lower

house: $(VENV)/.installed-dev ## measure words, roads, repetitions and sizes beside their goals: make house SINCE=<commit>
	@$(PY) -m deploy.house.measure $(SINCE)

types: $(VENV)/.installed-dev ## basedpyright
	@$(VENV)/bin/basedpyright --level error

fmt: $(VENV)/.installed-dev ## format and fix what can be fixed
	@$(PY) -m ruff format $(CODE)
	@$(PY) -m ruff check --fix $(CODE)

openapi: $(VENV)/.installed-dev ## take new texts and operationIds of the contract into deploy/docs, and build the docs host's files
	@$(PY) -m deploy.docs

$(DOCUMENTS): $(shell find deploy/docs deploy/clients gateway/routes.py gateway/settings.py services shared docs/release-notes.md docs/release-notes.it.md $(SDKS) -type f ! -name '*.pyc' ! -path 'deploy/*/README.md' ! -path 'services/*/README.md') $(wildcard clients/typescript/node_modules/.package-lock.json) | $(VENV)/.installed
	@echo "building the files of the docs host"
	@$(PY) -m deploy.docs.build

clients: $(VENV)/.installed-dev $(DOCUMENTS) ## write the generated part of the SDKs in clients/ from the contract
	@$(PY) -m deploy.clients

typescript: clients/typescript/node_modules/.installed ## install the compiler of the TypeScript SDK: its package on the docs host and its tests need it and Node.js

clients/typescript/node_modules/.installed: clients/typescript/package-lock.json
	@command -v npm > /dev/null || { echo "make: the TypeScript SDK needs Node.js (npm)" >&2; exit 1; }
	@echo "installing the compiler of the TypeScript SDK"
	@cd clients/typescript && npm ci --ignore-scripts --fetch-retries=0 --no-audit --no-fund --loglevel=error
	@touch $@

typescript-where-possible:
	@$(MAKE) typescript || echo "make: the docs host will lack the TypeScript SDK, and its tests be SKIPPED: its compiler could not be installed"

# Its tools need Node.js ≥ 20 and Java ≥ 11 beside Python.
contract: $(VENV)/.installed-dev $(VENV)/contract/.installed $(DOCUMENTS) ## lint the contract, generate clients with nine generators, compile them, and call a live stack with two
	@$(PY) -m pytest -m contract -s tests/docs

collections: openapi ## write the Postman and Bruno collections of the contract, beside it

bench: $(VENV)/.installed-dev ## measure throughput and latency (minutes)
	@$(PY) -m pytest -m bench -s -rs tests

bench-%: $(VENV)/.installed-dev tests/bench/test_%.py ## measure one thing: make bench-gateway, bench-token, bench-fhir …
	@$(PY) -m pytest -m bench -s -rs tests/bench/test_$*.py

chaos: $(VENV)/.installed-dev ## kill, empty, fill, freeze and cut things while traffic runs (an hour)
	@$(PY) -m pytest -m chaos -s tests

soak: $(VENV)/.installed-dev ## ten minutes of mixed traffic, then every process replaced under it
	@$(PY) -m pytest -m soak -s tests

console-looks: $(VENV)/.installed-dev $(DOCUMENTS) ## open every page of the console in both languages and themes, two widths, with and without script (minutes)
	@$(PY) -m pytest -m looks -n $(JOBS) tests/console

# The trace of the running stack with ID, such as the one that `make demo` drew.
pictures: $(VENV)/.installed-dev $(DOCUMENTS) ## make the pictures of the README anew: make pictures ID=<x-trace-id>
	@mkdir -p docs/pictures
	@$(PY) -m deploy.local trace "$(ID)" --picture docs/pictures/trace.svg
	@CONSOLE_PICTURES=$$(mktemp -d) && export CONSOLE_PICTURES && \
	$(PY) -m pytest -q -m looks -k "in_every_look and overview and en" tests/console/test_pages.py && \
	cp $$CONSOLE_PICTURES/overview.*-en-light-1280.png docs/pictures/console.png

compose-test: $(VENV)/.installed-dev ## build and run docker-compose.yml in real containers: story, crashes, cost (ten minutes)
	@$(PY) -m pytest -m compose -s tests/compose

fuzz: $(VENV)/.installed-dev $(VENV)/fuzz/.installed ## send whatever the contract allows, and more, at a running stack (minutes)
	@PATH="$(CURDIR)/$(VENV)/fuzz/bin:$$PATH" $(PY) -m pytest -m fuzz -s -v tests/docs
	@KNOGIN_FUZZ_EXAMPLES=900 $(PY) -m pytest -n 2 -v tests/auth/test_fuzz.py

audit: $(VENV)/audit/.installed ## known vulnerabilities of all pinned packages, and bills of materials (CycloneDX) in .venv/sbom
	@$(PY) -m deploy.house.audit

mutate: $(VENV)/.installed-dev ## break the pure cores in small ways and count what their tests notice (minutes): make mutate NAME=signing
	@$(PY) -m deploy.house.mutate $(NAME)

cover: $(VENV)/.installed-dev $(VENV)/idp/.installed typescript-where-possible ## every test with the coverage of tests and of the stack's processes together
	@rm -rf $(VENV)/coverage && mkdir -p $(VENV)/coverage
	@$(PY) -m coverage run -m pytest -n $(JOBS) --dist loadfile $(or $(TESTS),$(UNMEASURED))
	@$(PY) -m coverage combine -q && $(PY) -m coverage html -q -d $(VENV)/coverage/html && $(PY) -m coverage report

$(VENV)/bin/python:
	@python=$$(for name in python3.13 python3.12 python3.11 python3.14 python3 python; do \
		$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done); \
	if [ -z "$$python" ]; then echo "make: no Python 3.11 or newer on PATH; install one first" >&2; exit 1; fi; \
	echo "making $(VENV) with $$($$python --version)"; \
	$$python -m venv $(VENV) || { rm -rf $(VENV); echo "make: this Python lacks venv (Debian: apt install python3-venv)" >&2; exit 1; }

$(VENV)/.installed: requirements.lock | $(VENV)/bin/python
	@echo "installing the locked packages"
	@$(PIP_INSTALL) -r requirements.lock
	@touch $@

# The development lock holds everything of the other one.
$(VENV)/.installed-dev: requirements-dev.lock requirements.lock | $(VENV)/bin/python
	@echo "installing the locked packages for development"
	@$(PIP_INSTALL) -r requirements-dev.lock
	@touch $(VENV)/.installed $@

# schemathesis has its own environment: it pins other versions than the services.
$(VENV)/fuzz/.installed: requirements-fuzz.lock | $(VENV)/bin/python
	@echo "installing schemathesis"
	@$(PY) -m venv $(VENV)/fuzz
	@$(VENV)/fuzz/bin/python -m pip install -q --disable-pip-version-check --no-input --no-deps --require-hashes -r requirements-fuzz.lock
	@touch $@

# The audit has its own environment: it reads the locks and must not change them.
$(VENV)/audit/.installed: requirements-audit.lock | $(VENV)/bin/python
	@echo "installing the audit's tools"
	@$(PY) -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip install -q --disable-pip-version-check --no-input --no-deps --require-hashes -r requirements-audit.lock
	@touch $@

# The generators of clients have their own environment, with the pins that partners use.
$(VENV)/contract/.installed: requirements-contract.lock deploy/docs/tools/package-lock.json | $(VENV)/bin/python
	@command -v npm java > /dev/null || { echo "make: make contract needs Node.js (npm) and Java" >&2; exit 1; }
	@echo "installing the linters and generators of the contract"
	@$(PY) -m venv $(VENV)/contract
	@$(VENV)/contract/bin/python -m pip install -q --disable-pip-version-check --no-input --no-deps --require-hashes -r requirements-contract.lock
	@cp deploy/docs/tools/package.json deploy/docs/tools/package-lock.json $(VENV)/contract/
	@cd $(VENV)/contract && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# The identity providers that tests sign in through have their own environment.
$(VENV)/idp/.installed: requirements-idp.lock | $(VENV)/bin/python
	@echo "installing the identity providers of the tests"
	@$(PY) -m venv $(VENV)/idp
	@$(VENV)/idp/bin/python -m pip install -q --disable-pip-version-check --no-input --no-deps --require-hashes -r requirements-idp.lock
	@touch $@

.PHONY: console-looks pictures clients typescript typescript-where-possible contract-where-possible collections contract load house words audit mutate cover logs operate restart soak compose-env compose-tenant compose-test help up down reset demo trace migrate test test-all check lint types fmt openapi bench fuzz chaos
