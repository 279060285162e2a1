"""A link of the chain that is broken: what was expected, and what is there."""

from pipeline.common import InputError


class Broken(InputError):
    """A broken link."""

    def __init__(self, place: str, expected: object, actual: object, advice: str = ""):
        super().__init__(f"broken link: {place}: expected {expected}, found {actual}{': ' if advice else ''}{advice}")


def same(place: str, expected: object, actual: object) -> None:
    """Raise Broken unless both are equal."""
    if expected != actual:
        raise Broken(place, expected, "none" if actual is None else actual)
