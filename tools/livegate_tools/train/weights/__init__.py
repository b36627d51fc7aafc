"""Train the cues whose numbers come from trained weights: one learner module a cue, found by the cue's name."""
