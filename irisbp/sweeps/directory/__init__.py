"""The directory of a sweep: its place, its files, and how they are written and read."""
