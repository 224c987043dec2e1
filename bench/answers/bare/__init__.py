"""The yardstick: the least that a Django application does to show an image and take a grade; none of our rules."""
