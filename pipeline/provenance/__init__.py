"""From a champion back to its data: verified, reconciled with MLflow, restored from snapshots, pruned."""
