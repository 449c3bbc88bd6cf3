CREATE TABLE stock (
    sku TEXT COLLATE "C" PRIMARY KEY,
    loaded BIGINT NOT NULL,
    on_hand BIGINT NOT NULL CHECK (on_hand >= 0),
    reserved BIGINT NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    shipped BIGINT NOT NULL DEFAULT 0 CHECK (shipped >= 0),
    CHECK (on_hand + reserved + shipped = loaded)
);

CREATE TABLE reservation (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reservation_id TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'released', 'consumed', 'refused')),
    items TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE INDEX reservation_order ON reservation (order_id);

CREATE TABLE reservation_sku (
    sku TEXT COLLATE "C" NOT NULL,
    reservation_id TEXT NOT NULL,
    PRIMARY KEY (sku, reservation_id)
);
