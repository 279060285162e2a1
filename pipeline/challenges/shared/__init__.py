"""What several challenges use: training until a task is solved, trained networks, what a machine can do."""

GUESSING = "guessing"  # the name that a control has among the architectures
