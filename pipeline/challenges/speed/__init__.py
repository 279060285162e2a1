"""What a training step costs: each architecture's core, in each way that it can be computed."""
