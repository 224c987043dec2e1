"""The raters as whom the attacker signs in."""

PASSWORD = "a passphrase for the bench"


def email(number: int) -> str:
    return f"rater{number}@example.org"
