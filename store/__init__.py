"""Time series and records on disk, and a bounded feed of what was committed.

The only package that speaks SQL. `embedded.Store` is the default: one SQLite file, nothing to
administer. One thread writes (the spine); any thread reads.
"""
