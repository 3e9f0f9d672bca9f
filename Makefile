# Everything runs inside .venv, made here; no path is absolute, so a folder with a space will do.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin/python
SITE := _build/html/index.html
CHAPTERS := chapters/[0-9][0-9]-*

.PHONY: help book run test bench sync landing lint clean

help:
	@echo "make book     the environment and the website, from the committed notebooks"
	@echo "make run      execute every chapter on this machine, in place"
	@echo "make test     the environment and every check"
	@echo "make bench    the picture loops against the plain loops of the assignment"
	@echo "make sync     bring the notebooks in step with their text files"
	@echo "make landing  make the pictures of the landing page"
	@echo "make lint     format and check the code"
	@echo "make clean    remove the website (the environment stays)"

$(VENV)/installed: requirements.txt pyproject.toml
	test -x $(BIN) || $(PYTHON) -m venv $(VENV)
	$(BIN) -m pip install --quiet --constraint requirements.txt --requirement requirements.txt
	$(BIN) -m pip install --quiet --no-deps --editable .
	touch $@

book: $(VENV)/installed
	$(BIN) -c "from jupyter_book.cli.main import main; main()" build -n -W --keep-going -q .
	@echo "The book is ready. Open $(SITE) in a browser."

run: $(VENV)/installed
	$(BIN) -m pytest -q -n 0 tests/test_notebooks.py -k pair
	$(BIN) -m nbconvert --to notebook --execute --inplace --ExecutePreprocessor.timeout=-1 \
		--ExecutePreprocessor.record_timing=False $(CHAPTERS).ipynb

test: $(VENV)/installed
	$(BIN) -m pytest

bench: $(VENV)/installed
	$(BIN) -m benchmarks.pictures

sync: $(VENV)/installed
	$(BIN) -m jupytext --quiet --to ipynb --update $(CHAPTERS).md

landing: $(VENV)/installed
	$(BIN) -m cs231n_lib.landing chapters

lint: $(VENV)/installed
	$(BIN) -m ruff format .
	$(BIN) -m ruff check --fix .

clean:
	rm -rf _build
