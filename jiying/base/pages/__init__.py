"""Pages of base: frame, sign-in, people, health."""
