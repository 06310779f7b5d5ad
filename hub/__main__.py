"""`python -P -m hub` is `hirewire`."""

from hub.cli import main

if __name__ == "__main__":
    main()
