"""How a network is trained: set up, the loop, its batches, first weights, clipping, and checkpoints."""
