"""What goes to MLflow: runs, models, and how to find a run from a result and back. It and serving alone use mlflow."""
