"""The verbs of the terminal itself; the file's name is the verb."""
