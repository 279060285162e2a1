"""How matplotlib's axes look in every picture."""

from matplotlib.axes import Axes

from pipeline.reporting import colours


def draw_grid(*many: Axes) -> None:
    """Lines behind the data, and no frame above and to the right of it."""
    for axes in many:
        axes.grid(color=colours.GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
