"""What each remedy changes on every challenge."""
