"""The only wiring: start, supervise, stop; the command line."""
