"""The numbers in portable arithmetic: the same bits on every machine with IEEE 754 double precision.

Only operations that the standard has rounded correctly are used, + - * / and square roots, beside exact
ones (comparisons, scaling by powers of two, integers), and sums are formed in an order that is written
down. What a machine's libraries round as they like is made from these: the exponential and logarithm in
`elementary`, sums and products of matrices in `sums`.
"""
