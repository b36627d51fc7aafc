"""The kernel's Video4Linux2 interface, for the drivers that read cameras by it."""
