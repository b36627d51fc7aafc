-- What a broken or missing file took with it and nobody has accepted yet: while there is a row, the door stays shut.
-- It may be there already: the store that begins after a damage notes it in the form the damaged file had.
CREATE TABLE IF NOT EXISTS memory_lost (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What tells a key again without telling it: whether a key file that was lost may be made anew.
CREATE TABLE key_check (
    name TEXT PRIMARY KEY,
    digest BLOB NOT NULL
) STRICT, WITHOUT ROWID;
