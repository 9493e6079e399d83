# The commands people type. `make demo` and `make test` install what they need into .venv first.
PYTHON ?= python3
VENV := .venv
WITH_VENV := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
INSTALLED := $(VENV)/installed
CORES ?= 2
# On a few cores, many small jobs side by side are faster than one after the other on all cores.
SIDE_BY_SIDE := compute_saliency encode_views dump_cams fuse_masks fuse_salient_masks sweep_threshold \
	estimate_certainty score_masks \
	train_segmenter predict_scores apply_crf measure_maps
ONE_THREAD_EACH := $(SIDE_BY_SIDE:%=%=1)
# The number of threads of a training changes its numbers a little: it must not depend on CORES.
FIXED_THREADS := $(ONE_THREAD_EACH) train_classifier=2

# The study: photographs, where PHOTOS names folders in VOC layout (name=folder), and seeds on the built-in dataset.
# Nothing was chosen on seed 4, so it comes last. The data without hints has fewer seeds, for time.
STUDY_SEEDS ?= 0 1 2 3
FEW_SEEDS ?= 0 1
UNSEEN_SEED ?= 4
PHOTOS ?=
PHOTO_SEEDS ?= 0 1 2
DEVICE ?= cpu
# The number of threads of a training changes its numbers a little, so here it does not depend on CORES.
STUDY_RUN := snakemake scores study_measures --cores $(CORES) --set-threads $(ONE_THREAD_EACH) train_classifier=1
comma := ,
listed = $(subst $() ,$(comma),$(strip $(1)))
runs_of = [$(call listed,$(foreach seed,$(2) $(UNSEEN_SEED),study-$(1)-$(seed)))]
photos_name = $(firstword $(subst =, ,$(1)))
STUDY_RUNS := $(foreach photos,$(PHOTOS),$(call photos_name,$(photos)): [study-$(call photos_name,$(photos))]$(comma))
STUDY_RUNS += built-in: $(call runs_of,synthetic,$(STUDY_SEEDS))$(comma)
STUDY_RUNS += built-in without hints: $(call runs_of,plain,$(FEW_SEEDS))

.PHONY: demo explore paper-small study study-photos study-seeds test lint format schema lock clean-demo

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

# The whole workflow on the built-in dataset.
demo: $(INSTALLED)
	$(WITH_VENV) snakemake --cores $(CORES) --configfile config/demo.yaml \
		--set-threads $(FIXED_THREADS)
	$(WITH_VENV) snakemake --cores 1 --configfile config/demo.yaml --report results/demo/report.html
	@echo
	@cat results/demo/scores/segmenters.md
	@echo
	@echo "Every result:  results/demo/scores/summary.csv"
	@echo "The report:    $(CURDIR)/results/demo/report.html"

# A run in a browser, finished or not.
RUN ?= demo
explore: $(INSTALLED)
	$(WITH_VENV) python -m mdc explore results/$(RUN) --open

# The paper's tables 3 and 4 on the built-in dataset.
SMALL := --configfile config/demo.yaml config/paper-small.yaml
paper-small: $(INSTALLED)
	$(WITH_VENV) snakemake table3 table4 --cores $(CORES) $(SMALL) --set-threads $(FIXED_THREADS)
	@cat results/paper-small/scores/table3.md results/paper-small/scores/table4.md

# The same command continues where it was; results/README.md tells the hours.
study: $(INSTALLED)
	$(MAKE) study-photos
	$(MAKE) study-seeds SEEDS="$(STUDY_SEEDS)" FEW="$(FEW_SEEDS)"
	$(MAKE) study-seeds SEEDS="$(UNSEEN_SEED)" FEW="$(UNSEEN_SEED)"
	$(WITH_VENV) snakemake study_tables --cores 1 --configfile config/demo.yaml \
		--config study='{runs: {$(STUDY_RUNS)}, unseen_seed: $(UNSEEN_SEED)}'
	$(WITH_VENV) python -m mdc.study.text
	@cat results/study/study.md

study-photos: $(INSTALLED)
	for photos in $(PHOTOS); do \
		$(WITH_VENV) $(STUDY_RUN) --configfile config/own.yaml config/study/photos.yaml \
			--config device=$(DEVICE) run=study-$${photos%%=*} seeds="[$(call listed,$(PHOTO_SEEDS) $(UNSEEN_SEED))]" \
			data="{source: voc_layout, root: $${photos#*=}}" || exit 1; \
	done

study-seeds:
	for seed in $(SEEDS); do \
		$(WITH_VENV) $(STUDY_RUN) --configfile config/demo.yaml config/study/synthetic.yaml \
			--config device=$(DEVICE) run=study-synthetic-$$seed seeds="[$$seed]" data="{synthetic: {seed: $$seed}}" || exit 1; \
	done
	for seed in $(FEW); do \
		$(WITH_VENV) $(STUDY_RUN) --configfile config/demo.yaml config/study/synthetic.yaml \
			--config device=$(DEVICE) run=study-plain-$$seed seeds="[$$seed]" segmenter="{settings: []}" \
			data="{synthetic: {seed: $$seed, body_cue: 0}}" || exit 1; \
	done

test: $(INSTALLED) lint
	$(WITH_VENV) python -m pytest --numprocesses $(CORES)

lint: $(INSTALLED)
	$(WITH_VENV) ruff check .
	$(WITH_VENV) ruff format --check .
	$(WITH_VENV) snakefmt --check Snakefile workflow/rules
	$(WITH_VENV) snakemake --lint --configfile config/demo.yaml

format: $(INSTALLED)
	$(WITH_VENV) ruff check --fix .
	$(WITH_VENV) ruff format .
	$(WITH_VENV) snakefmt Snakefile workflow/rules

# config/config.yaml and the editors' schema, from workflow/mdc/config.
schema: $(INSTALLED)
	$(WITH_VENV) python -m mdc.config

# Exact versions of everything, for Python 3.11 and newer on any platform; then bring envs/mdc.yaml in line.
lock:
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet uv
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --extra heic --extra slurm --extra test \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock
	rm -rf $(VENV)-lock

clean-demo:
	rm -rf results/demo
