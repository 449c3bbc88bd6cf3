"""A proxy in front of services that makes chosen calls fail, and logs what it did.

    faults = [Fault(Kind.LOSE_RESPONSE, "charge", order_id="A-1")]
    async with FaultProxy(services_url, faults) as proxy:
        ...  # orders whose worker calls proxy.url instead of services_url
    assert proxy.log[0].status == 201  # the charge was made, but its answer was lost

`plan` draws faults from a seed. A kind of fault is a member of `Kind` and a function in ordersaga.stack.faults.acts.
"""

from ordersaga.stack.faults.fault import Fault, Fired, Kind
from ordersaga.stack.faults.plan import from_json, plan, to_json
from ordersaga.stack.faults.proxy import FaultProxy

__all__ = ["Fault", "FaultProxy", "Fired", "Kind", "from_json", "plan", "to_json"]
