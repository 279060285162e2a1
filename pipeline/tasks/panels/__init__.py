"""Panels: many series in one table, each scaled by its own training rows, learned by one network."""
