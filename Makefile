# Everything runs inside .venv, made here; no path is absolute, so a folder with a space will do.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin/python
SITE := _build/html/index.html

.PHONY: help book run test lint clean

help:
	@echo "make book   the environment and the website, from the committed notebooks"
	@echo "make run    re-execute every chapter on this machine, in place"
	@echo "make test   the environment and every check"
	@echo "make lint   format and lint the code"
	@echo "make clean  remove the website (the environment stays)"

$(VENV)/installed: requirements.txt pyproject.toml
	test -x $(BIN) || $(PYTHON) -m venv $(VENV)
	$(BIN) -m pip install --quiet --constraint requirements.txt --requirement requirements.txt
	$(BIN) -m pip install --quiet --no-deps --editable .
	touch $@

book: $(VENV)/installed
	$(BIN) -m jupyter_book build --nitpick --warningiserror --keep-going --quiet .
	@echo "The book is ready. Open $(SITE) in a browser."

run: $(VENV)/installed
	$(BIN) -m cs231n_lib.notebook

test: $(VENV)/installed
	$(BIN) -m pytest

lint: $(VENV)/installed
	$(BIN) -m ruff format .
	$(BIN) -m ruff check --fix .

clean:
	rm -rf _build
