"""What ends a command with a sentence instead of a traceback."""


class Complaint(RuntimeError):
    """What was asked for can't be done; the message says why and what to do."""
