"""`python -m jiying` is the same as the command `jiying`."""

from jiying.config.cli import main

if __name__ == "__main__":
    main()
