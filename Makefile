PORT ?= 8000
.DEFAULT_GOAL := help
.PHONY: help setup run web worker dev test lint fix types layers check migrations bench crash overspend screenshot screenshots lock

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Virtual environment, pinned requirements, migrations, static files, first user
	@tools/environment requirements.txt
	@.venv/bin/python manage.py setup

run: ## Everything, then web and worker on http://127.0.0.1:8000 (PORT=…); Ctrl-C stops both
	@tools/environment requirements.txt
	@.venv/bin/python manage.py run --port $(PORT)

web: ## The web process alone
	@.venv/bin/python manage.py web --port $(PORT)

worker: ## The worker alone
	@.venv/bin/python manage.py worker

dev: ## Virtual environment with what development needs
	@tools/environment requirements-dev.txt

test: dev ## The suite on SQLite and PostgreSQL, and in Chromium; says what it left out (ARGS="-k cadence")
	@.venv/bin/python -m tools.run_tests $(ARGS)

lint: dev ## Style and formatting
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check

fix: dev ## Correct what can be corrected by machine
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format
	@find templates -name '*.html' -exec .venv/bin/djade --target-version 5.2 {} +

types: dev ## Types, strictly
	@.venv/bin/mypy .

layers: dev ## Who may import whom
	@.venv/bin/lint-imports

migrations: dev ## Models without a migration
	@.venv/bin/python manage.py makemigrations --check --dry-run

check: lint types layers migrations ## What CI runs besides the tests
	@DEBUG=0 HELIX_HTTPS=1 .venv/bin/python manage.py check --deploy --fail-level WARNING
	@find templates -name '*.html' -exec .venv/bin/djade --check --target-version 5.2 {} +

bench: dev ## The design's figures, beside django-q2 and Celery (FIGURE=name for one; needs PostgreSQL)
	@.venv/bin/python -m bench $(FIGURE)

crash: dev ## Kill everything under load, then ask the ledger whether anything is wrong (ARGS=--quick)
	@.venv/bin/python -m bench.crash $(ARGS)

overspend: dev ## Spend nearly empty budgets from 64 sides, on PostgreSQL and SQLite
	@.venv/bin/python -m bench.overspend $(ARGS)

screenshot: dev ## The README's picture, docs/screenshot.png, from a demo of its own
	@.venv/bin/python -m tools.screenshot

screenshots: dev ## Every page in light, dark, compact and at 390 px (ARGS="runs run-failed", --fresh)
	@.venv/bin/python -m tools.screenshot --all $(ARGS)

lock: dev ## Pin requirements*.in into requirements*.txt, with hashes
	@for name in requirements requirements-dev; do \
	  .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --custom-compile-command "make lock" $$name.in -o $$name.txt; \
	done
