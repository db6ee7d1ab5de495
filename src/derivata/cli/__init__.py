"""The command line: ``derivata fit``, ``predict`` and ``demo``; see `derivata.cli.main`."""
