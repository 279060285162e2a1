"""Do initialization and clipping matter? A factorial on fresh seeds."""
