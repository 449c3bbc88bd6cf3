CREATE TABLE IF NOT EXISTS fence (
    id TEXT NOT NULL,
    op TEXT NOT NULL CHECK (op IN ('do', 'undo')),
    written_by TEXT NOT NULL CHECK (written_by IN ('do', 'undo')),
    request_hash TEXT,
    state TEXT NOT NULL CHECK (state IN ('started', 'done', 'nothing')),
    answer TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (id, op)
);
