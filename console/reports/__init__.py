"""Reports of days, weeks and months: what they hold, and how they become pages on a screen and on paper."""
