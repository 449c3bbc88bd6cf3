"""Real order lines, as a shop's till wrote them, turned into orders."""

from ordersaga.retail.lines import Reason, RejectedLine
from ordersaga.retail.reader import RetailFileError, RetailOrder, read_retail, read_retail_file, stock_needed
from ordersaga.retail.samples import sample_orders
from ordersaga.retail.tally import Tally

__all__ = [
    "Reason",
    "RejectedLine",
    "RetailFileError",
    "RetailOrder",
    "Tally",
    "read_retail",
    "read_retail_file",
    "sample_orders",
    "stock_needed",
]
