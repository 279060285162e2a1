"""The look of matplotlib's axes in every picture."""

from matplotlib.axes import Axes

from pipeline.reporting import colours


def draw_grid(*many: Axes) -> None:
    """Grid lines behind the data, and no frame above or to the right."""
    for axes in many:
        axes.grid(color=colours.GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
