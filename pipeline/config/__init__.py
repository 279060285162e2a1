"""What every part agrees on: settings, places and names. `Settings` is one section of params.yaml."""

from pydantic import BaseModel, ConfigDict


class InputError(ValueError):
    """A mistake in what a person wrote: told in one line, without a traceback."""


class Settings(BaseModel):
    """A section of params.yaml: unknown keys and wrong types are errors, values never change.

    The sentence under each field is its help (`pipeline params` prints it).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
