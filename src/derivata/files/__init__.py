"""Files that appear whole or not at all, locks, and the format of a saved model."""
