"""Execute notebooks, keep them and their HTML in a folder, and print their result tables.

python tools/execute.py --to build notebooks/*.ipynb
"""

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbconvert import HTMLExporter


def result(notebook):
    """The text of the cells with the tag "result"."""
    return "\n".join(
        output.get("text") or output["data"]["text/plain"]
        for cell in notebook.cells
        if "result" in cell.metadata.get("tags", [])
        for output in cell.outputs
        if output.output_type != "error"
    )


def execute(path, folder, limit):
    """Execute one notebook in the folder that this was called from.

    Raises CellExecutionError or CellTimeoutError where a cell fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)  # before any work, whose result goes there
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        sys.exit(f"{folder} cannot be written to ({error.strerror}).")
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        sys.exit(f"{path} cannot be read as a notebook ({error}).")
    start = time.perf_counter()
    NotebookClient(
        notebook,
        timeout=limit,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": "."}},
    ).execute()
    ran = sum(cell.get("execution_count") is not None for cell in notebook.cells)
    if ran == 0:
        sys.exit(f"{path.name}: no code cell ran.")
    # the same on every Python; nbconvert --to script takes the suffix from here
    notebook.metadata["language_info"] = {"name": "python", "file_extension": ".py"}
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    nbformat.write(notebook, folder / path.name)
    seconds = time.perf_counter() - start
    print(f"{path.name}: {ran} code cells ran in {seconds:.0f} s\n{result(notebook)}")
    return notebook


def with_links(page, notebooks, folder):
    """The page with its links to files leading on from `folder` as they did from `notebooks`."""

    def link(match):
        target = notebooks / match[1]
        return f'href="{os.path.relpath(target, folder)}"' if target.is_file() else match[0]

    return re.sub(r'href="([^"#:]+)"', link, page)


def main():
    os.environ.pop("JUPYTER_PATH", None)  # where another Python's kernel would be found first
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--limit",
        type=int,
        default=300,
        metavar="SECONDS",
        help="longest time that a cell may take (default: 300)",
    )
    parser.add_argument("notebooks", type=Path, nargs="+")
    options = parser.parse_args()
    in_place = options.to.resolve() == options.notebooks[0].parent.resolve()
    for path in options.notebooks:
        try:
            notebook = execute(path, options.to, options.limit)
        except (CellExecutionError, CellTimeoutError) as error:
            sys.exit(f"{path.name} failed:\n{error}")
        if not in_place:
            html = options.to / f"{path.stem}.html"
            page, _ = HTMLExporter(theme="light").from_notebook_node(notebook)
            html.write_text(with_links(page, path.parent, options.to), encoding="utf-8")
            print(f"Look at {html}")


if __name__ == "__main__":
    main()
