"""HTTP API, live feed, accounts and the web app."""
