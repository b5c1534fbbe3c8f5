"""What goes on when nobody waits at the page: offline comparisons, webhooks."""
