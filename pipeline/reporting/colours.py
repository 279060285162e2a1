"""One colour per architecture and baseline, the same in the page and in the MLflow UI.

The first are the palette of Okabe & Ito (2008), which colour-blind readers can distinguish. For those who see no
colours, lines also differ by dashes and points by symbols.
"""

import zlib

NAMED = {
    "rnn": "#D55E00",
    "gru": "#0072B2",
    "lstm": "#009E73",
    "attention": "#CC79A7",
    "transformer": "#E69F00",
    "min_gru": "#56B4E9",
    "identity": "#7F7F7F",
}
OTHERS = ("#332288", "#882255", "#117733", "#999933", "#AA4499", "#661100", "#44AA99", "#6699CC")

INK = "#1B1F24"
MUTED = "#5B6470"
GRID = "#E1E5EA"
PAPER = "#FFFFFF"
DARK = {  # replacements on a dark page, where the colour itself would be invisible
    INK: "#E8EBEF",
    MUTED: "#9BA5B1",
    GRID: "#2C333C",
    PAPER: "#14181D",
    "#0072B2": "#3D9BDC",
    "#332288": "#9A8CF0",
    "#882255": "#D96C9F",
    "#117733": "#2FA35A",
    "#AA4499": "#CF74C0",
    "#661100": "#D0694F",
}

DASHES = ("solid", "6px,3px", "solid", "6px,2px,2px,2px", "9px,3px", "solid", "2px,2px")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "pentagon", "triangle-down", "x")


def of(name: str) -> str:
    """The colour of an architecture or baseline, as #RRGGBB."""
    return NAMED.get(name) or OTHERS[_number(name) % len(OTHERS)]


def dash(name: str) -> str:
    """The dash of its lines, in plotly's notation."""
    return DASHES[_number(name) % len(DASHES)]


def symbol(name: str) -> str:
    """The symbol of its points, in plotly's notation."""
    return SYMBOLS[_number(name) % len(SYMBOLS)]


def _number(name: str) -> int:
    """Its place among the named ones; for others a number that depends only on the name."""
    return list(NAMED).index(name) if name in NAMED else zlib.crc32(name.encode())
