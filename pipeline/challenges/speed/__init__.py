"""The cost of a training step: each architecture's core, in each of its implementations."""
