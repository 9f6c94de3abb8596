"""`python -m smbsim` is `smbsim`."""

from .cli import main

main()
