# Two commands: `make demo` runs the whole product, `make test` runs every test.
# Both install what they need into .venv first, once per change of the lock file.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: install demo test check conventions lock clean

install: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

demo: install
	@$(BIN)/hmc demo --data-dir .hmc

test: install
	@$(BIN)/python -m tests.browser.provide
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadfile --no-loadscope-reorder $(ARGS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/sqlfluff lint dbt_project/models
	$(BIN)/sqlfluff lint --templater placeholder api/questions
	$(BIN)/python -m hmc.generate --check
	@$(MAKE) --no-print-directory conventions

# How models, columns and tests are named, layered, described and kept. Parsing asks no
# database, so the address is nobody's.
conventions:
	@HMC_DBT_HOST=- HMC_DBT_USER=- HMC_DBT_DBNAME=- $(BIN)/dbt parse --quiet --no-partial-parse --project-dir dbt_project --profiles-dir dbt_project --target-path target/conventions
	@cd dbt_project && $(abspath $(BIN))/dbt-bouncer run --show-all-failures

lock:
	@$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --no-strip-extras --python-version 3.11 --all-extras --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .hmc dbt_project/target dbt_project/logs
