"""The Common Alerting Protocol 1.2 (OASIS): how warning centres speak to one another."""
