"""Autobahn's conformance cases: a table of our own, and what the suite itself is run with."""
