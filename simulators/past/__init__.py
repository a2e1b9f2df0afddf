"""Days that never were: a past for a simulated site, with seasons, feasts, weather, outages and warnings."""
