"""One update or one gradient of a run, number by number: the chain of its partial derivatives."""
