"""What all networks share, so that they differ only in their architecture."""

from pydantic import Field

from pipeline.common import Settings


class Model(Settings):
    """Embedding and regularisation, the same for every architecture."""

    embedding: int = Field(32, gt=0)
    """Width of the embedding of a token, or of a patch of numbers, before it is mapped to the core's own width."""
