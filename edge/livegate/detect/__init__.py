"""Detection: one picture in, faces with class probabilities out."""
