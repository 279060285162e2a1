"""Settings of the serve command: how requests are batched, and how often the champion is looked for."""

from pydantic import Field

from pipeline.common import Settings


class Serve(Settings):
    """How the server answers requests."""

    largest_batch: int = Field(32, ge=1, le=4096)
    """Rows of texts, or windows of series, that are predicted together at most."""
    threads: int = Field(2, ge=1)
    """Batches that are predicted at once, each on one core."""
    longest_wait_ms: float = Field(2.0, ge=0, le=60_000)
    """Longest wait for further requests before a batch begins; a client that is alone never waits."""
    longest_queue: int = Field(512, ge=1)
    """Requests that may be open at once; others get 503 and are asked to retry."""
    look_seconds: float = Field(5.0, gt=0)
    """How often the server looks whether another version has become champion."""
    retry_seconds: float = Field(60.0, gt=0)
    """After how long a champion that could not be loaded is tried again."""
    drain_seconds: float = Field(0.0, ge=0)
    """How long requests are still accepted after SIGTERM, while /ready already answers 503."""
