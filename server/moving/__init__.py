"""All that is kept, taken to another database and, if wanted, to a bucket."""
