"""Conversion: an exported ONNX network to 8-bit integers and to TensorFlow Lite, and proof that they agree."""
