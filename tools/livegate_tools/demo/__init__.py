"""The demonstration: the real daemon on recorded visits, with a broker, a console and a page on this machine."""
