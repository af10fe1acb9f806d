# One word per chore. Every target sets up what it needs, so a fresh clone needs only the one word.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1

.PHONY: demo test check bench report audit setup clean

demo: .venv/.ready  ## make the synthetic data, run the main recipe, write the report
	$(BIN)/slim run recipes/distill.yaml

test: .venv/.ready  ## all tests, doctests included, one process per core
	$(BIN)/pytest -n auto -q

check: .venv/.ready  ## lint, format, types, layers, safety, recipes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/bandit -q -c pyproject.toml -r slimaffect
	$(BIN)/slim check recipes/*.yaml

bench: .venv/.ready  ## the benchmarks in their short form; each is a command with --help
	for bench in benchmarks/*.py; do $(BIN)/python $$bench --quick || exit 1; done

report: .venv/.ready  ## one page over every result under results/
	$(BIN)/slim report results/*/

audit: .venv/.ready  ## known holes in what is installed; asks a service on the network
	$(BIN)/python -m pip install --quiet "pip-audit>=2.9"
	$(BIN)/pip-audit --progress-spinner off

setup: .venv/.ready

.venv/.ready: pyproject.toml
	@echo "Setting up .venv (torch, ONNX Runtime, OpenVINO, TensorRT-RTX): a few minutes on first use."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $@

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache
