# make tutorial   the chapter in mini mode: an executed notebook and its HTML under build/
# make test       unit tests, and every notebook executed again and compared with what is committed
# make test-all   the unit tests on Python 3.9, 3.10 and 3.11, as far as they are on the machine
# make full       the same notebook with the photographs and ResNet-18 at 224 px
# make notebooks  write the committed outputs anew
# make lock       resolve pyproject.toml again
# Each sets up .venv by itself; PYTHON=/path/to/python3.11 chooses the interpreter.

PYTHON_IN_VENV := .venv/bin/python

.PHONY: tutorial test test-all full notebooks lock venv

tutorial: venv
	HOTDOG_FT_MODE=mini $(PYTHON_IN_VENV) tools/execute.py --to build notebooks/01-fine-tuning.ipynb

full: venv
	HOTDOG_FT_MODE=full $(PYTHON_IN_VENV) tools/execute.py --limit 86400 --to build/full notebooks/01-fine-tuning.ipynb

test: venv
	HOTDOG_FT_MODE=mini $(PYTHON_IN_VENV) -m pytest --nbval --nbval-cell-timeout 300 --nbval-sanitize-with notebooks/sanitize.cfg

notebooks: venv
	HOTDOG_FT_MODE=mini $(PYTHON_IN_VENV) tools/execute.py --to notebooks notebooks/*.ipynb

# the unit tests on every fitting Python that is on the machine
test-all:
	@for version in 3.9 3.10 3.11; do \
	    if command -v python$$version >/dev/null; then \
	        echo "== Python $$version"; \
	        VENV=.venv-$$version PYTHON=python$$version sh tools/venv.sh && \
	        .venv-$$version/bin/python -m pytest -q tests || exit 1; \
	    else echo "== no python$$version here"; fi; \
	done

lock:
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.9 \
	    --generate-hashes --no-annotate --extra notebooks --extra test pyproject.toml -o requirements.lock

venv:
	@sh tools/venv.sh
