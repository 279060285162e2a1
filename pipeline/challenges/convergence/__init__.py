"""Slow and unsteady training, error surfaces, and free-running predictions."""
