"""Rules, cases and plans: pure decisions over facts."""
