"""The store: what the terminal remembers and what it still has to tell, in one SQLite file."""

from livegate.store.begin import open_for_edit, open_store
from livegate.store.reading import Counts, StoreReader
from livegate.store.store import Store
from livegate.store.transaction import Transaction

__all__ = ["Counts", "Store", "StoreReader", "Transaction", "open_for_edit", "open_store"]
