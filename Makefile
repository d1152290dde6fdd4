# Everything runs in .venv, which is made on first use; PYTHON picks the interpreter it is made with.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# How the tests run: a process for each core, each with whole files, the slow ones not last; what; steps of `make fuzz`.
SPREAD = -q -n auto --dist loadfile --no-loadscope-reorder
TESTS ?= $(SPREAD) tests
STEPS ?= 1000000
FUZZ = -v tests/ocean/test_fuzz.py --fuzz-steps=$(STEPS)
# Those of them that run code of ours without the GIL, which is where a wrong index goes unnoticed.
DEBUG_TESTS ?= $(SPREAD) $(addprefix tests/,checking layout native ocean backends/test_serial.py)
# Those of them that say whether the oldest packages do: every native environment, spaces, faces, environments in Python.
# Before 1.3, Gymnasium's recorder of episodes and its NormalizeObservation were wrong.
OLDEST_TESTS ?= $(SPREAD) tests/ocean/test_contract.py tests/faces tests/backends/test_serial.py \
	tests/wrappers/test_puffer_env.py $(addprefix tests/layout/test_,layout.py action_layout.py mixed.py spec.py walk.py) \
	-k "not observation_wrappers_of_gymnasium and not record_episode_statistics and not as_gymnasium_records"

SOURCES := $(shell find puffer -name '*.pyx' -o -name '*.pxd' -o -name '*.h') setup.py

# A build writes its modules next to the sources, so every variant but the release is built in a copy of them.
.PHONY: build systems trainers oracles bench docs gallery docs-site docs-links test test-debug test-oldest test-asan fuzz lint clean FORCE

build: $(VENV)/.built

$(VENV)/.installed: pyproject.toml setup.py puffer/systems/requirements.py
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install -q --upgrade pip "setuptools>=77" "Cython==3.3.1" "numpy>=2,<3"
	$(RUN) -m pip install -q --no-build-isolation --config-settings editable_mode=compat -e ".[test,lint,plot]"
	touch $@

$(VENV)/.built: $(VENV)/.installed $(SOURCES)
	$(RUN) setup.py -q build_ext --inplace
	touch $@

# The systems of other authors, which the tests run: those that this Python can have.
systems: $(VENV)/.systems

$(VENV)/.systems: puffer/systems/requirements.py | $(VENV)/.built
	-$(RUN) -m puffer.install all
	touch $@

# The trainers of other authors, with torch for the CPU. Where that cannot be had, their tests are skipped: the usual torch
# takes gigabytes.
trainers: $(VENV)/.trainers

$(VENV)/.trainers: setup.py | $(VENV)/.systems
	-$(RUN) -m pip install -q "torch==2.13.0+cpu" && $(RUN) -m pip install -q "puffer-envs[trainers]"
	touch $@

# Originals that nothing but a few tests may import: they register themselves, or ask for older packages.
oracles: build/oracles/.installed
export PUFFER_ORACLES := $(abspath build/oracles)

build/oracles/.installed: | $(VENV)/.installed
	-$(RUN) -m pip install -q --no-deps --target build/oracles "minatar>=1.0.15" gym-sokoban gym gym-notices \
		overcooked-ai==1.1.0
	mkdir -p build/oracles && touch $@

bench: build
	$(RUN) -m puffer.bench

# The pages of the environments, and the drawings of other pages.
docs: build
	$(RUN) docs/generate.py
	$(RUN) docs/modes.py
	$(RUN) docs/drawing.py

# Films of trained play, for the pages of environments that the trainer solves. The checkpoints stay in build/gallery, and an
# environment that has one is not trained again.
gallery: build trainers
	$(RUN) docs/gallery.py

# The site of the documentation, in build/site. A warning is an error, a link that leads nowhere among them.
docs-site: build $(VENV)/.site
	$(RUN) -m sphinx -q -W --keep-going -b html docs build/site

# The links to other sites, which needs a network.
docs-links: build $(VENV)/.site
	$(RUN) -m sphinx -q -b linkcheck docs build/links

$(VENV)/.site: setup.py | $(VENV)/.built
	$(RUN) -m pip install -q $$($(RUN) -c "from importlib.metadata import requires as r; print(*(x.split(';')[0] \
		for x in r('puffer-envs') if 'extra == \"site\"' in x))")
	touch $@

test: build systems trainers oracles
	$(RUN) -m pytest $(TESTS)

# Tests of native code against a build with bounds checks.
test-debug: build/debug/tree
	cd $< && PUFFER_DEBUG=1 $(abspath $(RUN)) setup.py -q build_ext --inplace
	cd $< && $(abspath $(RUN)) -m pytest $(DEBUG_TESTS)

# Some of the tests with the oldest packages that the metadata allow, in an environment of their own. The build is that
# of the others: an extension that was compiled with NumPy 2 runs with the older ones.
test-oldest: build build/oldest/.installed
	build/oldest/bin/python -m pytest $(OLDEST_TESTS)

build/oldest/.installed: $(VENV)/.installed .ci/oldest.py
	rm -rf build/oldest
	$(RUN) -m venv build/oldest
	build/oldest/bin/python -m pip install -q pytest pytest-xdist hypothesis pillow $$($(RUN) .ci/oldest.py)
	touch $@

# The same tests against code that AddressSanitizer and UndefinedBehaviorSanitizer watch; what Python itself leaves
# behind at exit is not ours to report. The sanitizers write to the standard error of the process.
test-asan: build/sanitize/tree
	cd $< && PUFFER_SANITIZE=1 $(abspath $(RUN)) setup.py -q build_ext --inplace
	cd $< && LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
		ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 PYTHONMALLOC=malloc \
		$(abspath $(RUN)) -m pytest --capture=sys $(TESTS)

# Random play in both, as long as it takes for so many steps of each environment and parameter set.
fuzz:
	$(MAKE) test-debug test-asan TESTS="$(FUZZ)" DEBUG_TESTS="$(FUZZ)"

build/%/tree: systems oracles FORCE
	mkdir -p $@
	tar -c --exclude='*.so' --exclude=__pycache__ puffer tests benchmarks docs examples \
		setup.py pyproject.toml MANIFEST.in *.md LICENSE | tar -x -C $@

FORCE:

lint: build
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	# It starts pycodestyle, which it looks for in the PATH.
	PATH="$(abspath $(VENV))/bin:$$PATH" cython-lint puffer examples
	$(RUN) -m mypy.stubtest --ignore-missing-stub $$(cd puffer && find . -name '*.pyi' | sed 's|^\./|puffer.|; s|/|.|g; s|\.pyi$$||')

clean:
	rm -rf $(VENV) build
	find puffer -name '*.so' -delete
