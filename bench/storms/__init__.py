"""A rater labels in a real browser while everything around fails, and what is left is held against what was given."""
