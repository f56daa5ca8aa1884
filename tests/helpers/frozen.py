"""Imported last by a process that forks: its objects are then no longer collected, here and in its children.

A collection writes into each object that it looks at. In a forked child that copies the memory of a million objects,
which takes 0.3 s.
"""

from __future__ import annotations

import gc

gc.collect()
gc.freeze()
