"""What every rung above uses: configuration, errors, plug-ins, noise, precision, memory, files."""
