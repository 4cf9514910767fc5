# `make demo` runs the main job on the sample, `make test` runs the tests; both first install what is missing.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo pictures help-pages test test-engine test-qgis test-newcomer test-long test-costly test-all test-matrix test-release scan fuzz lint format docs package release bench bench-large bench-explorer lock clean

HERE := $(CURDIR)
# Everything that a run writes stays in build/: QGIS's profile, JAX's compiled kernels, screenshots.
CLEAN_PYTHON := env -u PYTHONPATH -u PYTHONHOME -u VIRTUAL_ENV -u DISPLAY -u WAYLAND_DISPLAY
ENGINE := $(CLEAN_PYTHON) JAX_PLATFORMS=cpu JAX_COMPILATION_CACHE_DIR="$(HERE)/build/jax-cache" NUMBA_CACHE_DIR="$(HERE)/build/loops" MPLCONFIGDIR="$(HERE)/build/home/matplotlib" \
  .venv/bin/python
QGIS := $(CLEAN_PYTHON) -u XDG_DATA_HOME -u XDG_CONFIG_HOME -u XDG_CACHE_HOME HOME="$(HERE)/build/home" XDG_RUNTIME_DIR="$(HERE)/build/run" \
  QT_QPA_PLATFORM=offscreen PERMEA_ENGINE_PYTHON="$(HERE)/.venv/bin/python" .venv-qgis/bin/python
RELEASE := $(CLEAN_PYTHON) QT_QPA_PLATFORM=offscreen .venv-release/bin/python
ENGINE_TESTS := tests/engine tests/benchmarks tests/packaging tests/test_architecture.py tests/test_vocabulary.py
# Files of few long tests come first, so that no core is idle at the end.
QGIS_TESTS := tests/fuzz tests/ui tests/plugin
# Each file runs on one core: fixtures that its tests share are made once. A process that crashes fails the run and is
# not replaced: pytest-xdist would wait for ever for the tests that it has not reported.
ON_ALL_CORES := --numprocesses auto --dist loadfile --max-worker-restart=0
# Which tests run: those marked neither `long` nor `costly`, one of these, or all.
SHORT := -m "not long and not costly"

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup: ## QGIS from Debian's packages, .venv for the engine, .venv-qgis for QGIS; nothing if they are there
	@bash resources/scripts/setup.sh
	@mkdir -p build/home build/run && chmod 700 build/run

demo: setup ## distance and sensitivity maps of the sample landscape, in build/demo
	@$(QGIS) resources/scripts/demo.py

pictures: setup ## the pictures of the help, in resources/help/images; some minutes
	@$(QGIS) resources/scripts/pictures.py

help-pages: setup ## the pages of the help, from the algorithms: docs/algorithms and resources/help
	@$(QGIS) resources/scripts/write_help.py

test: setup ## every test that is marked neither `long` nor `costly`
	@failed=""; \
	echo "== engine, package and architecture"; $(ENGINE) -m pytest $(ON_ALL_CORES) $(SHORT) $(ENGINE_TESTS) || failed="$$failed engine"; \
	echo "== QGIS"; $(QGIS) -m pytest $(ON_ALL_CORES) --no-loadscope-reorder $(SHORT) $(QGIS_TESTS) || failed="$$failed qgis"; \
	if [ -n "$$failed" ]; then echo "failed:$$failed"; exit 1; fi

test-newcomer: setup ## from the package to the first map in QGIS's window, with the engine installed by the button
	@$(QGIS) -m pytest tests/ui/test_newcomer.py

test-long: ## the tests that are marked `long`
	@$(MAKE) --no-print-directory test SHORT='-m "long"'

test-costly: ## the tests that `make test` leaves out to stay short, and CI runs
	@$(MAKE) --no-print-directory test SHORT='-m "costly and not long"'

test-all: ## every test, the costly and the long ones too
	@$(MAKE) --no-print-directory test SHORT=

test-matrix: ## the tests in QGIS 3.22, 3.40 and 3.44, each in a Debian of its own (root, debootstrap); VERSIONS=3.40 for one
	@bash resources/scripts/qgis_matrix.sh $(VERSIONS)

test-release: ## the checks of the plugin site and of GitHub: scan of the package, workflows; the windows on Qt 6
	@bash resources/scripts/setup.sh release
	@$(RELEASE) -m pytest tests/release

scan: ## the scan of the plugin site alone, with its rules
	@bash resources/scripts/setup.sh release
	@$(RELEASE) -m pytest tests/release/test_site_scan.py

# Draws of `make fuzz`: how many, the seed that determines them, and the numbers of those to repeat.
DRAWS := 1000
SEED := 1
ONLY :=

fuzz: setup ## bad and extreme inputs for every algorithm: DRAWS=1000 SEED=1; ONLY=17,42 repeats some draws and prints them
	@$(QGIS) tests/fuzz --draws $(DRAWS) --seed $(SEED) --only "$(ONLY)"

test-engine: ## the tests that need no QGIS
	@bash resources/scripts/setup.sh engine
	@$(ENGINE) -m pytest $(ON_ALL_CORES) $(SHORT) $(ENGINE_TESTS)

test-qgis: setup ## the tests in QGIS
	@$(QGIS) -m pytest $(ON_ALL_CORES) --no-loadscope-reorder $(SHORT) $(QGIS_TESTS)

lint: setup ## ruff's rules and layout
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .

format: setup ## let ruff lay out the code and sort the imports
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

docs: ## the documentation as a site, in build/site
	@bash resources/scripts/setup.sh docs
	@mkdir -p build/docs-package && ln -sfn "$(HERE)" build/docs-package/permea
	@NO_MKDOCS_2_WARNING=true .venv-docs/bin/mkdocs build --quiet && echo "The documentation is in build/site/index.html"

package: ## the package for QGIS, build/permea-<version>.zip; needs nothing but Python
	@python3 resources/scripts/build_zip.py

release: ## the package to publish; refuses while addresses or the date of the version are missing
	@python3 resources/scripts/build_zip.py --release

bench: setup ## measure Permea and its peers, into docs/benchmarks.md; BENCH="--only NAME" for a part, "--help" for more
	@bash resources/scripts/setup.sh bench
	@$(ENGINE) -m benchmarks $(BENCH)

bench-large: setup ## 100 million cells window by window: some minutes, 3 GB of disk; into docs/benchmarks.md
	@$(ENGINE) -m benchmarks --large $(BENCH)

bench-explorer: setup ## measure how fast the explorer answers on a million cells, by driving its dock
	@$(QGIS) benchmarks/explorer_dock.py

lock: ## choose the newest versions again and write the locked requirements
	@bash resources/scripts/lock.sh

clean: ## remove the environments and everything built
	@rm -rf .venv .venv-qgis .venv-bench .venv-docs .venv-release build *.egg-info .qgis-settings .pytest_cache .ruff_cache .hypothesis
