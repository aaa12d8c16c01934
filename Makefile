# Everything a developer types. Each target makes .venv and installs what it needs first; a second run starts at once.
#   make demo         train the domains' small real jobs and write one HTML report
#   make papers       published tables again, all quick forms (ARGS="--cores 2", or --full)
#   make test         every test (WORKERS=1 for one process, ARGS="-k name" to choose)
#   make lint         ruff check, ruff format --check, pyright
#   make bench        all benchmarks;  make bench-core (friction, singlecell, ...)  one; ARGS=--quick for the small form
#   make coverage     branches of the modules of mathematics that their tests take
#   make fuzz         damaged files to every reader;  make planted  bugs that the tests must notice
#   make docs         the Sphinx site in docs/_build/html, warnings are errors

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
ARGS ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
BENCHMARKS := $(filter-out core_%,$(sort $(basename $(notdir $(wildcard tests/benchmarks/[a-z]*.py)))))

# What each set installs beside the core. Torch goes in before anything else can choose another build of it.
EXTRAS_papers := all
EXTRAS_demo := circuits,singlecell,friction,inverse,images
EXTRAS_test := all,test
EXTRAS_bench := all,test,bench
EXTRAS_docs := circuits,singlecell,scib,friction,inverse,images,docs
TORCH := $(shell sed -n 's/^\(torch==[^ ]*\).*/\1/p' constraints.txt)

# One thread a process: with two test processes on two cores more only adds contention, and timings stay comparable.
export OMP_NUM_THREADS ?= 1
export MPLBACKEND ?= Agg

.PHONY: help demo papers test lint bench coverage fuzz planted docs clean
.NOTPARALLEL:
help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/.installed-demo
	$(BIN)/advsci demo $(ARGS)

papers: $(VENV)/.installed-papers
	$(BIN)/advsci reproduce all --check $(ARGS)

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: $(addprefix bench-,$(BENCHMARKS))

bench-%: $(VENV)/.installed-bench
	$(BIN)/python tests/benchmarks/$*.py $(ARGS)

coverage: $(VENV)/.installed-test
	$(BIN)/coverage run -m pytest -n 0 $(addprefix tests/advsci/,objectives penalties solvers metrics physics test_planted.py) $(ARGS)
	$(BIN)/coverage report --skip-covered

fuzz planted: $(VENV)/.installed-test
	$(BIN)/python tests/fuzz/$(if $(filter fuzz,$@),campaign,planted).py $(ARGS)

docs: $(VENV)/.installed-docs
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo docs/_build/html/index.html

clean:
	rm -rf $(VENV) build dist docs/_build .pytest_cache .ruff_cache

# Stamps: a set is installed again when what it is made from has changed.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "advsci needs Python 3.11 or newer; '$(PYTHON)' is older. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.torch: constraints.txt | $(VENV)/.made
	$(PIP) install -q -c constraints.txt "$(TORCH)" numpy
	@touch $@

$(VENV)/.installed-%: pyproject.toml constraints.txt $(VENV)/.torch
	$(PIP) install -q -c constraints.txt -e ".[$(EXTRAS_$*)]"
	@touch $@

.PRECIOUS: $(VENV)/.installed-% $(VENV)/.torch $(VENV)/.made
