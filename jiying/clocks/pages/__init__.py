"""The pages of calendars and standards: what is promised, and in which hours."""
