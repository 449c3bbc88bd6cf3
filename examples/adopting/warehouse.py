"""The warehouse that you already have. Its shape differs from the contract, and you cannot change it."""


class Warehouse:
    """Allocates articles to picks. It knows a pick by its reference, and neither owners nor tombstones."""

    def __init__(self, stock: dict[str, int]) -> None:
        self.stock = stock
        self.picks: dict[str, dict[str, int]] = {}

    async def allocate(self, reference: str, articles: dict[str, int]) -> dict[str, int]:
        """Allocate all articles or none. The same reference allocates once. Returns what is missing, by article."""
        if reference in self.picks:
            return {}
        missing = {name: self.stock.get(name, 0) for name, n in articles.items() if self.stock.get(name, 0) < n}
        if not missing:
            self.picks[reference] = articles
            for name, pieces in articles.items():
                self.stock[name] -= pieces
        return missing

    async def free(self, reference: str) -> None:
        """Give the articles of a pick back. A reference that is not known frees nothing."""
        for name, pieces in self.picks.pop(reference, {}).items():
            self.stock[name] += pieces
