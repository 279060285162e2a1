"""What every part agrees on: settings, places and names. `Settings` is one section of params.yaml."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


class InputError(ValueError):
    """A mistake in what a person wrote: reported in one line, without a traceback."""


class Mistakes(InputError):
    """All that is wrong in a file, in one message: each mistake with its place, what came and what is accepted."""

    def __init__(self, mistakes: Sequence[str], file: object = "params.yaml"):
        self.mistakes = list(mistakes)
        many = f"{len(self.mistakes)} mistakes:" + "".join(f"\n  {mistake}" for mistake in self.mistakes)
        super().__init__(f"{file}: {many if len(self.mistakes) > 1 else self.mistakes[0]}")


class Settings(BaseModel):
    """A section of params.yaml: unknown keys and wrong types are errors, values never change.

    The sentence under each field is its help (`pipeline params` prints it).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
