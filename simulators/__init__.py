"""Simulated field: real sockets, real protocols, known truth."""
