"""Reviews: files, near copies, splits by groups, tokens."""
