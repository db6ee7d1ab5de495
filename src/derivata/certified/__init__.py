"""Leave-one-out that says how far it may be off: one Newton step, checked by exact refits."""
