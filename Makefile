# `make demo` and `make test` need Python 3.11 or newer with venv, and make; nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Not `python -m pytest`, which would put the checkout before what is installed.
PYTEST ?= $(BIN)/pytest
PYTEST_ARGS ?= -n auto

.PHONY: help demo test lint format docs bench proof screenshot preview lock tools build clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

$(VENV)/pip.stamp:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run.stamp: requirements/run.txt requirements/build.txt pyproject.toml | $(VENV)/pip.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-build-isolation -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-build-isolation -r requirements/dev.txt
	@touch $@

demo: $(VENV)/run.stamp ## Run the exporter on its built-in simulator; no account needed
	$(BIN)/dbs-exporter demo

test: $(VENV)/dev.stamp ## Run the tests; those whose tools are missing are skipped with the reason
	$(PYTEST) $(PYTEST_ARGS)

lint: $(VENV)/dev.stamp ## Check style, types, shell scripts and YAML
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy dbs_exporter tests bench tools
	$(BIN)/mypy -p dashboards.source -p dashboards.preview
	$(BIN)/shellcheck .ci/base-image .ci/locks .ci/lowest .ci/names .ci/release .ci/run .ci/tools

format: $(VENV)/dev.stamp ## Format the code
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

docs: $(VENV)/dev.stamp ## Make again everything that is generated
	$(BIN)/python -m tools.generate

bench: $(VENV)/dev.stamp ## Measure; prints ratios and writes docs/performance.md
	$(BIN)/python -m bench

proof: $(VENV)/dev.stamp ## Run 1,000 plans for 20 minutes beside a real Prometheus (needs prometheus)
	$(BIN)/python -m bench.proof
	$(BIN)/python -m bench.clocks

screenshot: $(VENV)/dev.stamp ## Photograph the status page again, into docs/images (needs chromium)
	$(BIN)/python -m tools.screenshots

preview: $(VENV)/dev.stamp ## Draw a preview of the dashboards into docs/images: Grafana's components, no Grafana server (needs prometheus, chromium and npm's packages)
	$(BIN)/python -m dashboards.preview

lock: $(VENV)/dev.stamp ## Lock newer dependencies; PACKAGE=NAME only that, for example because of a CVE
	.ci/locks $(or $(PACKAGE),--upgrade)

tools: ## Install the real programs that some tests need (Debian, as root)
	.ci/tools

build: $(VENV)/run.stamp ## Build the wheel and the sdist into dist/
	$(BIN)/uv build --no-build-isolation --python $(BIN)/python --out-dir dist

clean: ## Remove everything that can be made again
	rm -rf .venv .venv-ci .tools dist dashboards/preview/node_modules tests/node/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
