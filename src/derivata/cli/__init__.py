"""The command line: ``derivata fit``, ``predict``, ``summary``, ``demo``; see `cli.main`."""
