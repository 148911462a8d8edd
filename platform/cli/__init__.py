"""What a person sees and types: flags, console, tables, interrupts, commands to copy."""
