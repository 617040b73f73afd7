# `make run` and `make test` each work as the only command after a clone.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
BENCHED := $(VENV)/.benched
VALGRINDABLE := $(VENV)/.valgrindable
BIN := $(VENV)/bin
EXTRAS ?= crypto# those of the image
FASTIFY := benchmarks/reference_fastify
WIDGET := cartproxy/widget/$(shell sed -n 's/^VERSION = "\(.*\)"/\1/p' cartproxy/widget/releases.py)
PACKAGE ?= build/npm
# A file's tests share a process and its servers. The files keep their order: xdist would begin with
# those of most tests, and end with one long test on one core. Four processes even on two cores,
# since many tests mostly wait.
PARALLEL := -n 4 --dist loadfile --no-loadscope-reorder

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(INSTALLED) ## make .venv with everything in it

$(INSTALLED): setup.cfg constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@$(BIN)/pip install --quiet --constraint constraints.txt gunicorn_h1c || \
		echo "gunicorn_h1c can't be installed here: gunicorn's own parser will be used"
	@touch $@

$(BENCHED): $(INSTALLED)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev,bench]'
	@touch $@

# valgrind does not support SSE 4.2.
$(VALGRINDABLE): $(BENCHED)
	CFLAGS=-U__SSE4_2__ $(BIN)/pip install --quiet --constraint constraints.txt --no-cache-dir \
		--force-reinstall --no-deps --no-binary gunicorn_h1c gunicorn_h1c
	@touch $@

run: $(INSTALLED) ## start simulated store, proxy and a demo blog page (DEMO="--calls-per-second 2")
	@$(BIN)/cartproxy demo $(DEMO)

test: $(INSTALLED) ## run all tests
	$(BIN)/pytest $(PARALLEL)

unit: $(INSTALLED) ## run the tests that need no server, in less than 30 s
	$(BIN)/pytest $(PARALLEL) tests/unit tests/security/test_store_answers.py

soak: $(INSTALLED) ## play 10,000 random histories over HTTP and ten times as many without (HISTORIES=n)
	SOAK_HISTORIES=$(or $(HISTORIES),10000) $(BIN)/pytest tests/soak tests/unit/carts/test_histories.py -s
	FUZZ_INPUTS=20000 $(BIN)/pytest tests/security/test_fuzz.py -s

ifeq ($(BENCH),capacity)
bench: $(INSTALLED)
	@PYTHONPATH=.:tests $(BIN)/python -m benchmarks.capacity $(if $(VISITS),--visits $(VISITS)) \
		$(if $(SHARE),--share $(SHARE)) $(BENCH_OPTIONS)
else
bench: $(BENCHED) ## measure beside other servers (BENCH=quick: under 50 s; BENCH=capacity: a busy day)
	@test -d $(FASTIFY)/node_modules || ! command -v npm >/dev/null || \
		npm install --prefix $(FASTIFY) --silent --no-audit --no-fund --no-package-lock || true
	@PYTHONPATH=.:tests $(BIN)/python -m benchmarks $(if $(filter quick,$(BENCH)),--quick) $(BENCH_OPTIONS)
endif

instructions: $(VALGRINDABLE) ## count a request's instructions, the same on a noisy machine (needs valgrind)
	@PYTHONPATH=.:tests $(BIN)/python -m benchmarks.instructions

widget: $(INSTALLED) ## make the widget's release from cartproxy/widget/source
	$(BIN)/python -m cartproxy.widget.build

package: ## make the npm package cartproxy-widget in build/npm (needs npm)
	rm -rf $(PACKAGE)
	mkdir -p $(PACKAGE)/widget
	cp LICENSE plugins/npm/*.* $(PACKAGE)
	cp $(WIDGET)/*.js $(PACKAGE)/widget
	cd $(PACKAGE) && npm pack --silent

wheel: $(INSTALLED) ## build dist/cartproxy-*.whl
	@rm -rf build/lib build/bdist.* dist/cartproxy-*.whl
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

# The tool has its own environment: its dependencies would replace versions that the tests use.
sbom: wheel ## write dist/cartproxy.cdx.json, what a production install is made of (CycloneDX)
	@rm -rf build/production build/cyclonedx
	$(PYTHON) -m venv --without-pip build/production
	$(BIN)/pip --python build/production install --quiet --constraint constraints.txt \
		"$$(echo dist/cartproxy-*.whl)[$(EXTRAS)]"
	@$(BIN)/pip --python build/production install --quiet --constraint constraints.txt gunicorn_h1c || \
		echo "gunicorn_h1c can't be installed here: it is not in the SBOM"
	@rm build/production/lib/*/site-packages/cartproxy-*.dist-info/direct_url.json # names a path of this machine
	$(PYTHON) -m venv --without-pip build/cyclonedx
	$(BIN)/pip --python build/cyclonedx install --quiet --constraint constraints.txt cyclonedx-bom
	build/cyclonedx/bin/cyclonedx-py environment --output-reproducible \
		--output-file dist/cartproxy.cdx.json build/production/bin/python

lint: $(INSTALLED) ## check format, lint and types
	$(BIN)/ruff format --config config/ruff.toml --check .
	$(BIN)/ruff check --config config/ruff.toml .
	$(BIN)/mypy

format: $(INSTALLED) ## format the code, and fix what ruff can fix
	$(BIN)/ruff format --config config/ruff.toml .
	$(BIN)/ruff check --config config/ruff.toml --fix .

plugin: ## make build/cartproxy-wordpress.zip, as WordPress takes plugins
	mkdir -p build
	git archive --format=zip --prefix=cartproxy/ --output=build/cartproxy-wordpress.zip \
		HEAD:plugins/wordpress/cartproxy

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

.PHONY: help install run test unit soak bench instructions widget package plugin wheel sbom lint format clean
