CREATE TABLE IF NOT EXISTS shipment (
    seq INTEGER PRIMARY KEY,
    shipment_id TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('created', 'shipped', 'delivered', 'cancelled', 'refused')),
    tracking_number TEXT,
    address TEXT NOT NULL,
    items TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS shipment_order ON shipment (order_id);
