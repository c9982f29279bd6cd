"""The ways between customers and the desk. First room: the customer's own page of a ticket (portal, D19)."""
