-- A database of version 1 with something in every table. Never changed: later versions must open it.
PRAGMA application_id = 1298951282;
PRAGMA user_version = 1;
CREATE TABLE projects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    version INTEGER NOT NULL,
    folder TEXT,
    cursor INTEGER NOT NULL,
    num_nodes INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE steps (
    project INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
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
    state TEXT NOT NULL,
    metrics TEXT
) STRICT;
CREATE INDEX runs_by_project ON runs (project, id);
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO projects VALUES (7, 'Fleet', '{"format": 1, "name": "Fleet", "nodes": {}, "wires": []}' || char(10), 3, '/home/somebody/fleet', 1, 0, 1795000000000);
INSERT INTO steps VALUES (7, 0, '{"label":"Rename","forward":[{"edit":"set_name","name":"Rename"}],"backward":[{"edit":"set_name","name":"before"}]}');
INSERT INTO steps VALUES (7, 1, '{"label":"Rename again","forward":[{"edit":"set_name","name":"Rename again"}],"backward":[{"edit":"set_name","name":"before"}]}');
INSERT INTO revisions VALUES (4, 7, 'As agreed', '{}' || char(10), 1795000000001);
INSERT INTO runs VALUES (11, 7, 1795000000002, 1795000001502, 'done', '{"state":"done","elapsed_ms":1500,"failure":null,"nodes":{},"wires":[],"memory_bytes":0}');
INSERT INTO runs VALUES (12, 7, 1795000002000, NULL, 'running', NULL);
INSERT INTO settings VALUES ('theme', '"dark"');
