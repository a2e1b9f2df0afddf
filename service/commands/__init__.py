"""One module a command of the yinding command line."""
