"""Jobs of several processes: how they run, that they run alone, and what a kill may leave behind."""
