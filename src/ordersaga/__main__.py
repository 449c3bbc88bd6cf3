"""`python -m ordersaga` is the command `ordersaga`."""

from ordersaga.cli import main

if __name__ == "__main__":
    main()
