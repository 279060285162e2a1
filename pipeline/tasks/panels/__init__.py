"""Panels: many series in one table, each scaled by its own training rows, for one network."""
