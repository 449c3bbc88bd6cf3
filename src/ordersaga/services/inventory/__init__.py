"""Stock and its reservations.

For every SKU on_hand + reserved + shipped = loaded, always; the tables reject anything else. A reservation stays held,
and its pieces count as reserved, until the warehouse reports that the goods have left (the event `consumed`) or until
it is released. Nothing else consumes it: a parcel that is booked but not collected is still in the warehouse.
"""
