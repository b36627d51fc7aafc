"""Whose word this terminal takes: keys, signed envelopes, the keyset, and the moment they are judged at.

Nothing here touches the store; files are read and made only where keys lie.
"""
