"""Jobs of several processes: how they run, one job at a time, and how what a kill leaves is repaired."""
