"""`python -m courser`."""

from courser import main

main()
