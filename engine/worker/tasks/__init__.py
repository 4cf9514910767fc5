"""The tasks that a job can name, one a file."""
