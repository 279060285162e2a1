"""HTML built from Python: everything that is not markup is escaped, so that no name or review can break a page."""

import re
import zlib
from collections.abc import Sequence

from markupsafe import Markup, escape

VOID = {"meta", "br", "col"}  # elements without an end tag


def tag(element: str, *children: object, **attributes: object) -> Markup:
    """One element: `tag("td", "a < b", class_="name")` is `<td class="name">a &lt; b</td>`.

    An underscore in an attribute's name becomes a hyphen, a trailing one is dropped; True gives an attribute without a
    value; None and False omit the attribute. Children that are None are omitted.
    """
    opening = Markup("<{}{}>").format(element, join(*(_attribute(name, value) for name, value in attributes.items())))
    return opening if element in VOID else join(opening, *children, Markup("</{}>").format(element))


def join(*children: object) -> Markup:
    """Several pieces, concatenated; None is omitted."""
    return Markup().join(escape(child) for child in children if child is not None)


def table(head: Sequence[object], rows: Sequence[Markup], caption: str, **attributes: object) -> Markup:
    """A table in a box that scrolls sideways, so that the page does not; rows are `<tr>` elements."""
    body = join(
        tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in head))),
        tag("tbody", *rows),
    )
    element = tag("table", body, **attributes)
    box = tag("div", element, class_="scroll", tabindex="0", role="region", aria_label=caption)
    return join(tag("p", caption, class_="caption"), box)


def prose(docstring: str) -> Markup:
    """Paragraphs of a docstring; indented blocks are preformatted, `names` are code."""
    blocks = [block for block in re.split(r"\n\s*\n", docstring.strip("\n")) if block.strip()]
    return join(*(_block(block) for block in blocks))


def slug(name: str) -> str:
    """A name in a form valid in an element's id; different names have different slugs."""
    clean = re.sub(r"[^A-Za-z0-9_-]+", "-", name)
    return clean if clean == name else f"{clean}-{zlib.crc32(name.encode()):08x}"


def _block(block: str) -> Markup:
    lines = block.split("\n")
    if all(line.startswith("    ") for line in lines):
        return tag("pre", "\n".join(line[4:] for line in lines))
    parts = re.split(r"`([^`]+)`", " ".join(line.strip() for line in lines))
    return tag("p", *(tag("code", part) if place % 2 else part for place, part in enumerate(parts)))


def _attribute(name: str, value: object) -> Markup | None:
    """An attribute; its value is always escaped, since HTML within an attribute is text."""
    if value is None or value is False:
        return None
    attribute = name.rstrip("_").replace("_", "-")
    return Markup(" {}").format(attribute) if value is True else Markup(' {}="{}"').format(attribute, str(value))
