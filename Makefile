# `make` alone says what there is. Everything is installed into .venv, in this folder.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help

# The first Python that is new enough; set it yourself to use another: make PYTHON=python3.13 test
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo $$name; exit; fi; done)

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
MADE := .venv/made
INSTALLED := .venv/installed
DEVELOPING := .venv/developing
WANTED := pyproject.toml requirements.lock

# Root needs no sudo; a container often has none.
define apt_install
apt_install() {
	if ! command -v apt-get >/dev/null; then
		echo "please install $$* with your system's package manager, then try again" >&2
		return 1
	fi
	local root=""
	if [ "$$(id -u)" != 0 ]; then root=sudo; fi
	echo "installing $$* with apt" >&2
	$$root env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null >&2
	$$root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends "$$@" </dev/null >&2
}
endef

.PHONY: help
help:
	@echo "make demo    two people talk over three mixes on this computer, in under a minute"
	echo "             (make demo ARGS=--json for one JSON object)"
	echo "make test    everything that is checked: style, types, tests"
	echo "make lint    style and types only"
	echo "make bench   three minutes of measuring, and a page about it: bench-report/index.html"
	echo "make audit   attacks on the project itself, in 90 seconds, and a page: audit-report/index.html"
	echo "make bench-tools   what some benchmarks compare with, into .venv"
	echo "make fuzz    look for inputs that break what docs/fuzzing.md promises"
	echo "make clean   remove .venv and all that was made here"

.PHONY: demo
demo: $(INSTALLED)
	@exec $(BIN)/pymix-voice demo $(ARGS)

.PHONY: test
test: lint
	@# First what a busy machine cannot fail: three processes keep two processors busy, since some
	# tests wait. Each file is in one of them, since what took long is shared by the tests of a file.
	# Then what is `live`, one after the other, with nothing beside it.
	busy=0 live=0
	$(BIN)/python -m pytest --live never -n 3 --dist loadfile --no-loadscope-reorder $(ARGS) \
		|| busy=$$?
	# 1: some failed. 5: none were chosen. Everything else, Ctrl-C too, is the end.
	case $$busy in 0 | 1 | 5) ;; *) exit $$busy ;; esac
	$(BIN)/python -m pytest --live only $(ARGS) -n 0 || live=$$?
	case $$live in 0 | 5) ;; *) exit $$live ;; esac
	# Nothing at all was chosen if it is 5 for both.
	if [ $$busy = 5 ]; then exit $$live; fi
	exit $$busy

.PHONY: lint
lint: $(DEVELOPING)
	@$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

.PHONY: bench
bench: $(DEVELOPING)
	@exec $(BIN)/pymix-voice bench tour --report bench-report $(ARGS)

.PHONY: audit
audit: $(DEVELOPING)
	@exec $(BIN)/pymix-voice audit --quick --report audit-report $(ARGS)

.PHONY: bench-tools
bench-tools: $(DEVELOPING)
	@$(apt_install)
	# What is measured beside us: sphinxmix compiles against OpenSSL.
	if [ ! -e /usr/include/openssl/ssl.h ]; then apt_install libssl-dev; fi
	$(PIP) install -c requirements.lock -e .[peers]

.PHONY: fuzz
fuzz: $(DEVELOPING)
	@$(PIP) install -c requirements.lock -e .[fuzz]
	exec env PYTHONPATH=tests $(BIN)/python -m fuzz $(ARGS)

.PHONY: clean
clean:
	@rm -rf .venv build dist demo-out bench-report audit-report
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find pymix_voice tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@$(apt_install)
	if [ -z "$(PYTHON)" ]; then
		echo "pymix-voice needs Python 3.11 or newer, but python3 here is" \
			"$$(python3 --version 2>/dev/null || echo 'not installed');" \
			"install one, then: make PYTHON=python3.13 ..." >&2
		exit 1
	fi
	# Debian and Ubuntu split ensurepip off into a package of its own.
	if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then
		apt_install "$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
	fi
	rm -rf .venv
	$(PYTHON) -m venv .venv
	touch $@

$(INSTALLED): $(MADE) $(WANTED)
	@$(apt_install)
	echo "installing pymix-voice into .venv" >&2
	$(PIP) install -c requirements.lock -e .
	# The wheels bring libopus and libsndfile for the usual computers; elsewhere apt has them.
	try_sound() { $(BIN)/python -c \
		'import soundfile; from pymix_voice.voice.opus import load; load()'; }
	if ! try_sound 2>/dev/null; then
		apt_install libopus0 libsndfile1
		try_sound
	fi
	touch $@

$(DEVELOPING): $(INSTALLED)
	@$(apt_install)
	# Live calls are tested on a sound server without hardware; PESQ is compiled.
	missing=()
	if ! command -v jackd >/dev/null; then missing+=(jackd2); fi
	if ! $(BIN)/python -c 'import sounddevice' 2>/dev/null; then missing+=(libportaudio2); fi
	if ! command -v cc >/dev/null; then missing+=(gcc libc6-dev); fi
	if ! $(BIN)/python -c 'import os, sysconfig; \
		os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null; then
		missing+=("$$($(BIN)/python -c 'import sys; print("python%d.%d-dev" % sys.version_info[:2])')")
	fi
	if [ $${#missing[@]} -gt 0 ]; then apt_install "$${missing[@]}"; fi
	echo "installing the tools for tests into .venv" >&2
	$(PIP) install -c requirements.lock -e .[dev]
	touch $@
