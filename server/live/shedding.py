"""How often the tail of the network may run, from how far the scores are behind."""

HOPS = (8, 16, 32)  # frames between two window embeddings: 0.32, 0.64, 1.28 s


class Shedding:
    """Fewer window embeddings while a session falls behind, more once it has kept up for a while.

    Values in, values out: the caller brings the clock. A step up needs `behind_s` of lag, a step
    down `calm_s` without more than `caught_up_s`; after each step the lag gets `settle_s` to show
    its effect. The two limits are apart so that it does not swing between two steps.
    """

    def __init__(
        self,
        behind_s: float = 0.8,
        caught_up_s: float = 0.5,
        calm_s: float = 5.0,
        settle_s: float = 0.5,
    ) -> None:
        if not 0 <= caught_up_s < behind_s:
            raise ValueError(f"need 0 <= caught_up_s < behind_s, got {caught_up_s=}, {behind_s=}")
        self._behind_s = behind_s
        self._caught_up_s = caught_up_s
        self._calm_s = calm_s
        self._settle_s = settle_s
        self._step = 0
        self._stepped_s = float("-inf")
        self._calm_since_s: float | None = None

    @property
    def hop(self) -> int:
        """Frames from one window embedding to the next."""
        return HOPS[self._step]

    def update(self, lag_s: float, now_s: float) -> int:
        """Note the lag of the newest score; return the hop from now on."""
        if lag_s > self._caught_up_s:
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = now_s
        if lag_s > self._behind_s and now_s - self._stepped_s >= self._settle_s:
            self._go(min(self._step + 1, len(HOPS) - 1), now_s)
        elif self._calm_since_s is not None and now_s - self._calm_since_s >= self._calm_s:
            self._go(max(self._step - 1, 0), now_s)
        return self.hop

    def _go(self, step: int, now_s: float) -> None:
        self._step = step
        self._stepped_s = now_s
        self._calm_since_s = None
