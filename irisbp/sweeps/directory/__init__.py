"""The directory of a sweep: where it lies, what is written into it, and how it is read again."""
