"""What is measured of trained networks: scores with their intervals."""
