"""The command line and the terminal: flags, console, tables, interrupts, commands to copy."""
