"""What runs behind the queues: one loop, its guards, and a file or folder per worker the operator can name."""
