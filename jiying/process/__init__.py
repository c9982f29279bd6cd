"""Maps of the real process: how tickets flow, where they wait, what comes back (I10, I12, I13)."""
