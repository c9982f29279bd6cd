"""Who is told when something is due, and how it reaches them. Knows neither tickets nor clocks."""
