# make tutorial   the chapter in mini mode: an executed notebook and its HTML under build/
# make test       unit tests, examples in docstrings, style, and every notebook executed again and
#                 compared with what is committed
# make test-all   the unit tests on each of Python 3.9 to 3.15 that is here; PYTHONS="..." names others
# make test-install  the two commands of the README beside NumPy 2; needs the network
# make coverage   the unit tests again, and which lines and branches of hotdog_ft they never reach
# make lint       style alone: ruff's linter and formatter
# make full       the same notebook with the photographs and ResNet-18 at 224 px
# make notebooks  write the committed outputs anew
# make bench      measure beside the book's code and PyTorch, see benchmarks/README.md
# make lock       resolve pyproject.toml again
# Each sets up .venv by itself; PYTHON=/path/to/python3.11 chooses the interpreter.

PYTHON_IN_VENV := .venv/bin/python
# nets as small as mini mode's gain nothing from a second thread
MINI := HOTDOG_FT_MODE=mini OMP_NUM_THREADS=1

PYTEST := -m pytest -n 2 --dist loadfile --doctest-modules

.PHONY: tutorial test test-all test-install coverage lint full notebooks bench lock venv

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
	@test -x .venv-bench/bin/python || { $(PYTHON_IN_VENV) -m venv .venv-bench && \
	    .venv-bench/bin/python -m pip install --quiet -r benchmarks/requirements.txt; }
	$(PYTHON_IN_VENV) benchmarks/run.py --data "$(HOTDOG_FT_DATA)" --torch-python .venv-bench/bin/python \
	    --out results/bench

lock:
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.9 \
	    --generate-hashes --no-annotate --no-strip-extras --extra mxnet --extra notebooks --extra book \
	    --extra test --extra onnx --extra heic pyproject.toml -o requirements.lock

venv:
	@sh tools/venv.sh
