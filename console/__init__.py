"""HTTP API, live feed, accounts, and the web page for the monitoring room."""
