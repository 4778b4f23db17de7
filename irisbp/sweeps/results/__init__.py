"""The results of a sweep: columns with an entry for each run, and settings compared over their repeats."""
