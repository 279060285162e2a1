"""Which candidate is champion: challenger and champion are judged on the gate split; each decision is a file."""
