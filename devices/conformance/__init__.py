"""The conformance kit: plays the service against one device, clause by clause of the contract."""
