# make tutorial   the chapter in mini mode: an executed notebook and its HTML under build/
# make test       unit tests, and every notebook executed again and compared with what is committed
# make full       the same notebook with the photographs and ResNet-18 at 224 px
# make notebooks  write the committed outputs anew
# make lock       resolve pyproject.toml again
# Each sets up .venv by itself; PYTHON=/path/to/python3.11 chooses the interpreter.

PYTHON_IN_VENV := .venv/bin/python

.PHONY: tutorial test full notebooks lock venv

tutorial: venv
	HOTDOG_FT_MODE=mini $(PYTHON_IN_VENV) tools/execute.py --to build notebooks/01-fine-tuning.ipynb

full: venv
	HOTDOG_FT_MODE=full $(PYTHON_IN_VENV) tools/execute.py --to build/full notebooks/01-fine-tuning.ipynb

test: venv
	HOTDOG_FT_MODE=mini $(PYTHON_IN_VENV) -m pytest --nbval --nbval-sanitize-with notebooks/sanitize.cfg

notebooks: venv
	HOTDOG_FT_MODE=mini $(PYTHON_IN_VENV) tools/execute.py --to notebooks notebooks/*.ipynb

lock:
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.9 \
	    --generate-hashes --no-annotate --extra notebooks --extra test pyproject.toml -o requirements.lock

venv:
	@sh tools/venv.sh
