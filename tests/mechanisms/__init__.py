"""One file per mechanism: its equations on two to four firms, with numbers that can be checked by head."""
