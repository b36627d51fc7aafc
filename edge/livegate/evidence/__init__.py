"""Evidence: pictures of attacks, kept on the terminal so that only the centre can open them. Off by default."""
