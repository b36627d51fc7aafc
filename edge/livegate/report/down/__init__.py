"""What comes down from the centre: one file a kind of message, found by :mod:`livegate.report.down.inbox`."""
