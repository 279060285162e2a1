"""Code shared by several challenges: training until solved, trained networks, a machine's limits."""

GUESSING = "guessing"  # a control's name among the architectures
