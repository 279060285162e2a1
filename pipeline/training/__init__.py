"""How a network is trained: set-up, loop, batches, initializers, clipping, and checkpoints."""
