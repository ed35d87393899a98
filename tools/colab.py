"""Have every notebook open in Google Colab: a badge, and a first cell that installs what it lacks.

python tools/colab.py [OWNER/NAME]

OWNER/NAME is the public repository on GitHub. Without it there is no badge, for it would lead
nowhere, and the cell installs the wheel of this project that a reader has uploaded.
"""

import re
import sys
from pathlib import Path

import nbformat

# Plain Python, for --to script. In one call pip would bring the older NumPy that mxnet asks for.
CELL = """import sys

if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    for what in ("--no-deps mxnet==1.9.1", "{source}"):
        get_ipython().run_line_magic("pip", f"install --quiet {{what}}")"""
BADGE = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{repository}/blob/main/notebooks/{notebook})\n\n"
)


def rewrite(path, repository):
    notebook = nbformat.read(path, as_version=4)
    title, _, rest = notebook.cells[0].source.partition("\n\n")
    badge = BADGE.format(repository=repository, notebook=path.name) if repository else ""
    rest = re.sub(r"^\[!\[Open in Colab.*\n\n", "", rest)
    notebook.cells[0].source = f"{title}\n\n{badge}{rest}".strip()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if code[0].id != "colab":
        code.insert(0, nbformat.v4.new_code_cell(id="colab"))
        notebook.cells.insert(notebook.cells.index(code[1]), code[0])
    source = f"git+https://github.com/{repository}" if repository else "hotdog_ft-*.whl"
    code[0].source = CELL.format(source=source)
    for count, cell in enumerate(code, 1):  # as if the new cell had been executed with the others
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    nbformat.write(notebook, path)


if __name__ == "__main__":
    repository = (sys.argv[1:] or [None])[0]
    if repository and not re.fullmatch(r"[\w-]+/[\w.-]+", repository):
        sys.exit(f"{repository} is no OWNER/NAME of GitHub.")
    for path in sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb")):
        rewrite(path, repository)
