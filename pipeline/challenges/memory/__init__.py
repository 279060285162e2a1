"""How far back can a network be trained to look? Each architecture and two controls, on tasks with a lag."""
