# Every target sets up what it needs first, once; set-up runs again only when the requirements change.
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell \
	$(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(p))))
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
SUPERSET_PYTHON ?= $(firstword $(foreach p,python3 python3.12 python3.11,$(shell \
	$(p) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && echo $(p))))
BI_PIP := bi/.venv/bin/python -m pip --disable-pip-version-check --no-input --quiet
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-strip-extras --no-header

# without its bytecode Airflow takes three times as long to start; nor may another project's modules get in
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME
# steps that other queries start from: the linter sees them with a last line
FACTS := tonghop/queries/sql/cell/facts.sql
# each population of a suite in a file of its own, and what fills the tables that they range over, whole and of a slice
define POPULATIONS
import pathlib, sys
from tonghop.release import suites
asked = suites.read()
for suite in asked.suites:
    for e in suite.expectations:
        pathlib.Path(sys.argv[1], e.name + ".sql").write_text(e.sql)
for whole in True, False:
    pathlib.Path(sys.argv[2], f"ranges_{whole}.sql").write_text(suites.only(asked.ranges, whole))
endef
export POPULATIONS

.DEFAULT_GOAL := help
.PHONY: help demo up bi down test trials lint lock

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/ready  ## run the whole way once on sample reports: from workbooks to a published release
	@$(BIN)/tonghop demo

up: .venv/ready  ## start PostgreSQL and Airflow, and keep them running
	@$(BIN)/tonghop up

bi: .venv/ready bi/.venv/ready  ## start Superset over the warehouse, with its dashboards; a second time updates them
	@$(BIN)/tonghop bi

down:  ## stop all that demo, up and bi started
	@if [ -x $(BIN)/tonghop ]; then $(BIN)/tonghop down; fi

test: .venv/ready-dev  ## run every test but the trials, four sessions side by side
	@$(BIN)/pytest -m "not trials" -n 4

trials: .venv/ready-dev bi/.venv/ready  ## run what takes long: many more cases, the templates in LibreOffice Calc, Superset
	@$(BIN)/pytest -m trials --hypothesis-profile many
	@$(BIN)/pytest tests/test_histories.py --hypothesis-profile many

lint: .venv/ready-dev  ## style, types, the order of packages without Airflow, SQL
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint dbt_project docker tonghop/warehouse/migrations tonghop/warehouse/views
	@$(BIN)/sqlfluff lint --templater placeholder tonghop/*/sql samples/reform/sql
	@(cat expectations/candidate.sql; echo 'select release_id from candidate') | $(BIN)/sqlfluff lint --stdin-filename expectations/candidate.sql -
	@folder=$$(mktemp -d) && other=$$(mktemp -d) && trap 'rm -r "$$folder" "$$other"' EXIT && \
		$(BIN)/python -c "$$POPULATIONS" "$$folder" "$$other" && $(BIN)/sqlfluff lint --config .sqlfluff "$$folder" && \
		$(BIN)/sqlfluff lint --config .sqlfluff --templater placeholder "$$other"
	@(cat $(FACTS); echo; echo 'select unit_id from complete') | $(BIN)/sqlfluff lint --templater placeholder --stdin-filename $(basename $(FACTS)) -

lock: .venv/ready  ## pin the requirements anew, with hashes
	@$(PIP) install uv==0.13.9
	@$(COMPILE) pyproject.toml --all-extras requirements.in --output-file requirements.txt
	@$(COMPILE) requirements-dev.in --output-file requirements-dev.txt
	@$(COMPILE) --exclude-newer 2026-05-25 bi/requirements.in --output-file bi/requirements.txt

.venv/ready: requirements-pip.txt requirements.txt pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "Tonghop needs Python 3.11 or newer. On Debian or Ubuntu: apt install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@echo "setting up Tonghop's own Python environment in .venv; the first time takes a minute or two"
	@$(PYTHON) -m venv .venv
	@$(PIP) install --require-hashes -r requirements-pip.txt
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/ready-dev: .venv/ready requirements-dev.txt
	@echo "adding what the tests and lints need"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

# Superset's pins are of packages from before 26 May 2026, which have wheels for no newer Python
bi/.venv/ready: requirements-pip.txt bi/requirements.txt
	@[ -n "$(SUPERSET_PYTHON)" ] || { echo "Superset needs Python 3.11 or 3.12 beside Tonghop's own"; exit 1; }
	@echo "setting up Superset's Python environment in bi/.venv; the first time takes some minutes"
	@$(SUPERSET_PYTHON) -m venv bi/.venv
	@$(BI_PIP) install --require-hashes -r requirements-pip.txt
	@$(BI_PIP) install --require-hashes -r bi/requirements.txt
	@touch $@
