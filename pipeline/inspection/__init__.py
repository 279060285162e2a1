"""What a person's file is: its columns, what stands in the way of training on it, and the settings that read it."""
