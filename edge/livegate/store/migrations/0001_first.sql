-- "LGAT": tells our file from any other database.
PRAGMA application_id = 1279738196;

-- One row. anchor_*: the event before the oldest kept one; dropped_*: the hole that full storage tore, if any.
CREATE TABLE stream (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    stream TEXT NOT NULL,
    predecessor TEXT,
    anchor_sequence INTEGER NOT NULL,
    anchor_chainhash BLOB NOT NULL,
    acknowledged_through INTEGER NOT NULL DEFAULT 0,
    acknowledged_by TEXT,
    dropped_through INTEGER NOT NULL DEFAULT 0,
    dropped_counts TEXT NOT NULL DEFAULT '{}',
    dropped_chainhash_before BLOB,
    dropped_chainhash_after BLOB,
    capacity_percent INTEGER NOT NULL DEFAULT 0
) STRICT;

-- One row: whom the daemon speaks for, so that the command line can write events without a configuration.
CREATE TABLE terminal (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    site TEXT NOT NULL,
    terminal TEXT NOT NULL,
    firmware TEXT NOT NULL,
    door TEXT NOT NULL,
    history_events INTEGER NOT NULL,
    when_full TEXT NOT NULL
) STRICT;

-- Running time is time spent switched on, summed over all boots: what windows and lockouts are measured in.
CREATE TABLE boot (
    boot_id TEXT PRIMARY KEY,
    first_monotonic_ns INTEGER NOT NULL,
    first_running_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE running (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    running_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE event (
    sequence INTEGER PRIMARY KEY,
    chainhash BLOB NOT NULL,
    kind TEXT NOT NULL,
    running_ns INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE credential (
    pseudonym TEXT NOT NULL,
    kind TEXT NOT NULL,
    valid_from_s REAL,
    valid_until_s REAL,
    label TEXT,
    PRIMARY KEY (pseudonym, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE list_entry (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    source TEXT NOT NULL,
    action TEXT NOT NULL,
    reason TEXT NOT NULL,
    until_s REAL,
    PRIMARY KEY (kind, value, source)
) STRICT, WITHOUT ROWID;

-- What a limit counted; at_ns in running time.
CREATE TABLE occurrence (
    rule TEXT NOT NULL,
    key TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    PRIMARY KEY (rule, key, at_ns)
) STRICT, WITHOUT ROWID;

CREATE TABLE lockout (
    rule TEXT NOT NULL,
    key TEXT NOT NULL,
    until_ns INTEGER NOT NULL,
    PRIMARY KEY (rule, key)
) STRICT, WITHOUT ROWID;
