"""How far back can a network learn to look? Each architecture and two controls, on tasks with a lag."""
