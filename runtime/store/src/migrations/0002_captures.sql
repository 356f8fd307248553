-- What the sources of a run, or one of its wires, gave for some time.
CREATE TABLE captures (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- The wire that it was taken on, as JSON; of the sources where there is none.
    of_wire TEXT,
    taken_ms INTEGER NOT NULL,
    -- How long after the start of the run it began.
    began_ms INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    num_rows INTEGER NOT NULL,
    num_bytes INTEGER NOT NULL,
    -- 1 where it had reached the most that is kept.
    is_full INTEGER NOT NULL
) STRICT;

CREATE INDEX captures_by_project ON captures (project, id);

CREATE TABLE capture_tracks (
    capture INTEGER NOT NULL REFERENCES captures (id) ON DELETE CASCADE,
    -- The node that gave it.
    node TEXT NOT NULL,
    -- When it gave what, as JSON.
    moments TEXT NOT NULL,
    PRIMARY KEY (capture, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE capture_rows (
    id INTEGER PRIMARY KEY,
    capture INTEGER NOT NULL REFERENCES captures (id) ON DELETE CASCADE,
    node TEXT NOT NULL,
    -- The output port, by its place.
    port INTEGER NOT NULL,
    -- The batches of that port, as an Arrow IPC stream.
    batches BLOB NOT NULL
) STRICT;

CREATE INDEX capture_rows_by_capture ON capture_rows (capture);
