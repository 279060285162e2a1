"""Code shared by baselines."""
