# Two commands do everything on a fresh machine: `make devnet` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup devnet test lint types boundaries conformance message-docs lock clean

setup: $(VENV)/.installed

# a folder moved or copied elsewhere has scripts that point to the old place: make it anew
$(VENV)/.installed: requirements.lock pyproject.toml deploy/build_hook.py deploy/check_machine.sh
	@PYTHON="$(PYTHON)" sh deploy/check_machine.sh
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m thespis.protocols.proofs.warm
	@touch $@

# a local network of three nodes; ARGS='--until-epoch 30 --block-time 1s' ends by itself
devnet: setup
	@$(BIN)/thespis devnet $(ARGS)

test: setup
	@$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

boundaries: setup
	$(BIN)/lint-imports

# what passes of the network's own vectors, as docs/conformance.md
conformance: setup
	@$(BIN)/python -m tests.conformance.report

# docs/messages.md out of the messages' declarations
message-docs: setup
	@$(BIN)/python -m thespis.deploy.messages > docs/messages.md

lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
