"""Output for people: lines, tables and the live view."""
