-- One row: what is trusted. anchor: the root key in the configuration; root: the one in force after roll-overs;
-- payload: the newest keyset as that root signed it, empty while there is none; version: the next one must be above it.
CREATE TABLE keyset (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    anchor BLOB NOT NULL,
    root BLOB NOT NULL,
    version INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT;

-- Keys that never count again, whatever a later keyset says; roots that were replaced are among them.
CREATE TABLE revoked_key (
    keyid TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Messages that must not work twice, kept until the floor of time has passed their end.
CREATE TABLE nonce (
    nonce TEXT PRIMARY KEY,
    expires_s REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX nonce_expires ON nonce (expires_s);

-- One row: the latest moment known to be past, Unix seconds.
CREATE TABLE time_floor (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    floor_s REAL NOT NULL
) STRICT;
