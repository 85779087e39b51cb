"""A proxy in front of a live registry at which things go wrong.

Rule: it forwards and notes, and only a fault changes anything. Time is that of the machine.
"""

from __future__ import annotations

import time
from typing import Any

from occystrap.server.forward import Forward
from pytest_occystrap.faults.plan import FaultPlan
from pytest_occystrap.laying import Laying
from pytest_occystrap.ledger import Ledger
from pytest_occystrap.reach import Reach

__all__ = ["FaultProxy"]


class FaultProxy(Laying, Reach):
    """Stands in front of the registry at a URL, for any client.

    with FaultProxy("http://127.0.0.1:5000") as proxy:
        proxy.fault("GET blob: reset after=65536", times=2)
        subprocess.run(["skopeo", "copy", f"docker://{proxy.host}/org/app:1", ...])

    Token endpoints and storage are reached through it as well, so faults of `token` and `cdn` have
    where to strike. The options are those of `occystrap.server.forward.Forward`.

    Raises:
        occystrap.errors.InvalidOption: that is no URL of a registry.
    """

    def __init__(self, url: str, *, http2: bool = True, **options: Any) -> None:
        self.upstream = url
        self._forward = Forward(url, **{"other_origins": "through", **options})
        ledger = Ledger()
        self.faults = plan = FaultPlan(time.time, remark=ledger.remark)
        Laying.__init__(self, ledger)
        handler = ledger.watch(plan.cover(self._forward))
        Reach.__init__(self, handler, None, http2=http2, greet=plan.greeter())

    def close(self) -> None:
        """End every socket and client, and the connections to the registry."""
        super().close()
        self._forward.close()

    def __repr__(self) -> str:
        return f"FaultProxy({self.upstream!r}, {len(self.requests)} requests)"
