# The environments are set up by the first target that needs them, and again when their list changes.
PYTHON ?= python3
VENV := .venv
VENV_HTML := .venv-html
BIN := $(VENV)/bin
BUILD_BOOK := jupyter-book build -W -n --keep-going --all --quiet
FIRST_PAGE := _build/html/index.html

.DEFAULT_GOAL := help
.PHONY: help book html test quick paper notebooks bench times faults requirements clean

help:
	@echo "make book          execute every chapter from the stored results, build the HTML"
	@echo "make html          build the HTML from the stored notebooks (small environment, no torch)"
	@echo "make test          everything there is to check"
	@echo "make quick         execute every chapter from scratch on small nets"
	@echo "make paper         train what the full studies lack, going on wherever that was"
	@echo "make notebooks     execute every chapter and store the notebooks"
	@echo "make bench         time the engine: a quarter of an hour"
	@echo "make times         time every chapter, for the page on run times"
	@echo "make faults        kill processes, fill disks, damage files: five minutes"
	@echo "make requirements  pin the dependencies of pyproject.toml anew (needs uv)"
	@echo "make clean         remove build/, small runs included; results/ and environments stay"

book: $(VENV)/.ready
	$(BIN)/python book/notebooks.py execute build/book
	$(BIN)/$(BUILD_BOOK) build/book
	@echo "first page: build/book/$(FIRST_PAGE)"

html: $(VENV_HTML)/.ready
	rm -rf build/html
	mkdir -p build/html/notebooks
	cp -R _config.yml _toc.yml book build/html
	cp notebooks/*.ipynb build/html/notebooks
	PYTHONPATH="$(CURDIR)" $(VENV_HTML)/bin/$(BUILD_BOOK) build/html
	@echo "first page: build/html/$(FIRST_PAGE)"

test: $(VENV)/.ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --nbval --nbval-current-env tests notebooks

quick: $(VENV)/.ready
	$(BIN)/python book/notebooks.py execute build/quick -p profile quick -p train all

paper: $(VENV)/.ready
	$(BIN)/python -m ff_utils study --profile paper all

notebooks: $(VENV)/.ready
	$(BIN)/python book/notebooks.py derive
	$(BIN)/python -m ff_utils collect
	$(BIN)/python book/excerpts.py

bench: $(VENV)/.ready
	$(BIN)/python benchmarks/speed.py

times: $(VENV)/.ready
	$(BIN)/python book/notebooks.py execute build/book --times results/chapter_times.csv
	$(BIN)/python book/notebooks.py execute build/quick -p profile quick -p train all --times results/chapter_times.csv

faults: $(VENV)/.ready
	$(BIN)/python -m faults

# uv keeps the versions already pinned where it can; after removing a line it takes the newest.
UV ?= uv
COMPILE := $(UV) pip compile --universal --no-annotate --custom-compile-command "make requirements" --quiet

requirements:
	$(COMPILE) pyproject.toml --group dev -o requirements.txt
	$(COMPILE) --group html --constraint requirements.txt -o requirements-html.txt

clean:
	rm -rf build .pytest_cache .ruff_cache

define CREATE_VENV
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "error: Python 3.11 or newer is needed; name one with: make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(@D)
endef

$(VENV)/.ready: requirements.txt
	$(CREATE_VENV)
	$(BIN)/python -m pip install --requirement requirements.txt
	$(BIN)/python -m pip install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV_HTML)/.ready: requirements-html.txt
	$(CREATE_VENV)
	$(VENV_HTML)/bin/python -m pip install --requirement requirements-html.txt
	@touch $@
