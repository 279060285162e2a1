"""Code shared by kinds of tasks: files, columns, audits, scores, calibration."""
