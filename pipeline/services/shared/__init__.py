"""What services share: abstention, the clock and numbers of requests, profiles of data."""
