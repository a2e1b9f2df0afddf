"""Bollard controllers that are PLCs: Modbus/TCP on one side, the contract on the other."""
