"""The store as a specification: nothing doubled, nothing lost, missing is never zero."""
