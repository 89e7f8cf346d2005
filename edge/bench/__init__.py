"""`edge bench`: measures on the user's own host what it can carry, and says it in words."""
