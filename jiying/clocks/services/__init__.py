"""The verbs of the clocks floor: keep (fold and store), fire (due points), causes, calendars and standards."""
