"""Do initialization and clipping matter? A factorial on new seeds."""
