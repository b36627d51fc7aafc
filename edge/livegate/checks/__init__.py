"""What ``livegate check`` looks at; each check reads, none changes anything."""
