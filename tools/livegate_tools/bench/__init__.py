"""How long each stage takes on this machine, how much memory the daemon needs, how soon it is ready."""
