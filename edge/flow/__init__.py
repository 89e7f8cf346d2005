"""Every bounded thing: rings, hubs, playlists, bridges between threads and the loop. No av, no HTTP."""
