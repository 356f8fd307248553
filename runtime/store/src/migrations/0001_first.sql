PRAGMA application_id = 1298951282;

CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    -- The pipeline file's text as it is now.
    text TEXT NOT NULL,
    -- Grows with each save.
    version INTEGER NOT NULL,
    -- Where relative paths start.
    folder TEXT,
    -- How many of the steps are done; the rest are undone.
    cursor INTEGER NOT NULL,
    num_nodes INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE steps (
    project INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    -- The step as JSON: label, edits forward, edits backward.
    step TEXT NOT NULL,
    PRIMARY KEY (project, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE revisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    saved_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX revisions_by_project ON revisions (project, id);

CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    -- running, done, stopped, failed.
    state TEXT NOT NULL,
    -- The last metrics as JSON.
    metrics TEXT
) STRICT;

CREATE INDEX runs_by_project ON runs (project, id);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    -- JSON.
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
