"""The central block and allow lists: received, checked, applied whole, and asked by the decision thread.

``CentralLists`` is for readers, ``Receiver`` the one writer. Nothing here knows the network, the store or a key.
"""

from livegate.lists.chunks import parse_chunk
from livegate.lists.lookup import CentralLists
from livegate.lists.manifest import parse_manifest
from livegate.lists.receiver import Receiver
from livegate.lists.values import AppliedList, ListName, ListRefusal, Manifest, Progress, Refused

__all__ = [
    "AppliedList",
    "CentralLists",
    "ListName",
    "ListRefusal",
    "Manifest",
    "Progress",
    "Receiver",
    "Refused",
    "parse_chunk",
    "parse_manifest",
]
