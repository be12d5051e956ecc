"""The fleet of a demo: a world that has troubles beside its incidents, so that it shows whatever can be wrong.

Some come while one watches. Other fleets have none of them, so that what is measured and tested on these stays what it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from dbs_exporter.simulator.fleet import LONG_RUNNING, Gateway
from dbs_exporter.simulator.incidents import LATER, TROUBLES
from dbs_exporter.simulator.past import HOUR
from dbs_exporter.simulator.world import World

REMOVED_GATEWAY_ID = 900_001


class TroubledWorld(World):
    """A world whose plans with even indices have the troubles, one each, as far as there are plans.

    `trouble_plans` maps each trouble to the id of its plan. The options are those of World, which has one account here.
    """

    def __init__(self, *, troubles: Iterable[str] = tuple(TROUBLES), **options: Any) -> None:
        super().__init__(**options)
        (account,) = self.accounts
        self.trouble_plans: dict[str, str] = {}
        self._removed: Gateway | None = None
        by_index = {spec.index: spec for spec in self._plans.values()}
        # Not those whose backups take the whole day; the first one has several databases, of which one can be missing.
        indices = iter(index for index in range(6, len(by_index), 2) if index not in LONG_RUNNING)
        for name in troubles:
            if name == "new_network":
                self.new_network_at = self.anchor + LATER[name]
                continue
            index = next(indices, None)
            if index is None:
                return
            spec = replace(
                by_index[index],
                incidents=frozenset({name}),
                weekdays=tuple(range(7)),
                start_minute=self._noon(),
            )
            if name == "no_objective":
                spec = replace(spec, has_log=False)
            elif name == "gone_gateway":
                self._removed = _gateway(account, spec.region, spec.created_at)
                spec = replace(spec, gateway_id=REMOVED_GATEWAY_ID, source_type="agent")
            self._plans[spec.plan_id] = spec
            self.trouble_plans[name] = spec.plan_id

    def story(self) -> list[tuple[float, str]]:
        """Return (seconds from the beginning, what happens then) of what is yet to come."""
        events = [
            (LATER[name], f"{TROUBLES[name]}: {self.name_of(self._plans[plan_id])}")
            for name, plan_id in self.trouble_plans.items()
            if name in LATER
        ]
        events.append((LATER["new_network"], TROUBLES["new_network"]))
        for plan_id in self.incident_plans.get("stuck_restore", ()):
            plan = self.name_of(self._plans[plan_id])
            events.append((HOUR, f"a restore of {plan} has not moved for an hour of being watched"))
        return sorted(events)

    def _noon(self) -> int:
        """Return the minute of the day twelve hours from the beginning: nothing that is made then hides what is shown."""
        return int(self.anchor // 60 + 720) % 1440

    def _listed(self) -> Gateway | None:
        is_gone = self.clock() >= self.anchor + LATER["gone_gateway"]
        return None if is_gone else self._removed

    def gateways(self, account: str, region: str) -> list[Gateway]:
        """Return the gateways of an account in a region, the removed one until it is gone."""
        removed = self._listed()
        of_region = super().gateways(account, region)
        return of_region if removed is None or removed.region != region else [*of_region, removed]

    def gateway(self, gateway_id: int) -> Gateway | None:
        """Return a gateway by its id, None if there is none."""
        removed = self._listed()
        return (
            removed
            if removed is not None and gateway_id == removed.gateway_id
            else super().gateway(gateway_id)
        )


def _gateway(account: str, region: str, created_at: int) -> Gateway:
    return Gateway(
        gateway_id=REMOVED_GATEWAY_ID,
        identifier="AgentRemoved",
        region=region,
        account=account,
        name=f"{region}-old",
        hostname=f"dbs-old-{region}",
        internet_ip="203.0.113.250",
        intranet_ip="10.250.0.250",
        created_at=created_at,
    )
