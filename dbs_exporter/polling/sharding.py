"""Which of several exporters polls what: rendezvous hashing, so that one more shard moves only its own share.

It owns the assignment and nothing else. The call quota belongs to an account and region, so these are what shards divide: a
region is read by one shard alone, with its plans.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

from dbs_exporter.config.values import external_url
from dbs_exporter.errors import ConfigError
from dbs_exporter.facts.subjects import Scope

MOST_SHARDS = 1000
"""Each region is weighed against every shard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The place of this process among `total` equal ones; `index` counts from 0.

    `url` is where the page of each is served, with `{shard}` for its number; None if that is not known.
    """

    index: int = 0
    total: int = 1
    url: str | None = None

    @property
    def pages(self) -> tuple[str, ...]:
        """Return the URL of the page of each shard, "" where it is not known."""
        return tuple((self.url or "").replace("{shard}", str(index)) for index in range(self.total))

    def owns_region(self, scope: Scope) -> bool:
        """Return whether this shard polls and exports a region of an account."""
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


def parse_shard(shard: str, total_shards: int, url: str | None = None) -> Shard:
    """`--shard` and `--total-shards`: a number from 0, or a name that ends in one, as StatefulSets name their pods; `--shard-url`.

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
    if url is not None:
        if "{shard}" not in url:
            raise ConfigError(
                f"--shard-url: {url!r} is the same for all; https://dbs-{{shard}}.example/ would be right"
            )
        try:
            external_url(url.replace("{shard}", str(index)))
        except ValueError as error:
            raise ConfigError(f"--shard-url: {error}") from None
    return Shard(index=index, total=total_shards, url=url)
