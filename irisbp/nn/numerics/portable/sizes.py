"""The sizes at which portable code changes its way, for speed; the results are the same to the bit."""

FEW_NUMBERS = 12
"""Arrays of up to this many entries are computed faster one number after the other."""
FEW_RESULTS = 400
"""Up to this many results are faster with one call for all terms than with a call for each term."""
AT_ONCE = 4096
"""The number of products kept before they are summed: they fit into the processor's cache."""
