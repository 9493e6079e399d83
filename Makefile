# The commands people type. `make demo` and `make test` install what they need into .venv first.
PYTHON ?= python3
VENV := .venv
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
INSTALLED := $(VENV)/installed
CORES ?= 2
# On a few cores, many small jobs side by side are faster than one after the other on all cores.
SIDE_BY_SIDE := compute_saliency dump_cams fuse_masks fuse_salient_masks sweep_threshold score_masks \
	train_segmenter predict_scores apply_crf
ONE_THREAD_EACH := $(SIDE_BY_SIDE:%=%=1)

.PHONY: demo test lint format lock clean-demo

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

# The whole workflow on the built-in dataset.
demo: $(INSTALLED)
	$(RUN) snakemake --cores $(CORES) --configfile config/demo.yaml \
		--set-threads $(ONE_THREAD_EACH)
	$(RUN) snakemake --cores 1 --configfile config/demo.yaml --report results/demo/report.html
	@echo
	@cat results/demo/scores/table3.md
	@echo
	@echo "Every result:  results/demo/scores/summary.csv"
	@echo "The report:    $(CURDIR)/results/demo/report.html"

test: $(INSTALLED) lint
	$(RUN) python -m pytest --numprocesses $(CORES)

lint: $(INSTALLED)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) snakefmt --check Snakefile workflow/rules
	$(RUN) snakemake --lint --configfile config/demo.yaml

format: $(INSTALLED)
	$(RUN) ruff check --fix .
	$(RUN) ruff format .
	$(RUN) snakefmt Snakefile workflow/rules

# Exact versions of everything, for Python 3.11 and newer on any platform; then bring envs/mdc.yaml in line.
lock:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet uv
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --extra test \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock
	rm -rf $(VENV)-lock

clean-demo:
	rm -rf results/demo
