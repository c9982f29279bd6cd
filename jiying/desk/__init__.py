"""The desk: customers, tickets, messages, triage, routing, collaboration."""
