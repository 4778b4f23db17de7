"""The two numerics that a network can be computed in, native and portable.

`choice` lists the functions in which they differ; `portable` holds the portable ones. The native ones are
NumPy's and those of the files beside this folder.
"""
