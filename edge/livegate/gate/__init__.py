"""The gate: access policy. Pure functions over what the store read."""
