# `make run` starts the gateway, `make test` runs every test; each sets up what it needs first.
# PYTHON=…: another interpreter. VENV=…: another place for the virtualenv. ARGS=…: arguments of `serve`, of pytest and so on.

PYTHON ?= python3
VENV ?= .venv
ARGS ?=

python := $(VENV)/bin/python
pip := $(python) -m pip --disable-pip-version-check --no-input install --quiet
created := $(VENV)/.created
installed := $(VENV)/.installed
installed_dev := $(VENV)/.installed-dev
installed_compile := $(VENV)/.installed-compile
# Clients that other people make have packages of their own, which nothing else here sees.
clients := .clients
tried := tests/clients
installed_clients := $(clients)/.installed
client_virtualenvs := python pydantic-ai aider
comma := ,

# A virtualenv whose interpreter is gone is made again.
$(shell test -x $(python) || rm -f $(created) $(installed) $(installed_dev))

.PHONY: help run compile wheel demo screenshots test test-clients soak browser lint docs docs-pages messages format lock audit bench economy bench-admin clean
.SUFFIXES:

help:
	@echo "make run     starts the gateway (first: virtualenv, requirements, config.yaml)"
	@echo "make compile  compiles the hot modules, for a tenth to a quarter less CPU time a request (takes a C compiler)"
	@echo "make wheel   builds the package below dist/, of Python only (compiled, for machines and a Python like these: GATEWAY_COMPILED=1)"
	@echo "make demo    shows the gateway and its admin with made-up keys and clients (another port: ARGS='--port 9000')"
	@echo "make test    linters, types, and every test on SQLite and on PostgreSQL"
	@echo "make test-clients  real clients from PyPI and npm, locked, in front of a fake upstream"
	@echo "make lint    ruff, mypy and the check for missing migrations"
	@echo "make docs    makes a site of the documents, in build/docs"
	@echo "make docs-pages  writes what the documents have of settings, commands and metrics anew"
	@echo "make messages  brings the catalogues of the pages' words up to date (takes GNU gettext)"
	@echo "make format  puts the code in the house's format"
	@echo "make lock    pins what requirements*.in ask for, with all that it needs and with hashes, in requirements*.txt"
	@echo "make audit   asks whether a known vulnerability concerns what is pinned"
	@echo "make bench   measures the gateway beside its peers, 17 minutes at most (a smoke check: ARGS=--quick; one part: ARGS='--only figures')"
	@echo "make economy shows what the policies make of a day's quotas, simulated in seconds (a smoke check: ARGS=--quick)"
	@echo "make bench-admin  times the admin's pages with 50,000 keys"
	@echo "make soak    the long tests: faults, kills and load for the better part of an hour (one: ARGS='-k name')"
	@echo "make screenshots  takes the README's pictures of the demonstration"
	@echo "make clean   removes the virtualenvs and caches; config.yaml and var/ stay"

run: $(installed) config.yaml
	@exec $(python) manage.py serve $(ARGS)

compiling := $(python) setup.py --quiet build_ext --inplace

compile: $(installed) $(installed_compile)
	@$(compiling)

# By way of a source distribution, so that nothing is in it that an earlier build has left here.
wheel: $(installed_dev) $(installed_compile)
	@$(VENV)/bin/uv build --quiet --clear --offline --no-build-isolation --python $(abspath $(python)) --out-dir dist .
	@ls dist

demo: $(installed)
	@exec $(python) -m tests.demo $(ARGS)

screenshots: $(installed_dev) browser
	@$(call isolated,screenshots,$(python) -m tests.demo.screenshots)

test: lint browser $(installed_compile)
	@$(compiling) || { test $$? = 2 && echo "So all tests run as pure Python." >&2; }
	@$(call isolated,pytest on SQLite$(comma) pure,GATEWAY_PURE=1 $(python) -m tests.support.suite $(ARGS))
	@$(call isolated,pytest on PostgreSQL$(comma) compiled where it can be,$(python) -m tests.support.postgres $(python) -m tests.support.suite --ignore tests/browser --ignore tests/fuzz -m 'not soak and not clients and not once' $(ARGS))

# The catalogues of the pages' words, from the sources (takes GNU gettext): what is new in them wants a translation.
messages: $(installed_dev)
	@$(python) -m tests.support.messages

test-clients: $(installed_dev) $(installed_clients)
	@$(call isolated,clients,$(python) -m tests.support.suite --dist load -m clients $(tried) $(ARGS))

# Each long test notes what it measured; docs/RELIABILITY.md has the figures of one run.
soak: $(installed_dev)
	@$(call isolated,soak,FIGURES="$$var/figures" $(python) -m pytest -m soak -v $(ARGS); \
	status=$$?; cat "$$var/figures"; exit $$status)

lint: $(installed_dev)
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	@$(call isolated,mypy,$(python) -m mypy .)
	@$(call isolated,makemigrations --check,$(python) manage.py makemigrations --check --dry-run)

# Strictly: a link that leads nowhere ends it.
docs: $(installed_dev)
	@$(python) -m mkdocs build --quiet && echo "build/docs/index.html"

docs-pages: $(installed_dev)
	@$(call isolated,docs-pages,$(python) -m tests.support.generated_pages)

# The admin's tests run in a real browser, and only once: what is in the database's way is tested twice above.
browser: $(installed_dev)
	@for name in "$$CHROMIUM" chromium chromium-browser google-chrome; do \
	test -n "$$name" && command -v "$$name" >/dev/null && exit; done; \
	echo "The browser tests want Chromium. On Debian: apt install chromium; or say where it is: CHROMIUM=/path/to/it" >&2; exit 1

format: $(installed_dev)
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

lock: $(created)
	@$(pip) $$(grep '^uv==' requirements-dev.in)
	@$(call locked,requirements)
	@$(call locked,requirements-dev,--constraint requirements.txt)
	@$(call locked,requirements-compile,--constraint requirements-dev.txt)
	@$(call locked,$(tried)/requirements)
	@$(call locked,$(tried)/requirements-pydantic-ai)
	@$(call locked,$(tried)/requirements-aider)
	@$(MAKE) --no-print-directory $(clients)/python/.installed
	@cd $(tried) && $(npm) install --package-lock-only --omit-lockfile-registry-resolved $(npm_quiet)

# $(call locked,NAME,OPTIONS): one file for every platform and Python that is supported. Extras stay: pip takes the newest
# version of a package that is required with an extra and pinned without it, which its hash mode then refuses.
define locked
$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --no-strip-extras --generate-hashes --no-emit-index-url \
--custom-compile-command "make lock" $(2) $(1).in --output-file $(1).txt
endef

audit: $(installed_dev)
	@$(python) -m tests.support.vulnerabilities requirements-dev.txt

bench: $(installed)
	@$(call isolated,bench,$(python) -m bench $(ARGS))

economy: $(installed)
	@$(call isolated,economy,$(python) -m bench.economy $(ARGS) && $(python) -m bench.economy_quota $(ARGS))

bench-admin: $(installed)
	@$(call isolated,bench-admin,$(python) -m bench.admin_pages $(ARGS))

clean:
	rm -rf $(VENV) $(clients) .bench .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call isolated,TITLE,COMMAND): away from the database, the secrets and the settings of the gateway that is installed here. What is compiled
# of the tests is kept, wherever that is turned off: else each process that runs them compiles all of them again, twice a run.
define isolated
echo "--- $(1)"; \
var=$$(mktemp -d) && trap 'rm -rf "$$var"' EXIT && \
ENV_FILE=/dev/null VAR_DIR="$$var" DATABASE_URL="sqlite:///$$var/db.sqlite3" SECRET_KEY= SECRET_KEY_FALLBACKS= PYTHONDONTWRITEBYTECODE= $(2)
endef

config.yaml:
	@umask 077 && cp config.example.yaml $@
	@echo "config.yaml was made from config.example.yaml: put your API keys there (or add them in the admin)."

$(installed): requirements.txt | $(created)
	@echo "Installing the requirements into $(VENV) …"
	@$(pip) -r requirements.txt
	@touch $@

$(installed_compile): requirements-compile.txt | $(created)
	@echo "Installing what compiles into $(VENV) …"
	@$(pip) -r requirements-compile.txt
	@touch $@

$(installed_dev): requirements-dev.txt requirements.txt | $(created)
	@echo "Installing the development requirements into $(VENV) …"
	@$(pip) -r requirements-dev.txt
	@touch $(installed) $@

# npm comes from PyPI, with a node that is new enough for all of them. It trusts whom the system trusts.
npm = NODE_USE_SYSTEM_CA=1 PATH="$(abspath $(clients))/python/bin:$$PATH" npm
npm_quiet := --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel error

$(installed_clients): $(client_virtualenvs:%=$(clients)/%/.installed) $(tried)/package-lock.json
	@cp $(tried)/package.json $(tried)/package-lock.json $(clients)/
	@cd $(clients) && $(npm) ci $(npm_quiet)
	@ln -sfn ../$(tried)/programs $(clients)/programs
	@touch $@

$(clients)/python/.installed: $(tried)/requirements.txt
$(clients)/pydantic-ai/.installed: $(tried)/requirements-pydantic-ai.txt
$(clients)/aider/.installed: $(tried)/requirements-aider.txt
$(client_virtualenvs:%=$(clients)/%/.installed): | $(created)
	@echo "Installing clients into $(@D) …"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check --no-input install --quiet -r $<
	@touch $@

$(created):
	@command -v $(PYTHON) >/dev/null || \
	{ echo "$(PYTHON) was not found. Install Python 3.11 or newer, or say where it is: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "$$($(PYTHON) --version) is too old. Install Python 3.11 or newer, or say where it is: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	{ echo "$(PYTHON) cannot make virtualenvs. On Debian and Ubuntu: apt install python3-venv; then run make again." >&2; exit 1; }
	@$(python) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@touch $@
