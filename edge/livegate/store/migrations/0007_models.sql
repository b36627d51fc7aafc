-- The models that judged at the last start that was recorded: what differs at the next one is told.
CREATE TABLE model_told (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    version TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    source TEXT NOT NULL
) STRICT, WITHOUT ROWID;
