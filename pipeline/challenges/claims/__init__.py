"""The deck's claims, each compared with a correct experiment."""
