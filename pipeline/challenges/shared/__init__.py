"""What several challenges use: training until a task is solved, trained networks, what a machine can do."""
