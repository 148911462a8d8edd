"""Numbers of things, in words."""


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where that is right: "1 trial", "2 trials", "no trials"."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
