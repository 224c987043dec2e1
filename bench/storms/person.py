"""Who labels in a storm."""

EMAIL = "storm@example.org"
PASSWORD = "a passphrase for the storm"
