"""The deck's claims, each beside what a correct experiment shows."""
