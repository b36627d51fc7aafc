"""What each cue, and a second opinion, adds to the others and costs: on presentations that no fit has seen."""
