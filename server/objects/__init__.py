"""What is kept as files: in the data folder, or in a bucket that several servers share."""
