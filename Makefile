# Two commands: `make run` ends with a leaderboard in build/results/quick, `make test` with a verdict. Both set up .venv
# first, once. Neither changes a committed file: the tables in results/ are what others are compared with.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DOCS_READY := $(VENV)/.docs-ready

.PHONY: setup run test test-slow reproduce lint lint-style lint-types lint-imports lint-text lint-files docs api bench browser ffmpeg quality \
  mutants fuzz constraints clean

setup: $(READY)

run: $(READY)
	@$(BIN)/srbench fetch lpips --optional
	@$(BIN)/srbench run --results build/results/quick

# With the share of srbench's lines that the tests run, which must not fall below COVERAGE_FLOOR; without: COVERAGE=
COVERAGE_FLOOR ?= 0
COVERAGE ?= --cov --cov-report=term --cov-fail-under=$(COVERAGE_FLOOR)

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(COVERAGE)

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

reproduce: $(READY)
	$(BIN)/python -m pytest -m reproduce

# The hooks of .pre-commit-config.yaml are these, one each.
lint: lint-style lint-types lint-imports lint-text lint-files

lint-style: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

lint-types: $(READY)
	@# mypy knows packages by their folders: show it plugins/ under the name that it has when it is installed
	@mkdir -p build/types && ln -sfn ../../plugins build/types/srbench_plugins
	$(BIN)/mypy -p srbench -p srbench_plugins

lint-imports: $(READY)
	$(BIN)/lint-imports

lint-text: $(READY)
	$(BIN)/typos
	$(BIN)/python .ci/language.py

SCHEMA := $(BIN)/check-jsonschema --quiet --builtin-schema

lint-files: $(READY)
	$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	$(SCHEMA) custom.github-workflows-require-timeout .github/workflows/*.yml
	$(SCHEMA) vendor.github-actions action.yml
	$(BIN)/python .ci/steps.py action.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml
	$(SCHEMA) vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(SCHEMA) vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	$(SCHEMA) vendor.citation-file-format CITATION.cff
	$(BIN)/pre-commit validate-config
	$(BIN)/towncrier build --draft --version next > /dev/null

# The site in build/site, without a network: pages from documents, specs and docstrings; a dead link fails.
docs: $(DOCS_READY) api
	$(BIN)/python -m docs.site
	$(BIN)/zensical build --strict --clean
	$(BIN)/python -m docs.site.links

# What is public must not break between two releases without anyone noticing: it is compared with the last tag.
api: $(DOCS_READY)
	$(BIN)/python -m docs.site.api

bench: $(READY)
	$(BIN)/python -m benchmarks

# What the tests of leaderboard.html drive; they are skipped without it.
browser:
	command -v chromedriver > /dev/null || { apt-get update -qq && apt-get install -yqq --no-install-recommends chromium chromium-driver; }

# What the tests of videos run; they are skipped without it.
ffmpeg:
	command -v ffprobe > /dev/null || { apt-get update -qq && apt-get install -yqq --no-install-recommends ffmpeg; }

# What CI gates: the suite gate against its committed leaderboard, by the spread between three seeds on both sides.
quality: $(READY)
	$(BIN)/srbench run gate --results build/results/gate
	$(BIN)/srbench compare results/gate build/results/gate --fail-on "psnr_y_db < -chance"

# Everything again only when what it depends on has changed.
$(READY): pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "srbench needs Python 3.11 or newer; set PYTHON to one: make run PYTHON=python3.12"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools -c constraints.txt
	$(BIN)/python -m pip install --quiet --progress-bar off --group dev -e ".[all]" -c constraints.txt
	# so that the first command starts as fast as any later one, also where Python keeps no bytecode by itself
	$(BIN)/python -m compileall -q srbench plugins
	-@$(BIN)/srbench list > /dev/null
	@touch $(READY)

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet --progress-bar off --group docs -c constraints.txt
	@touch $(DOCS_READY)

constraints: $(DOCS_READY)
	{ echo "# Every version the set-up installs, so that two machines measure with one software. Made by \`make constraints\`."; \
	  $(BIN)/python -m pip freeze --exclude-editable --exclude srbench; } > constraints.new && mv constraints.new constraints.txt

# Damage 20,000 files of every kind that srbench reads: each is read or refused in one sentence.
fuzz: $(READY)
	SRBENCH_FUZZ_INPUTS=20000 $(BIN)/python -m pytest -q tests/test_damaged_files.py

# Change the code that decides a number in every small way: which changes does no test notice? Up to hours, resumable.
mutants: $(READY)
	$(BIN)/python -m pip install --quiet --progress-bar off --group mutants -c constraints.txt
	$(BIN)/mutmut run
	$(BIN)/mutmut results

clean:
	rm -rf build dist mutants *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
