"""Events: what Livegate tells, in which form, and how one is bound to the next. Values only; no I/O."""
