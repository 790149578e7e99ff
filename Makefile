# Two commands do everything on a fresh machine: `make devnet` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup devnet test test-all fuzz lint types boundaries conformance decoding settings-docs message-docs lock clean

setup: $(VENV)/.installed

# a folder moved or copied elsewhere has scripts that point to the old place: make it anew
$(VENV)/.installed: requirements.lock pyproject.toml deploy/build_hook.py deploy/check_machine.sh
	@PYTHON="$(PYTHON)" sh deploy/check_machine.sh
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m thespis.protocols.proofs.warm
	@$(BIN)/python -m compileall -q -j 0 actors protocols runtime deploy
	@touch $@

# a local network of three nodes; ARGS='--until-epoch 30 --block-time 1s' ends by itself
devnet: setup
	@$(BIN)/thespis devnet $(ARGS)

# two workers; docs/testing.md says what is in which, and how long each takes
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder

test: setup
	@$(PYTEST) -m "not rare"

# with the rest of the simulated seeds and Thespian's own suite
test-all: setup
	@$(PYTEST)

# properties with twenty times as many random examples, FUZZ=100 for more; then a million hostile calls of actors
FUZZ ?= 20
CALLS ?= 1000000
fuzz: setup
	@THESPIS_FUZZ=$(FUZZ) $(PYTEST) -m hypothesis --timeout 3600
	@$(BIN)/python -m tests.protocols.vm.hostile --calls $(CALLS)

lint: setup
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

boundaries: setup
	$(BIN)/lint-imports

# what passes of the network's own vectors, as docs/conformance.md
conformance: setup
	@$(BIN)/python -m tests.conformance

# our decoders against the reference's own types, which needs Go: INPUTS of each record; then `make conformance`
INPUTS ?= 1000000
SEED ?= 1
decoding: setup
	@$(BIN)/python -m tests.conformance.decoding --inputs $(INPUTS) --seed $(SEED)

# every setting as the records beside the subsystems have it
settings-docs: setup
	@$(BIN)/thespis config docs > docs/settings.md

# docs/messages.md out of the messages' declarations
message-docs: setup
	@$(BIN)/python -m thespis.deploy.messages > docs/messages.md

lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
