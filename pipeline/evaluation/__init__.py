"""Scores of trained networks and baselines on a test split, with their intervals."""
