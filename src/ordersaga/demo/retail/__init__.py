"""Turns the CSV export of a real shop's till into orders."""

from ordersaga.demo.retail.lines import Reason, RejectedLine
from ordersaga.demo.retail.reader import RetailFileError, RetailOrder, read_retail, read_retail_file, stock_needed
from ordersaga.demo.retail.samples import example_order_file, sample_orders
from ordersaga.demo.retail.tally import Tally

__all__ = [
    "Reason",
    "RejectedLine",
    "RetailFileError",
    "RetailOrder",
    "Tally",
    "example_order_file",
    "read_retail",
    "read_retail_file",
    "sample_orders",
    "stock_needed",
]
