"""What all parts share: settings, paths and names. `Settings` is one section of params.yaml."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


class InputError(ValueError):
    """A user's mistake: reported in one line, without a traceback."""


class Mistakes(InputError):
    """Every mistake in a file, in one message: each with its place, what was given and what is accepted."""

    def __init__(self, mistakes: Sequence[str], file: object = "params.yaml"):
        self.mistakes = list(mistakes)
        many = f"{len(self.mistakes)} mistakes:" + "".join(f"\n  {mistake}" for mistake in self.mistakes)
        super().__init__(f"{file}: {many if len(self.mistakes) > 1 else self.mistakes[0]}")


class Settings(BaseModel):
    """A section of params.yaml: unknown keys and wrong types are errors, and values are frozen.

    The sentence under each field is its help (`pipeline params` prints it).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
