"""The model that MLflow logs and serves."""
