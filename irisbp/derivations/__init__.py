"""The derivative of an expression: in symbols, in numbers, and as a chain of partial derivatives."""
