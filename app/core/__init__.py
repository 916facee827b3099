"""What every room may use: errors, money, identities, time, pages. No I/O, no import of ours."""
