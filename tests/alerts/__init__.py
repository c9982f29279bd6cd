"""Tests of the alerts floor."""
