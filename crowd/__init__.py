"""From pictures to people per square metre: estimator, sight, ground, zones."""
