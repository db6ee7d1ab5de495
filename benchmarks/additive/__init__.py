"""Additive models of derivata against other libraries: tables, peers, their cached results."""
