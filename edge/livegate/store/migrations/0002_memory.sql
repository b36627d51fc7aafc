-- row_check(...) and key_id(what, key) are functions of ours (store/rows.py), known to every writing connection. What
-- an attempt asks for has the number of key_id for its key: so each look-up is through few and small pages.

-- The three small tables the door hangs on carry a checksum of each row.
ALTER TABLE credential RENAME TO credential_before;
CREATE TABLE credential (
    id INTEGER PRIMARY KEY,
    pseudonym TEXT NOT NULL,
    kind TEXT NOT NULL,
    valid_from_s REAL,
    valid_until_s REAL,
    label TEXT,
    schedule TEXT,
    zones TEXT NOT NULL DEFAULT '[]',
    duress INTEGER NOT NULL DEFAULT 0,
    row_check INTEGER NOT NULL
) STRICT;
INSERT INTO credential
    SELECT key_id(kind, pseudonym), pseudonym, kind, valid_from_s, valid_until_s, label, NULL, '[]', 0,
        row_check(key_id(kind, pseudonym), pseudonym, kind, valid_from_s, valid_until_s, label, NULL, '[]', 0)
    FROM credential_before;
DROP TABLE credential_before;

ALTER TABLE list_entry RENAME TO list_entry_before;
CREATE TABLE list_entry (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    source TEXT NOT NULL,
    action TEXT NOT NULL,
    reason TEXT NOT NULL,
    until_s REAL,
    row_check INTEGER NOT NULL
) STRICT;
INSERT INTO list_entry
    SELECT key_id(kind, value), kind, value, source, action, reason, until_s,
        row_check(key_id(kind, value), kind, value, source, action, reason, until_s)
    FROM list_entry_before;
DROP TABLE list_entry_before;

-- A lockout outlives itself until forget_ns, so that the next one of the key is longer. id is key_id(rule, key).
ALTER TABLE lockout RENAME TO lockout_before;
CREATE TABLE lockout (
    id INTEGER PRIMARY KEY,
    rule TEXT NOT NULL,
    key TEXT NOT NULL,
    until_ns INTEGER NOT NULL,
    length_ns INTEGER NOT NULL,
    forget_ns INTEGER NOT NULL,
    row_check INTEGER NOT NULL
) STRICT;
INSERT INTO lockout
    SELECT key_id(rule, key), rule, key, until_ns, 0, until_ns,
        row_check(key_id(rule, key), rule, key, until_ns, 0, until_ns)
    FROM lockout_before;
DROP TABLE lockout_before;
CREATE INDEX lockout_forget ON lockout (forget_ns);

-- What one key did lately under one rule: the moments packed into one row, so that keys are rows.
CREATE TABLE window (
    id INTEGER PRIMARY KEY,
    seen INTEGER NOT NULL,
    moments BLOB NOT NULL
) STRICT;
INSERT INTO window
    SELECT key_id(rule, key), seen_of(max(at_ns)), moments(at_ns) FROM occurrence GROUP BY rule, key;
CREATE INDEX window_seen ON window (seen);
DROP TABLE occurrence;

-- Spoof media by the signature of their first sighting. No number is given twice: who has read up to one asks for those
-- above it.
CREATE TABLE media (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    signature BLOB NOT NULL,
    first_ns INTEGER NOT NULL,
    last_ns INTEGER NOT NULL,
    first_s REAL NOT NULL,
    last_s REAL NOT NULL,
    times INTEGER NOT NULL
) STRICT;
CREATE INDEX media_last ON media (last_ns);

-- Which side of the door a credential was last let through to; at_ns in running time.
CREATE TABLE presence (
    id INTEGER PRIMARY KEY,
    inside INTEGER NOT NULL,
    at_ns INTEGER NOT NULL
) STRICT;

-- What the background check found damaged, told once each.
CREATE TABLE damage (
    place TEXT PRIMARY KEY,
    found_s REAL NOT NULL
) STRICT, WITHOUT ROWID;
