"""Which network is the champion: challenger and champion judged on the gate split, each decision kept as a file."""
