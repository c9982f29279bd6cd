"""People and plumbing for every feature: rights, journal, due rows, push, layout. It knows no tickets."""
