"""A whole simulated site on a clock of its own: for seeded runs that replay exactly."""
