"""Stock: what is on hand, what open orders hold, and who gets the last unit."""
