"""Blobs under '/'-separated keys, the same on a folder and on Azure Blob; the only package that imports azure."""

from restyle.storage.keys import check_key, check_prefix
from restyle.storage.open import open_store
from restyle.storage.protocol import BlobInfo, Store
from restyle.storage.timeouts import Timeouts

__all__ = ["BlobInfo", "Store", "Timeouts", "check_key", "check_prefix", "open_store"]
