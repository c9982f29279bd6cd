"""The verbs of alerts: raise, deliver, see, acknowledge, send again."""
