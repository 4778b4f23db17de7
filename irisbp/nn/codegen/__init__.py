"""The training loop as machine code, written for one structure of network and optimizer at a time.

`structure` defines the structures, `code` and `functions` are the means of writing, `loop` writes the loop,
`objects` compiles and loads it, `cache` keeps it. `engines.one.compiled` and `engines.many.compiled` run it.
Only `code`, `functions`, `loop` and `objects` need llvmlite; they are imported when code is asked for.
"""
