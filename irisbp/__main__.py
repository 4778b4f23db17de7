"""`python -m irisbp` is the same as `irisbp`."""

from irisbp.cli import main

if __name__ == "__main__":
    main()
