CREATE TABLE IF NOT EXISTS stock (
    sku TEXT PRIMARY KEY,
    loaded BIGINT NOT NULL,
    on_hand BIGINT NOT NULL CHECK (on_hand >= 0),
    reserved BIGINT NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    shipped BIGINT NOT NULL DEFAULT 0 CHECK (shipped >= 0),
    CHECK (on_hand + reserved + shipped = loaded)
);

CREATE TABLE IF NOT EXISTS reservation (
    seq INTEGER PRIMARY KEY,
    reservation_id TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'released', 'consumed', 'refused')),
    items TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS reservation_order ON reservation (order_id);

CREATE TABLE IF NOT EXISTS reservation_sku (
    sku TEXT NOT NULL,
    reservation_id TEXT NOT NULL,
    PRIMARY KEY (sku, reservation_id)
);
