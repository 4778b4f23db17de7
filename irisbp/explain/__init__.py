"""Where a gradient comes from: its chain of partial derivatives, and the same derivative by other ways."""
