"""The training loop as machine code, written for one structure of network and optimizer at a time.

`structure` says what code is written for, `code` and `functions` are what it is written with, `loop` is the
loop itself, `objects` compiles, keeps and loads it. `engines/compiled` and `engines/compiled_ensemble` run
it. Only `code`, `functions`, `loop` and `objects` need llvmlite; they are imported when code is asked for.
"""
