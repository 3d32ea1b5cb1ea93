# Everything a fresh machine needs: Python 3.11, pip and make. `make demo` and `make test` do all the set-up.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# A CPU build of torch, never gigabytes of CUDA: from pip's configured folder, else from PyTorch's own index.
TORCH := 2.13.0
TORCHVISION := 0.28.0
ENGINES_TORCH := 2.11.0
ENGINES_TORCHVISION := 0.26.0
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
GPU := $(shell command -v nvidia-smi 2>/dev/null)
# Real vLLM, Ray and verl on a CPU, at the versions of the extra [gpu], which are not those of the main environment.
ENGINES := .venv-engines
# Other people's trainers and harnesses, to be called by. ms-swift wants an older TRL and OpenRLHF a GPU, so both come
# without what they ask for, beside the few packages that the parts of them under test import.
PEERS := .venv-peers
PEER_PACKAGES := trl==1.16.0 inspect_ai==0.3.285 verifiers==0.4.0 peft==0.21.2
PEER_PARTS := ms-swift==4.6.0 openrlhf==0.11.2 dacite addict json-repair binpacking oss2 simplejson attrdict \
	sortedcontainers modelscope==1.40.2 modelscope_hub==0.5.1 pylatexenc
RAW ?= ../shared/data
# How many hostile inputs of each class `make test-hostile` makes, and from which seed.
RUNS ?= 2000
SEED ?= 1
# One thread each: two processes whose threads wait for each other's cores take ten times as long.
PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/pytest --numprocesses auto --dist loadfile

VERL_PROOFS := $(filter-out %/test_verl_job.py,$(wildcard tests/engines/test_verl_*.py))

# The fast suite: what needs minutes, a GPU, a browser or an environment of its own has its own target.
FAST := -m "not slow and not engine and not gpu" --ignore tests/browser --ignore tests/plotting --ignore tests/run_report --ignore tests/engines --ignore tests/peers

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-hostile test-pages test-engines test-verl test-peers test-all coverage check bench bench-engine docs format clean
.DELETE_ON_ERROR:

help:  ## this list
	@awk -F ':.*## +' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/ready  ## the main job, offline, on a CPU
	$(BIN)/mmk12 demo

test: $(VENV)/ready  ## the fast test suite
	$(PYTEST) $(FAST)

test-slow: $(VENV)/ready  ## the slow tests: kills and restarts, whole builds, hostile input in bulk
	$(PYTEST) -m slow --ignore tests/browser --ignore tests/engines --ignore tests/peers

test-hostile: $(VENV)/ready  ## generated attacks on every reader of foreign bytes, RUNS of each class; prints a table
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.hostile.suite --runs $(RUNS) --seed $(SEED)

test-pages: $(VENV)/ready  ## figures, and pages in a real browser
	$(PYTEST) tests/browser tests/plotting tests/run_report

test-engines: $(ENGINES)/ready  ## vLLM offline and as a server, Ray replicas, converted checkpoints, one verl job: minutes, on a CPU
	$(ENGINES)/bin/pytest -o filterwarnings=default -p no:warnings tests/engines $(VERL_PROOFS:%=--ignore %)

test-verl: $(ENGINES)/ready  ## the other proofs on real verl: actor, plugin, fine-tuning, kill and resume
	$(ENGINES)/bin/pytest -o filterwarnings=default -p no:warnings $(VERL_PROOFS)

test-peers: $(PEERS)/ready  ## our rewards and exports in TRL, ms-swift, OpenRLHF, inspect_ai and verifiers, and a training by TRL: minutes
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(PEERS)/bin/pytest -o filterwarnings=default -p no:warnings tests/peers

test-all: test test-slow test-hostile test-pages test-engines test-verl test-peers  ## everything

coverage: $(VENV)/ready  ## branch coverage of the fast suite; build/coverage.xml, and a floor in pyproject.toml
	mkdir -p build
	$(PYTEST) $(FAST) --cov --cov-branch --cov-report term:skip-covered --cov-report xml:build/coverage.xml

check: $(VENV)/ready  ## lint, types, and the floors of the architecture
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/ready  ## measurements, each as a ratio to a peer or to the limit in the same run
	$(BIN)/pip install -q -c constraints.txt -e ".[bench]"
	test -d build/bench || $(BIN)/pip install -q --no-deps --target build/bench "verl==0.9.1"
	$(BIN)/python -m perf
	$(BIN)/python -m perf.grading
	$(BIN)/python -m perf.training
	$(BIN)/python -m perf.page

bench-engine: $(ENGINES)/ready  ## what mmk12 eval costs over bare vLLM; RAW holds k12/
	$(ENGINES)/bin/python -m perf.engine --raw-dir $(RAW)

docs: $(VENV)/ready  ## the documentation as a site: build/site/index.html
	$(BIN)/pip install -q -c constraints.txt -e ".[docs]"
	$(BIN)/mkdocs build --strict --quiet

format: $(VENV)/ready  ## rewrite the code in the house style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:  ## remove the environments and everything built
	rm -rf $(VENV) $(ENGINES) $(PEERS) build dist

# $(call torch,BIN): the CPU build of torch into the environment of BIN. PyPI's torchvision asks for exactly this torch
# and finds it installed. Its operators, built for CUDA, do not load beside this torch, so the lines that register two of
# them go: with these lines nothing imports torchvision, nor the vision models of transformers.
define torch
	$(1)/pip install -q "torch==$(TORCH)+cpu" 2>/dev/null || $(1)/pip install -q --index-url $(TORCH_INDEX) "torch==$(TORCH)+cpu"
	$(1)/pip install -q "torchvision==$(TORCHVISION)"
	$(1)/python -c "import torchvision" 2>/dev/null \
		|| sed -i.orig -E '/^@torch\.library\.register_fake\("torchvision::q?nms"\)/d' \
			"$$($(1)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torchvision/_meta_registrations.py"
	$(1)/python -c "import torchvision"
endef

$(VENV)/ready: pyproject.toml constraints.txt Makefile
	$(PYTHON) -m venv $(VENV)
ifeq ($(GPU)$(filter Darwin,$(shell uname -s)),)
	$(call torch,$(BIN))
endif
	$(BIN)/pip install -q -c constraints.txt -e ".[hf,openai,dev]"
	touch $@

# The versions of the extra [gpu]. PyPI's torch for CUDA is the last resort: it runs on a CPU as well and costs gigabytes,
# which only this environment may.
$(ENGINES)/ready: pyproject.toml constraints-engines.txt Makefile
	$(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/pip install -q "torch==$(ENGINES_TORCH)+cpu" 2>/dev/null \
		|| $(ENGINES)/bin/pip install -q --index-url $(TORCH_INDEX) "torch==$(ENGINES_TORCH)+cpu" 2>/dev/null \
		|| { echo "no CPU build of torch $(ENGINES_TORCH) can be had here: PyPI's build for CUDA is installed"; \
			$(ENGINES)/bin/pip install -q "torch==$(ENGINES_TORCH)"; }
	$(ENGINES)/bin/pip install -q "torchvision==$(ENGINES_TORCHVISION)"
	$(ENGINES)/bin/pip install -q --no-deps -r constraints-engines.txt
	$(ENGINES)/bin/pip install -q --no-deps -e .
	touch $@

$(PEERS)/ready: pyproject.toml constraints.txt Makefile
	$(PYTHON) -m venv $(PEERS)
	$(call torch,$(PEERS)/bin)
	$(PEERS)/bin/pip install -q -c constraints.txt -e ".[hf,analysis]" pytest $(PEER_PACKAGES)
	$(PEERS)/bin/pip install -q --no-deps $(PEER_PARTS)
	touch $@
