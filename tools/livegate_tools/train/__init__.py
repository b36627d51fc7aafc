"""Training of the face network: samples and augmentation, network and loss, the loop, export and card."""
