# Everything happens in .venv, made when it is missing, with the versions of constraints.txt. An activated environment
# changes nothing. Another interpreter: make test PYTHON=python3.13. More for pytest: make test ARGS="-k fees -x".
PYTHON ?= python3
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
PINS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-long lint format types links mutants parity parity-l2 bench bench-l2 synthetic pages stats-table wheel clean

help:
	@echo "make demo       a backtest, a sweep and their reports on a synthetic market, under demo/"
	@echo "make test       the tests;  make test-long  with those that take minutes, and more random cases"
	@echo "make lint       ruff;       make format     lets ruff mend what it can;   make types   mypy"
	@echo "make mutants    plants bugs, each of which must turn a test red"
	@echo "make parity     the same trades as other engines (docs/PARITY.md)"
	@echo "make parity-l2  the same on order books as hftbacktest (docs/PARITY_L2.md)"
	@echo "make bench      speed, against other engines (docs/BENCHMARKS.md)"
	@echo "make pages      every report page with its pictures, under demo/pages (needs chromium)"
	@echo "make synthetic  facts of the synthetic market, and what detectors find in it (docs/SYNTHETIC.md)"
	@echo "make wheel      builds the wheel, installs it elsewhere and tries it"
	@echo "make clean      removes .venv, caches and what was built"

# --- the environment

# A .venv that works is kept, whoever made it. A half-made one is replaced, and so is one that was made elsewhere and
# copied here: it would still run the code over there.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "huracan needs Python 3.11 or later, and $(PYTHON) is %d.%d: make PYTHON=python3.12" % sys.version_info[:2])'
	@if [ -e $@ ] || ! $(PY) -m pip --version >/dev/null 2>&1; then $(PYTHON) -m venv --clear $(VENV); fi
	@echo "$(CURDIR)" >$@

ifneq ($(shell cat $(VENV)/.made 2>/dev/null),$(CURDIR))
$(VENV)/.made: anew
endif
.PHONY: anew
anew:

# One stamp for each set of extras, so that the second call installs nothing.
$(VENV)/.ready-core $(VENV)/.ready-test $(VENV)/.ready-dev $(VENV)/.ready-bench: $(VENV)/.ready-%: $(VENV)/.made $(PINS)
	@echo "installing huracan-sim$(if $(filter core,$*),,[$*]) into $(VENV) ..."
	@PYTHONWARNINGS=ignore $(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.$(if $(filter core,$*),,[$*])' </dev/null
	@$(PY) -m compileall -q huracan sim strategies data reports $(wildcard live)  # pip does this for all but what can be edited
	@touch $@

# --- the two commands

demo: $(VENV)/.ready-core
	@$(VENV)/bin/huracan backtest examples/backtest.toml --out demo/backtest
	@$(VENV)/bin/huracan sweep examples/sweep.toml --out demo/sweep
	@echo
	@echo "Open in a browser:"
	@echo "  the backtest  $(CURDIR)/demo/backtest/report.html"
	@echo "  the sweep     $(CURDIR)/demo/sweep/report.html"

test: $(VENV)/.ready-test
	$(PY) -m pytest -n auto --dist worksteal -q $(ARGS)

# --- the rest

test-long: $(VENV)/.ready-test
	$(PY) -m pytest -n auto --dist worksteal -q -m "" --hypothesis-profile=long $(ARGS)

lint: $(VENV)/.ready-dev
	$(PY) -m ruff check
	$(PY) -m ruff format --check

format: $(VENV)/.ready-dev
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

types: $(VENV)/.ready-dev links
	$(PY) -m mypy

# .typing/huracan holds a link to each file of huracan/ and to each room, because mypy does not read package-dir. It is
# made, not committed: not every way to copy a repository keeps links.
links:
	@rm -rf .typing && mkdir -p .typing/huracan
	@for file in huracan/*; do [ $$file = huracan/__pycache__ ] || ln -s ../../$$file .typing/huracan/; done
	@for room in sim strategies data reports live; do [ ! -d $$room ] || ln -s ../../$$room .typing/huracan/; done

mutants: $(VENV)/.ready-test
	$(PY) tests/mutants.py $(ARGS)

parity: $(VENV)/.ready-bench
	$(PY) bench/parity.py $(ARGS)

# The reference on order books needs a numpy below 2.3, so it has an environment of its own.
.venv-l2/.ready:
	@if [ ! -x .venv-l2/bin/python ]; then $(PYTHON) -m venv .venv-l2; fi
	@PYTHONWARNINGS=ignore .venv-l2/bin/python -m pip install --quiet --disable-pip-version-check "hftbacktest==2.4.4" "numpy<2.3" "numba<0.69" </dev/null
	@touch $@

parity-l2: $(VENV)/.ready-core .venv-l2/.ready
	$(PY) bench/parity_l2.py $(ARGS)

bench-l2: $(VENV)/.ready-core .venv-l2/.ready
	$(PY) bench/book_speed.py $(ARGS)

bench: $(VENV)/.ready-bench $(VENV)/.ready-test
	$(PY) bench/run.py $(ARGS)

pages: $(VENV)/.ready-test
	$(PY) tests/reports/look.py

stats-table: $(VENV)/.ready-test
	$(PY) bench/against_stats.py

synthetic: $(VENV)/.ready-core
	$(PY) bench/synthetic.py $(ARGS)

wheel: $(VENV)/.ready-dev
	$(PY) .ci/wheel.py

clean:
	rm -rf $(VENV) .venv-l2 .numba_cache .hypothesis .mypy_cache .pytest_cache .ruff_cache demo build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
