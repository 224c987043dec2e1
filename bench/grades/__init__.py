"""What the bench of accuracy measures on: drawn selfies with their simulated panel, and real photographs."""
