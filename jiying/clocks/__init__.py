"""Calendars, standards and clocks: every promise of the platform, whoever makes it. Subjects are kind and id only."""
