"""The server: requests answered together, a champion exchanged while it serves, numbers for operators."""
