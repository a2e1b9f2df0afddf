"""ONVIF, as much as is needed: find cameras, ask one for its profiles and its streams' addresses."""
