"""What is logged to MLflow: runs, models, and the links between runs and results."""
