"""A figure that shows and saves itself, in a notebook and out of one, its text as it is meant."""

import io
import os
import sys
import tempfile
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from .files import user_path
from .lettering import narrow, prepare


class Plot(Figure):
    """A matplotlib figure of fixed size that needs no pyplot to be shown in a notebook.

    Parameters
    ----------
    title_width : float, optional
        Inches that the title of one of its axes may take: a wider one gets smaller letters.
    **options
        Those of matplotlib's Figure.

    Examples
    --------
    >>> from hotdog_ft.plot import draw_fine_tuning
    >>> draw_fine_tuning()
    <Plot 800 x 360>
    """

    def __init__(self, title_width=float("inf"), **options):
        super().__init__(**options)
        self._prepared, self._title_width = {}, title_width

    def draw(self, renderer):
        prepare(self, self._prepared)  # every way to show or to save a figure leads here
        for axes in self.axes:
            narrow(axes.title, self._title_width, renderer)
        super().draw(renderer)

    def savefig(self, fname, **options):
        """Write the figure to a file, a path with ``~`` too, or into an open one."""
        is_path = isinstance(fname, (str, os.PathLike))
        super().savefig(user_path(fname) if is_path else fname, **options)

    def show(self, warn=True):
        """Show the figure below a notebook's cell; elsewhere open it, and print where it lies.

        `warn` is matplotlib's, and not used.
        """
        if "IPython" in sys.modules:
            from IPython import display, get_ipython

            if hasattr(get_ipython(), "kernel"):
                display.display(self)
                return
        handle, name = tempfile.mkstemp(prefix="figure-", suffix=".png")
        os.close(handle)
        Path(name).write_bytes(self._repr_png_())
        on_linux = sys.platform.startswith("linux")
        if not on_linux or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
            from PIL import ImageShow  # which imports IPython

            with Image.open(name) as image:
                ImageShow.show(image)
        print(f"The figure is in {name}.")

    def _repr_png_(self):
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=100)
        return file.getvalue()

    def __repr__(self):
        return f"<Plot {self.get_figwidth() * 100:.0f} x {self.get_figheight() * 100:.0f}>"
