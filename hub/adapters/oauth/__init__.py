"""Access tokens of vendors: our own token call and the coordinator that refreshes one credential once."""
