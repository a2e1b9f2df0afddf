"""The words of the trade: levels, readings, zones, cases, orders, receipts, time. No I/O lives here."""
