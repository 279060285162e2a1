"""Inspect a user's file: its columns, the obstacles to training on it, and the settings that read it."""
