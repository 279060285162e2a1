"""Slow and unsteady training, error surfaces, and predictions that are fed back."""
