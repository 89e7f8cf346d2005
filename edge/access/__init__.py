"""Who may do what: tokens and their scopes; which peers' forwarded addresses count."""
