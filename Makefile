# The commands that the README names. `make setup` is called by all of them.
PATH := $(CURDIR)/.venv/bin:$(PATH)
export PATH

.PHONY: setup setup-test demo test coverage mutation lint format bench screenshots lock train-setup clean

setup:
	@sh deploy/setup.sh

setup-test:
	@sh deploy/setup.sh --with-test-programs

demo: setup
	@yinding demo

test: setup-test lint
	@pytest -m alone
	@pytest -n 2 --dist worksteal -m "not alone"

coverage: setup-test
	@mkdir -p build
	@coverage run -m pytest tests/alerts tests/devices tests/wire/test_signing.py
	@coverage report

mutation: setup-test
	@python -m tests.mutation

lint: setup-test
	@ruff check .
	@ruff format --check .
	@lint-imports --no-logo
	@mypy
	@npm --prefix console/web run --silent check

format: setup-test
	@ruff check --fix .
	@ruff format .

bench: setup-test
	@yinding bench cameras
	@yinding bench warning

screenshots: setup-test
	@YINDING_SCREENSHOTS=1 pytest -m browser tests/console/test_screenshots.py tests/end_to_end/test_demo.py

lock:
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header pyproject.toml --group dev -o locks/requirements.txt

train-setup:
	@sh deploy/train-setup.sh

clean:
	@rm -rf .venv console/static console/web/node_modules build runs
