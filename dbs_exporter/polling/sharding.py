"""Which of several exporters polls what: rendezvous hashing, so that one more shard moves only its own share.

It owns the assignment and nothing else. A plan belongs to one shard by its id; the facts of a whole region (gateways, node
networks, supported regions) belong to one shard by account and region. Every shard reads the plan lists, since only they say
which plans there are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

from dbs_exporter.errors import ConfigError
from dbs_exporter.facts.subjects import Scope

MOST_SHARDS = 1000
"""Each plan is weighed against every shard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The place of this process among `total` equal ones; `index` counts from 0."""

    index: int = 0
    total: int = 1

    def owns_plan(self, plan_id: str) -> bool:
        """True if this shard polls and exports the plan."""
        return owner(plan_id, self.total) == self.index

    def owns_region(self, scope: Scope) -> bool:
        """True if this shard exports the facts of a region that belong to no single plan."""
        return owner(f"{scope.account}/{scope.region}", self.total) == self.index


def owner(key: str, total: int) -> int:
    """The shard, from 0 to total - 1, whose hash together with the key is the highest."""
    if total == 1:
        return 0
    encoded = key.encode()
    return max(
        range(total),
        key=lambda index: blake2b(encoded, digest_size=8, salt=index.to_bytes(16, "big")).digest(),
    )


def parse_shard(shard: str, total_shards: int) -> Shard:
    """`--shard` and `--total-shards`: a number from 0, or a name that ends in one, as StatefulSets name their pods.

    Raises ConfigError saying which flag is wrong and what would be right.
    """
    if not 1 <= total_shards <= MOST_SHARDS:
        raise ConfigError(
            f"--total-shards: {total_shards} is not a number of shards; 1 to {MOST_SHARDS} would be right"
        )
    found = re.fullmatch(r"(?:.+-)?([0-9]{1,6})", shard)
    if found is None:
        raise ConfigError(
            f"--shard: {shard!r} is neither a number nor a name that ends in one, such as dbs-exporter-0"
        )
    index = int(found[1])
    if index >= total_shards:
        raise ConfigError(
            f"--shard: {index} is outside 0 to {total_shards - 1}, which --total-shards={total_shards} allows"
            if total_shards > 1
            else f"--shard: {index} of one shard is none; 0 would be right, or more of --total-shards"
        )
    return Shard(index=index, total=total_shards)
