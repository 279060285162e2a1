# The project's commands. Each first sets up .venv from requirements.lock if it is missing, out of date or another folder's.

PYTHON ?= $(firstword $(foreach version,3.11 3.12 3.13 3.14,$(shell python$(version) -c 'import sys; print(sys._base_executable)' 2>&-)))
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := true
UI_PORT ?= 5000
TASK ?= imdb
PORT ?= 8000
.DEFAULT_GOAL := help
.PHONY: help setup setup-tests repro smoke test coverage lint ui serve image params retrain

help:    ## what these commands do
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | awk -F'\t' '{printf "make %-8s %s\n", $$1, $$2}'

setup: .venv/ready  ## create .venv from requirements.lock (about 2 minutes, 2 GB)

setup-tests: .venv/tests  ## add what tests and lint need, from tests/requirements.lock

repro: setup  ## run the whole pipeline: data, training, evaluation, report
	@python -m pipeline recover --wait
	@python -m pipeline params --check
	@python -m pipeline repro
	@python -m pipeline results

smoke: setup  ## every stage and cell at scale smoke, in a copy of the tree: nothing of yours is touched
	bash .ci/smoke

test: setup-tests  ## all tests that need no GPU, no network and no browser
	python -m pytest -n 2 --dist loadfile

coverage: setup-tests  ## the same tests, and the lines that none of them runs (a quarter slower)
	python -m pytest -n 2 --dist loadfile --cov=pipeline --cov-report=term-missing:skip-covered

lint: setup-tests  ## ruff and mypy
	ruff check . && ruff format --check . && mypy pipeline

ui: setup  ## the MLflow UI on http://127.0.0.1:5000 (another port: make ui UI_PORT=5001)
	@python -m pipeline recover
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true mlflow ui --host 127.0.0.1 --port $(UI_PORT) \
		--backend-store-uri sqlite:///$(CURDIR)/mlflow.db --default-artifact-root $(CURDIR)/mlartifacts --workers 1

retrain: setup  ## the scheduled job: new data, training, promotion (even without new data: make retrain FORCE=1)
	python -m pipeline.retrain $(if $(FORCE),--force)

serve: setup  ## the champion of a task on http://127.0.0.1:8000 (another: make serve TASK=victoria PORT=8001)
	python -m pipeline serve --task $(TASK) --port $(PORT)

image:   ## a container image of the server alone (docs/serving.md)
	docker build --file pipeline/server/container/Dockerfile --tag sequence-pipeline-serve .

params: setup  ## every setting, its value and its meaning
	python -m pipeline params

# The scripts in .venv have the folder's path: after a move or copy, they would run the other folder's code.
ifneq ($(shell cat .venv/ready 2>/dev/null),$(CURDIR))
.PHONY: .venv/ready
endif
.venv/ready: requirements.lock pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { echo "error: no Python 3.11 to 3.14 was found; install one (uv python install 3.13), or name yours: make setup PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock 2> .venv/pip.log || { cat .venv/pip.log >&2; exit 1; }
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable . 2>> .venv/pip.log || { cat .venv/pip.log >&2; exit 1; }
	echo "$(CURDIR)" > $@

.venv/tests: .venv/ready tests/requirements.lock
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.lock 2>> .venv/pip.log || { cat .venv/pip.log >&2; exit 1; }
	touch $@
