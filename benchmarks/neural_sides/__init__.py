"""Networks of derivata against other libraries: tables, peers, speed, cached results."""
