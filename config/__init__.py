"""The site file: schema, loading, checking, and example sites."""
