"""The numbers: a network, its gradient and its updates, in NumPy alone.

The files of this folder define the parts: network, activations, losses, backprop, initializers, random,
schedules, optimizers. `numerics` computes them in two ways, native and portable; `engines` trains with them,
one run or many side by side; `codegen` writes the training loop as machine code for the compiled engines.

Nothing here prints, knows the config or reads a file, except the cache of compiled code, and nothing here
imports the rest of irisbp. Compiled code needs llvmlite, which is imported when code is asked for.
"""
