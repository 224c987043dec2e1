"""What the bench of exports is made of: a large study as rows, a client, and a look at memory."""
