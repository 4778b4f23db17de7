"""What a sweep found: columns with an entry for each run, and settings compared over their repeats."""
