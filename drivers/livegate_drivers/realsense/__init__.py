"""What the RealSense driver is made of: the SDK, where a device comes from, its streams and settings, its pictures."""
