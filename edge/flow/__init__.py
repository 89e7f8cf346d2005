"""Every bounded thing: rings, hubs, budgets, bridges between threads and the loop. No av, no HTTP."""
