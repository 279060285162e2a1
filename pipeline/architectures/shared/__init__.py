"""What architectures share: recurrent and parallel-scan parts, saved networks, settings."""
