"""Time series and records; the only place that speaks SQL."""
