"""What kinds of tasks share: files, columns, audits, scores, calibration."""
