"""The host of each region, as a table of its own: the SDK's map is wrong for some and lacks `vpc`.

This module owns names only; it resolves and connects nothing. Sources: the vendor's public endpoint list of 2024-11, its
OpenAPI metadata, and the map inside its official SDK, in that order where they disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from dbs_exporter.errors import ConfigError

_SHARED = "dbs-api.cn-hangzhou.aliyuncs.com"
"""The host of many regions; the parameters Region and RegionId choose the region, not the host."""

_SHARED_REGIONS = (
    "cn-beijing",
    "cn-hangzhou",
    "cn-hangzhou-finance",
    "cn-hongkong",
    "cn-qingdao",
    "cn-shanghai",
    "cn-shanghai-finance-1",
    "cn-shenzhen",
    "cn-shenzhen-finance-1",
    "us-east-1",
    "us-west-1",
)
_OWN_REGIONS = (
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-5",
    "cn-chengdu",
    "cn-huhehaote",
    "cn-wulanchabu",
    "cn-zhangjiakou",
    "eu-central-1",
    "eu-west-1",
    "me-east-1",
)
# The reference of 2020 writes two finance regions without the suffix that they have in the endpoint lists.
_ALIASES = {
    "cn-shanghai-finance": "cn-shanghai-finance-1",
    "cn-shenzhen-finance": "cn-shenzhen-finance-1",
}

PUBLIC_HOSTS: Mapping[str, str] = {
    **dict.fromkeys(_SHARED_REGIONS, _SHARED),
    **{region: f"dbs-api.{region}.aliyuncs.com" for region in _OWN_REGIONS},
}
"""The public host of each region."""

REGIONS: tuple[str, ...] = tuple(sorted(PUBLIC_HOSTS))
"""Every region of the table; DBS may serve others, at the shared host."""


def endpoint_url(region: str, *, network: str = "public", override: str | None = None) -> str:
    """Return the base URL of DBS for a region, without a trailing slash; `override` replaces the table's.

    A region that is not in the table gets the shared host, which the vendor's metadata names as the global endpoint.
    `network` is "public" or "vpc". Raises ConfigError for any other network, and for an override that is no base URL.
    """
    if override:
        return _checked(override)
    known = _ALIASES.get(region, region)
    if network == "vpc":
        return f"https://dbs-api-vpc.{known}.aliyuncs.com"
    if network != "public":
        raise ConfigError(f"network: {network!r} is not known; public or vpc would be right")
    return f"https://{PUBLIC_HOSTS.get(known, _SHARED)}"


def _checked(url: str) -> str:
    """Return the override as scheme://host[:port]; a host without a scheme means https."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or port == -1
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
        or any(character.isspace() for character in url)
    ):
        raise ConfigError(
            f"endpoint: {_without_userinfo(url)!r} cannot be used; scheme://host[:port] with http or https would be "
            "right, for example http://127.0.0.1:8765"
        )
    return f"{parts.scheme}://{parts.netloc}"


def _without_userinfo(url: str) -> str:
    """Return the URL for a message, without the part before an @, which may hold a password."""
    head, at, tail = url.rpartition("@")
    return f"{head.split('://')[0]}://…@{tail}" if at and "://" in head else tail
