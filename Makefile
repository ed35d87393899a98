# make tutorial   the chapter in mini mode: an executed notebook and its HTML under build/
# make test       unit tests, examples in docstrings, style, and every notebook executed again and
#                 compared with what is committed
# make test-all   the unit tests on each of Python 3.9 to 3.15 that is here; PYTHONS="..." names others
# make test-install  the README's two pip commands beside NumPy 2; needs the network
# make coverage   the unit tests again, and which lines and branches of hotdog_ft they never reach
# make lint       style alone: ruff's linter and formatter
# make full       the same notebook with the photographs and ResNet-18 at 224 px
# make notebooks  write the committed outputs anew
# make bench      measure beside the book's code and PyTorch, see benchmarks/README.md
# make gpu-test   whether a GPU computes what the CPU does, and how fast, see tools/gpu_test.py
# make site       the site in English and Vietnamese: build/site/index.html; Python 3.11 or newer
# make site-test  the same, and whether a browser likes it: needs chromium
# make site-catalogues  bring docs/locale/ up to date with the texts
# make cluster    put Dask and Horovod into .venv, to predict and train on several machines; minutes
# make cluster-test  real processes on 127.0.0.1, one of them killed
# make lock       resolve pyproject.toml again
# make venv       .venv alone
# Each sets up .venv by itself; PYTHON=/path/to/python3.11 chooses the interpreter, GPU=1 and GPU=0
# MXNet's build: without them that for GPUs where nvidia-smi shows one that it has code for.

PYTHON_IN_VENV := .venv/bin/python
# nets as small as mini mode's gain nothing from a second thread
MINI := HOTDOG_FT_MODE=mini OMP_NUM_THREADS=1

PYTEST := -m pytest -n 2 --dist loadfile --doctest-modules

# where another Python's kernel would be found before that in .venv
unexport JUPYTER_PATH

.PHONY: tutorial test test-all test-install coverage lint full notebooks bench gpu-test lock venv \
    site site-venv site-catalogues site-test cluster cluster-test

tutorial: venv
	$(MINI) $(PYTHON_IN_VENV) tools/execute.py --to build notebooks/01-fine-tuning.ipynb

full: venv
	HOTDOG_FT_MODE=full $(PYTHON_IN_VENV) tools/execute.py --limit 86400 --to build/full notebooks/01-fine-tuning.ipynb

# two files at a time
test: lint
	$(MINI) $(PYTHON_IN_VENV) $(PYTEST) --nbval --nbval-cell-timeout 300 --nbval-sanitize-with notebooks/sanitize.cfg

lint: venv
	$(PYTHON_IN_VENV) -m ruff check --quiet
	$(PYTHON_IN_VENV) -m ruff format --check --quiet

coverage: venv
	$(PYTHON_IN_VENV) -m coverage erase
	$(MINI) $(PYTHON_IN_VENV) -m coverage run $(PYTEST) hotdog_ft tests
	$(PYTHON_IN_VENV) -m coverage combine --quiet
	$(PYTHON_IN_VENV) -m coverage report

notebooks: venv
	$(MINI) $(PYTHON_IN_VENV) tools/execute.py --to notebooks notebooks/*.ipynb

test-all:
	@sh tools/test_all.sh $(PYTHONS)

test-install:
	@sh tools/test_install.sh

# needs HOTDOG_FT_DATA, a folder of photographs; about 25 minutes
bench: venv
	@$(PYTHON_IN_VENV) -c "import sys; sys.exit('hotdog_ft' in sys.modules or sys.version_info[:2] != (3, 11))" || { \
	    echo "hotdog_ft: make bench wants a .venv of Python 3.11 without make cluster: rm -r .venv, make bench PYTHON=python3.11" >&2; exit 1; }
	@cmp -s benchmarks/requirements.txt .venv-bench/complete || { $(PYTHON_IN_VENV) -m venv --clear .venv-bench && \
	    .venv-bench/bin/python -m pip install --quiet -r benchmarks/requirements.txt && \
	    cp benchmarks/requirements.txt .venv-bench/complete; }
	$(PYTHON_IN_VENV) benchmarks/run.py --data "$(HOTDOG_FT_DATA)" --torch-python .venv-bench/bin/python \
	    --out results/bench

gpu-test: venv
	$(PYTHON_IN_VENV) tools/gpu_test.py

cluster: venv
	@sh tools/cluster.sh $(PYTHON_IN_VENV)

cluster-test: cluster
	CLUSTER_TEST=1 $(MINI) $(PYTHON_IN_VENV) -m pytest tests/test_cluster_predict.py tests/test_cluster_train.py

lock:
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.9 \
	    --generate-hashes --no-annotate --no-strip-extras \
	    --extra mxnet --extra notebooks --extra book --extra test --extra onnx --extra heic pyproject.toml -o requirements.lock
	sed -n 's/^    "\(nvidia-.*\)",/\1/p' pyproject.toml | { cat; echo mxnet-cu112==1.9.1; } | \
	    UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.9 \
	    --generate-hashes --no-annotate --no-deps - -o requirements-gpu.lock
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.11 \
	    --generate-hashes --no-annotate --no-strip-extras \
	    --constraint requirements.lock --extra mxnet --extra site pyproject.toml -o requirements-site.lock
	sed -n 's/^cluster = \["\(.*\)"\]$$/\1/p' pyproject.toml | { cat; echo "cmake<4"; echo "setuptools<81"; } | \
	    UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.9 \
	    --generate-hashes --no-annotate -c requirements.lock - -o requirements-cluster.lock

venv:
	@sh tools/venv.sh

SPHINX := .venv-site/bin/python -m sphinx -W -n --keep-going --quiet -c docs
site: site-venv
	rm -rf build/site build/doctrees
	$(SPHINX) -b html -d build/doctrees/en -D language=en docs build/site/en
	$(SPHINX) -b html -d build/doctrees/vi -D language=vi docs build/site/vi
	rm -r build/site/jupyter_execute
	cp docs/root.html build/site/index.html

site-test: site
	.venv-site/bin/python -m pytest tests/test_site_texts.py tests/test_site_pages.py

# The texts as they are now into docs/locale/vi/LC_MESSAGES/*.po; what has changed is marked there.
# The API stays English. sphinx.po, the theme's words, is kept by hand.
site-catalogues: site-venv
	rm -rf build/gettext build/doctrees/gettext
	$(SPHINX) -b gettext -d build/doctrees/gettext docs build/gettext
	cd build/gettext && rm -f api.pot modules.pot sphinx.pot
	.venv-site/bin/python -m sphinx_intl.commands update --no-obsolete --line-width 0 --locale-dir docs/locale \
	    --pot-dir build/gettext --language vi

site-venv:
	@GPU=0 HOTDOG_FT_VENV=.venv-site HOTDOG_FT_LOCK=requirements-site.lock sh tools/venv.sh
