"""What the OpenNI2 driver is made of: the library's C interface, its devices, its pictures."""
