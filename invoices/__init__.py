"""The room of invoices: their workflow, the people, the outbox and the event log."""
