"""What was kept, shown: the JSON interface that the command line and the page read."""
