# Everything a fresh machine needs: Python 3.11, pip and make. `make demo` and `make test` do all the set-up.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# A CPU build of torch, never gigabytes of CUDA: from pip's configured folder, else from PyTorch's own index.
TORCH := 2.13.0
TORCHVISION := 0.28.0
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
GPU := $(shell command -v nvidia-smi 2>/dev/null)

.PHONY: demo test check bench format clean
.DELETE_ON_ERROR:

demo: $(VENV)/ready  ## the main job, offline, on a CPU
	$(BIN)/mmk12 demo

test: $(VENV)/ready  ## the fast test suite
	$(BIN)/pytest

check: $(VENV)/ready  ## lint and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/ready  ## measurements, each as a ratio to a peer or to the limit in the same run
	$(BIN)/pip install -q -c constraints.txt -e ".[bench]"
	test -d build/bench || $(BIN)/pip install -q --no-deps --target build/bench "verl==0.9.1"
	$(BIN)/python -m tests.bench

format: $(VENV)/ready  ## rewrite the code in the house style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) build dist

$(VENV)/ready: pyproject.toml constraints.txt Makefile
	$(PYTHON) -m venv $(VENV)
ifeq ($(GPU)$(filter Darwin,$(shell uname -s)),)
	$(BIN)/pip install -q "torch==$(TORCH)+cpu" 2>/dev/null || $(BIN)/pip install -q --index-url $(TORCH_INDEX) "torch==$(TORCH)+cpu"
# PyPI's torchvision asks for exactly this torch and finds it installed; mmk12 copes with its CUDA half.
	$(BIN)/pip install -q "torchvision==$(TORCHVISION)"
endif
	$(BIN)/pip install -q -c constraints.txt -e ".[hf,dev]"
	touch $@
