# Everything the book needs, from a fresh clone: `make book`, `make test`. Only Python 3.11 or newer and make are assumed.

PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -qq --no-input --disable-pip-version-check --require-hashes
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --loglevel=error
NOTEBOOKS = $(shell find chapters -name '*.ipynb' -not -path '*/.*' 2>/dev/null)

.PHONY: help setup book test site-test site-report cpus bench slips screenshots webkit pdf offline lab serve refresh lock clean distclean
.DELETE_ON_ERROR:

help:
	@echo "make book         build the website in _build/html"
	@echo "make test         run every check of lib and of the notebooks"
	@echo "make site-test    check the built website in Chromium"
	@echo "make site-report  print what every page costs its reader, beside a stock Jupyter Book of the same text"
	@echo "make screenshots  draw every page at two widths, light and dark, in _build/screenshots"
	@echo "make webkit       open every page in the engine of Safari, from 1280 pixels down to 255"
	@echo "make pdf          print the whole book into _build/pdf, and check what was printed"
	@echo "make offline      pack the website into a zip in _build/offline that is read without a server"
	@echo "make cpus         run every notebook as older and newer processors would, with one and two threads"
	@echo "make bench        time lib beside PyTorch and scikit-learn; installs PyTorch into .venv"
	@echo "make slips        judge 13,000 gradients, right and wrong ones, and count what lib.diagnose says of them"
	@echo "make lab          open the chapters in JupyterLab"
	@echo "make serve        show the website on localhost"
	@echo "make refresh      run the notebooks again, store their outputs, say which numbers changed"
	@echo "make setup        install what all of these need into .venv and node_modules"
	@echo "make lock         pin the newest versions of the requirements again"
	@echo "make clean        remove what was built; make distclean also removes what was installed"

setup: .venv/.book node_modules/.installed
	@echo "Everything is installed, in .venv and node_modules."

.venv/.book: requirements/book.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "The book needs Python 3.11 or newer, and '$(PYTHON)' is not. Install one and say, for example, make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Installing the Python packages into .venv (two minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) -r requirements/book.txt
	@echo "$(CURDIR)" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/book.pth"
	@touch $@

.venv/.lab: requirements/lab.txt .venv/.book
	@echo "Installing JupyterLab into .venv"
	@$(PIP) -r requirements/lab.txt
	@touch $@

.venv/.bench: requirements/bench.txt .venv/.book
	@echo "Installing PyTorch into .venv"
	@$(BIN)/python -m pip install -qq --no-input --disable-pip-version-check -r requirements/bench.txt
	@touch $@

.venv/.webkit: requirements/webkit.txt .venv/.book
	@echo "Installing Selenium into .venv"
	@$(PIP) -r requirements/webkit.txt
	@touch $@

node_modules/.installed: package-lock.json .venv/.book
	@echo "Installing KaTeX and the text face into node_modules"
	@$(NPM) ci --ignore-scripts --no-audit --no-fund >/dev/null
	@touch $@

book: .venv/.book node_modules/.installed
	@echo "Building the website from the stored outputs of the notebooks; a warning is an error"
	@rm -rf _build
	@$(BIN)/jupyter-book build . --warningiserror --nitpick --keep-going --quiet >/dev/null
	@echo "The book is in _build/html/index.html"

test: .venv/.book node_modules/.installed
	@echo "Checking the style, lib, and every notebook cell by cell"
	@$(BIN)/ruff check --quiet lib tests _ext benchmarks
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest tests $(NOTEBOOKS) --ignore tests/site --nbval --nbval-current-env \
	  -p tests.book.damaged_digits -n 2 --dist loadscope $(ARGS)

site-test: book
	@echo "Checking every page of the website in Chromium"
	@$(BIN)/python -m pytest tests/site -n 2 --dist loadgroup $(ARGS)

site-report: book
	@echo "Weighing and timing every page; nothing else should run meanwhile"
	@$(BIN)/python tests/site/site_report.py $(ARGS)

screenshots: book
	@echo "Drawing every page at 1280 and 390 pixels, light and dark"
	@$(BIN)/python tests/site/screenshots.py $(ARGS)

webkit: book .venv/.webkit
	@echo "Opening every page in WebKit"
	@$(BIN)/python tests/site/webkit.py $(ARGS)

pdf: book
	@echo "Printing the whole book; this takes some minutes"
	@$(BIN)/python tests/site/print_book.py

offline: book
	@echo "Packing the website for reading without a server"
	@$(BIN)/python tests/site/offline.py

bench: .venv/.bench
	@echo "Timing one evaluation, every library in turn"
	@$(BIN)/python benchmarks/bench.py $(ARGS)

slips: .venv/.book
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python tests/mistakes.py

cpus: .venv/.book
	@echo "Running every notebook as older and newer processors would"
	@$(BIN)/python tests/book/cpus.py $(ARGS)

lab: .venv/.lab
	@echo "Opening the chapters in JupyterLab; stop it with Ctrl-C"
	@$(BIN)/jupyter lab chapters $(ARGS)

serve: book
	@echo "The book is at http://localhost:$(PORT)/ until you press Ctrl-C"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

refresh: .venv/.book
	@echo "Running every notebook again and storing its outputs"
	@$(BIN)/python tests/book/refresh.py $(ARGS)
	@echo "The outputs are in the notebooks under chapters; look at them with git diff"

lock: .venv/.book
	@echo "Pinning the newest versions that fit"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@cd requirements && for set in book lab webkit; do ../$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate $$set.in -o $$set.txt || exit 1; done
	@cd requirements && ../$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-deps \
	  --no-header --no-annotate bench.in -o bench.txt
	@$(NPM) update --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --no-audit --no-fund
	@echo "The versions are in requirements and package-lock.json"

clean:
	@rm -rf _build .pytest_cache .ruff_cache .hypothesis
	@find lib tests _ext chapters -name __pycache__ -prune -exec rm -rf {} +
	@echo "Removed what was built; 'make book' builds it again"

distclean: clean
	@rm -rf .venv node_modules
	@echo "Removed what was installed"
