"""The payment provider's SDK, as far as you use it: amounts in minor units, and an idempotency key for each request."""


class CardDeclined(Exception):
    """The provider's way to decline."""


class Provider:
    """Charges cards. A repeated key gets the first charge."""

    def __init__(self) -> None:
        self.charges: dict[str, int] = {}
        """Minor units that are charged, by key."""

    async def charge(self, key: str, minor_units: int, card: str) -> None:
        """Charge a card once for this key. Raises CardDeclined."""
        if card == "card_empty":
            raise CardDeclined("insufficient funds")
        self.charges.setdefault(key, minor_units)

    async def refund(self, key: str) -> bool:
        """Give a charge back, all of it. Returns False if there is none."""
        return self.charges.pop(key, None) is not None
