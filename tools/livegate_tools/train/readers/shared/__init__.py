"""What several readers need: values, sources of frames, boxes, checks of the layout."""
