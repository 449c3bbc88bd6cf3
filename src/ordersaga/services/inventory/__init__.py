"""Stock, and reservations of it.

For every SKU on_hand + reserved + shipped = loaded, always; the tables refuse anything else. A reservation stays held,
and its pieces count as reserved, until the warehouse reports that the goods have left (the event `consumed`) or until
it is released. Nothing consumes it by itself: a parcel that is booked but not collected is still in the warehouse.
"""
