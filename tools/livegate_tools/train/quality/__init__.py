"""``livegate train quality``: the quality gate's limits and the turn of a head, from pictures of people."""
