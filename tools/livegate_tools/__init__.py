"""The workshop: simulate, train, evaluate, bench, console and demo. The terminal never imports it."""
