# Everything runs inside .venv, made here; no path is absolute, so a folder with a space will do.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin/python
SITE := _build/html/index.html
CHAPTERS := chapters/[0-9][0-9]-*

.PHONY: help book run test browser linkcheck print bench sync landing lint clean environment lab unit hooks

help:
	@echo "make book         the environment and the website, from the committed notebooks"
	@echo "make environment  what book and test need, without them"
	@echo "make run          execute every chapter on this machine, in place (or make run ONLY=03-saliency)"
	@echo "make test         the environment and every check"
	@echo "make browser      what the tests in a browser need: Chromium, where that may be installed, and axe-core"
	@echo "make linkcheck    ask every external link whether it still leads somewhere; this needs a network"
	@echo "make unit         the tests of the library alone"
	@echo "make print        the book on one page, and as a PDF where Chromium is installed"
	@echo "make lab          JupyterLab, in which a notebook and its text file stay in step"
	@echo "make bench        how fast the library is on this machine, and the tables of the book about it"
	@echo "make sync         bring the notebooks in step with their text files"
	@echo "make landing      make the pictures of the landing page"
	@echo "make lint         format and check everything that is committed, as before each commit"
	@echo "make hooks        check what changed before each commit, from now on"
	@echo "make clean        remove the website (the environment stays)"

$(VENV)/installed: requirements.txt pyproject.toml
	test -x $(BIN) || $(PYTHON) -m venv $(VENV)
	$(BIN) -m pip install --quiet --constraint requirements.txt --requirement requirements.txt
	$(BIN) -m pip install --quiet --no-deps --editable .
	touch $@

environment: $(VENV)/installed

book: $(VENV)/installed
	$(BIN) -c "from jupyter_book.cli.main import main; main()" build -n -W --keep-going -q .
	@echo "The book is ready. Open $(SITE) in a browser."

run: $(VENV)/installed
	$(BIN) -m pytest -q -n 0 tests/test_notebooks.py -k pair
	$(BIN) -m website.execute $(ONLY)

print: book
	$(BIN) -m website.print _build

test: $(VENV)/installed
	$(BIN) -m pytest

browser:
	@tests/install-browser.sh

# A site that is down is no fault of the book, so this lists and does not fail.
linkcheck: $(VENV)/installed
	-$(BIN) -c "from jupyter_book.cli.main import main; main()" build -q . \
		--builder custom --custom-builder linkcheck
	@echo "Every link, and what came of it: _build/linkcheck/output.txt"

unit: $(VENV)/installed
	$(BIN) -m pytest tests $(patsubst %,--ignore=tests/test_%.py,site browser interactive reference repository status notebooks print pictures benchmarks nbval_pictures nbval_tolerance)

# JupyterLab is large and only wanted here. Its root is this folder, where Jupytext's settings are.
$(VENV)/lab: requirements-lab.txt $(VENV)/installed
	$(BIN) -m pip install --quiet --requirement requirements-lab.txt
	touch $@

lab: $(VENV)/lab
	JUPYTER_CONFIG_PATH=.jupyter $(BIN) -m jupyterlab --LabApp.default_url=/lab/tree/chapters

bench: $(VENV)/installed
	$(BIN) -m benchmarks

sync: $(VENV)/installed
	$(BIN) -m jupytext --quiet --to ipynb --update $(CHAPTERS).md

landing: $(VENV)/installed
	$(BIN) -m cs231n_lib.landing chapters

lint: $(VENV)/installed
	git ls-files -z --cached --others --exclude-standard \
		| xargs -0 $(BIN) -m pre_commit run --files

hooks: $(VENV)/installed
	$(BIN) -m pre_commit install

clean:
	rm -rf _build
