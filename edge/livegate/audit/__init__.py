"""Proving a stream: nothing missing, nothing altered, and whose signatures vouch for it; an export's or a store's."""
