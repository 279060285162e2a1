"""Blends: the weighted sum of several models' outputs; an ensemble is that of one network's seeds, in equal parts."""
