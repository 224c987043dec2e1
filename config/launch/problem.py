"""What can go wrong on somebody's machine, told in one line."""


class Problem(Exception):
    """A fault that the person at the terminal can mend; its text is one line that says how."""
