"""Code shared by services: abstention, times and numbers of requests, profiles of data."""
