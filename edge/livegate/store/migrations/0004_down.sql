-- What came down from the centre and is to be kept.

-- A command for the door: accepted, and waiting for the decision thread. accepted_ns is this process's monotonic clock:
-- rows of another process are dropped at start.
CREATE TABLE pending_command (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    nonce TEXT NOT NULL UNIQUE,
    verb TEXT NOT NULL,
    keyid TEXT NOT NULL,
    correlation TEXT,
    accepted_ns INTEGER NOT NULL
) STRICT;

-- One row while the centre keeps the door locked; by: the nonce of the command that asked.
CREATE TABLE door_lock (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    since_s REAL NOT NULL,
    by TEXT NOT NULL
) STRICT;

-- One row: the desired configuration in force, as it was signed; digest is the SHA-256 of its payload.
CREATE TABLE twin (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    keyid TEXT NOT NULL,
    digest BLOB NOT NULL,
    settings TEXT NOT NULL
) STRICT;

-- An operator's verdict on a past attempt.
CREATE TABLE label (
    attempt_id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    label TEXT NOT NULL,
    pai_species TEXT,
    keyid TEXT NOT NULL,
    said_s REAL NOT NULL
) STRICT;

-- The highest version ever applied of each central list: an older one is not taken again, whatever became of its file.
CREATE TABLE list_floor (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Where Home Assistant was told of this terminal: what must be taken back when that is switched off.
CREATE TABLE announced (
    topic TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
