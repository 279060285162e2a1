"""Series: files, times, windows, scaling and errors."""
