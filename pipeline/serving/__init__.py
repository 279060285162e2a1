"""How a trained network answers requests."""
