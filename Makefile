# Every target builds the virtual environment that it needs, from the hashed locks in requirements/: what running needs,
# and on top of it, for the targets that need more, what developing needs.
# Variables: ARGS (more arguments), PYTHON (the Python to build with), UV (empty: use venv and pip).

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
READY := $(VENV)/.ready
PEERS := $(VENV)/.peers
UV ?= $(shell command -v uv 2>/dev/null)

# The first Python of 3.11 or later, by its own path: a pyenv shim of that name may lead nowhere.
RECENT := import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys.executable)
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c '$(RECENT)' 2>/dev/null && break; done)

# A company's proxy has its certificate in the system's store, which uv does not read unless told.
export UV_SYSTEM_CERTS := true
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo up test coverage mutate matrix chaos retail drill bench compare histories docs lint lock \
	wheel release test-pythons test-lowest clean venv
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'
	@echo
	@echo 'More arguments go into ARGS: make test ARGS="-k money"'

demo: $(RUNTIME) ## process sample orders on a temporary stack, faults included, and check the books
	@$(BIN)/ordersaga demo $(ARGS)

up: $(RUNTIME) ## run the whole stack on this machine until Ctrl-C
	@$(BIN)/ordersaga up $(ARGS)

test: $(READY) ## run the tests
	@$(BIN)/python -m pytest $(ARGS)

# The tests of the engine and of the order's workflows, as tests/mutation/known_tests.py has them.
ENGINE_TESTS = $(wildcard tests/unit/test_*saga_*.py) tests/unit/test_timeline_text.py tests/workflow tests/sagas \
	tests/recovery/test_watcher.py \
	-k '(not flag-2-on or native_cancel) and not test_cost'

coverage: $(READY) ## hold the lines and branches of the engine and the workflows to be reached by their tests
	@$(BIN)/python -m pytest --cov --cov-report=term --numprocesses 3 $(ENGINE_TESTS) $(ARGS)

mutate: $(READY) ## break the engine and the workflows, and see that a test fails each time; ONLY=… SAMPLE=… SEED=…
	@$(BIN)/python -m pytest -m slow tests/unit/test_mutants.py
	@$(BIN)/python -m tests.mutation $(if $(ONLY),--only '$(ONLY)') $(if $(SAMPLE),--sample $(SAMPLE)) \
		$(if $(SEED),--seed $(SEED)) $(ARGS)

matrix: $(READY) ## put an order through every fault at every call, every cancel, kill and reset
	@$(BIN)/python -m resilience.matrix $(ARGS)
ifeq ($(ARGS),)
	@$(BIN)/python -m resilience.matrix --cells 'cancel/*' --single-batch --out .ordersaga/matrix-single-batch
endif

chaos: $(READY) ## put random orders through random faults and kills; SECONDS=… SEED=…
	@$(BIN)/python -m resilience.chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

retail: $(READY) ## put the whole of the real data through a stack of its own
	@$(BIN)/python -m pytest -m slow tests/acceptance/test_retail_orders.py $(ARGS)

drill: $(READY) ## restore Temporal's database from an older copy, and see every order end
	@$(BIN)/python -m pytest -m slow -s tests/acceptance/test_restore.py $(ARGS)

bench: $(PEERS) ## measure ordersaga beside the limit, a naive saga and other engines; takes most of an hour
	@$(BIN)/python -m bench $(ARGS)

compare: $(PEERS) ## run orders under the same faults on ordersaga, a naive saga and Celery, and print what each lost
	@$(BIN)/python -m bench.compare $(ARGS)

histories: $(READY) ## record the orders' histories that tests/replay has not got yet
	@$(BIN)/python -m tests.replay.record

docs: $(READY) ## build the documentation as a site in build/docs; a broken link is an error
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	@echo "The site is in build/docs/index.html"

lint: $(READY) ## check style, formatting, types and who imports whom
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

wheel: $(READY) ## install the wheel with each extra on each Python that is here, and run it; takes minutes
	@$(BIN)/python -m pytest -m slow tests/packaging/test_install.py $(ARGS)

test-pythons: $(READY) ## run the unit tests, or those of ARGS, on each Python that is here
	@$(BIN)/python -m tools.other_versions pythons $(ARGS)

test-lowest: $(READY) ## run the unit tests, or those of ARGS, with the lowest versions that pyproject.toml allows
	@$(BIN)/python -m tools.other_versions lowest $(ARGS)

release: $(READY) ## set the version, date the changelog, build, check and tag; upload nothing; VERSION=…
	@$(BIN)/python -m tools.release '$(VERSION)'

lock: $(if $(UV),,$(READY)) ## resolve the dependencies of pyproject.toml anew and write requirements/
	@test -n "$(UV)" || $(BIN)/python -m pip install --quiet uv
	@$(LOCK) --group build --output-file requirements/runtime.txt
	@$(LOCK) --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
	@$(LOCK) --group dev --group bench --constraint requirements/dev.txt --output-file requirements/bench.txt

LOCK = "$(or $(UV),$(BIN)/uv)" pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
	--no-header --no-emit-index-url --no-emit-find-links --extra local pyproject.toml

venv: $(READY) ## build the virtual environment only
	@:

clean: ## remove the virtual environment and every cache
	rm -rf $(VENV) dist build .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# `$(call install,FILE)` installs the packages of a lock, and says what it downloads. pip says too much for that, so its
# output is filtered; a file says whether it failed, because a pipe in sh does not.
ifneq ($(UV),)
install = "$(UV)" pip install --compile-bytecode --python $(VENV) --require-hashes --requirement $(1)
editable = "$(UV)" pip install --quiet --python $(VENV) --no-build-isolation --no-deps --editable .
else
install = rm -f $(VENV)/.failed; \
	{ $(BIN)/python -m pip install --progress-bar off --require-hashes --requirement $(1) || touch $(VENV)/.failed; } | \
	sed -n 's/^ *Downloading \([A-Za-z0-9_.]*\)-[0-9][^ ]* \((.* MB)\).*/  downloading \1 \2/p; s/^Installing .*/  installing what was downloaded/p'; \
	test ! -e $(VENV)/.failed
editable = $(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
endif
count = $$(grep -c '^[a-z].*==' $(1))

# An environment that is there is brought up to date by its own Python: another one would make a mixture of two.
# The project's own build runs without isolation: its build backend is in the lock, so nothing unhashed is fetched.
$(RUNTIME): pyproject.toml requirements/runtime.txt
	@"$(PYTHON)" -c '$(RECENT)' >/dev/null 2>&1 || { \
		echo 'ordersaga needs Python 3.11 or later: $(or $(PYTHON),none was found)$(if $(PYTHON), is not that). Nothing was installed.' \
		'Install one (Debian: apt install python3 python3-venv; macOS: brew install python),' \
		'or name one: make PYTHON=/path/to/python3' >&2; exit 1; }
	@echo "Installing what ordersaga needs to run into $(VENV), with $(if $(UV),uv,pip): $(call count,requirements/runtime.txt) packages ..." >&2
ifneq ($(UV),)
	@$(BIN)/python -c '$(RECENT)' >/dev/null 2>&1 || "$(UV)" venv --quiet --clear --python "$(PYTHON)" $(VENV)
else
	@$(BIN)/python -c 'import pip; $(RECENT)' >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
endif
	@{ $(call install,requirements/runtime.txt); } >&2
	@$(editable)
	@touch $@

$(READY): $(RUNTIME) requirements/dev.txt
	@echo "Installing what developing needs besides, with $(if $(UV),uv,pip): $(call count,requirements/dev.txt) packages in all ..." >&2
	@{ $(call install,requirements/dev.txt); } >&2
	@touch $@

# The engines that bench/peers measures; only `make bench` and `make compare` need them.
$(PEERS): $(READY) requirements/bench.txt
	@echo "Installing the engines to measure ..." >&2
	@{ $(call install,requirements/bench.txt); } >&2
	@touch $@
