"""Portable numerics: the same bits on every machine with IEEE 754 double precision.

Only operations that the standard requires to be correctly rounded are used, + - * / and square roots, beside
exact ones (comparisons, scaling by powers of two, integers), and sums have a fixed order. The functions that
libraries round differently are made from these: the exponential and logarithm in `elementary` (from the
`tables`), sums and products of matrices in `sums`, the activations in `activations`, normal draws in `draws`.
"""
