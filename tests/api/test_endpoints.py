"""Region to host."""

from __future__ import annotations

import pytest

from dbs_exporter.api.endpoints import REGIONS, endpoint_url
from dbs_exporter.errors import ConfigError


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("cn-hangzhou", "dbs-api.cn-hangzhou"),
        ("cn-beijing", "dbs-api.cn-hangzhou"),
        ("us-east-1", "dbs-api.cn-hangzhou"),
        ("cn-shenzhen-finance-1", "dbs-api.cn-hangzhou"),
        ("cn-shenzhen-finance", "dbs-api.cn-hangzhou"),
        ("cn-zhangjiakou", "dbs-api.cn-zhangjiakou"),
        ("cn-wulanchabu", "dbs-api.cn-wulanchabu"),
        ("eu-central-1", "dbs-api.eu-central-1"),
        ("ap-southeast-1", "dbs-api.ap-southeast-1"),
        ("mars-north-1", "dbs-api.cn-hangzhou"),
    ],
)
def test_public_hosts(region: str, host: str) -> None:
    """Regions that share a host, regions with their own, and one the table does not know."""
    assert endpoint_url(region) == f"https://{host}.aliyuncs.com"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("cn-hangzhou", "dbs-api-vpc.cn-hangzhou"),
        ("us-east-1", "dbs-api-vpc.us-east-1"),
        ("cn-shanghai-finance", "dbs-api-vpc.cn-shanghai-finance-1"),
    ],
)
def test_vpc_hosts(region: str, host: str) -> None:
    """Inside a VPC every region has its own host."""
    assert endpoint_url(region, network="vpc") == f"https://{host}.aliyuncs.com"


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.filterwarnings("ignore")  # the vendor's own
def test_the_table_agrees_with_the_official_sdk(region: str) -> None:
    """Where the SDK knows a region, the host is the same; the exceptions are the SDK's known errors."""
    client = pytest.importorskip("alibabacloud_dbs20190306.client")
    models = pytest.importorskip("alibabacloud_tea_openapi.models")
    sdk = client.Client(models.Config(access_key_id="a", access_key_secret="b", region_id=region))
    known = dict(sdk._endpoint_map)
    if region == "cn-wulanchabu":
        assert region not in known
    elif region == "cn-zhangjiakou":
        assert known[region] == "dbs-api.cn-hangzhou.aliyuncs.com"
    else:
        assert endpoint_url(region) == f"https://{known[region]}"


@pytest.mark.parametrize(
    ("override", "url"),
    [
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("http://127.0.0.1:8765/", "http://127.0.0.1:8765"),
        ("https://dbs.example", "https://dbs.example"),
        ("dbs.example:8443", "https://dbs.example:8443"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_an_override_wins(override: str, url: str) -> None:
    """An endpoint of one's own goes before the table, whatever the region and network."""
    assert endpoint_url("cn-hangzhou", network="vpc", override=override) == url


@pytest.mark.parametrize(
    "override",
    [
        "ftp://a",
        "http://",
        "http://a/path",
        "http://a?b=c",
        "http://a#b",
        "http://a:port",
        "http://a:99999",
        "http://a b",
    ],
)
def test_a_wrong_override_is_refused(override: str) -> None:
    """What is no scheme://host[:port] is refused with an example of what is."""
    with pytest.raises(ConfigError, match=r"http://127\.0\.0\.1:8765"):
        endpoint_url("cn-hangzhou", override=override)


def test_a_password_in_an_override_is_not_shown() -> None:
    """User and password in the address are refused, and not repeated."""
    with pytest.raises(ConfigError) as caught:
        endpoint_url("cn-hangzhou", override="http://user:hunter2@host")

    assert "hunter2" not in str(caught.value)


def test_an_unknown_network_is_refused() -> None:
    """There are two networks."""
    with pytest.raises(ConfigError, match="public or vpc"):
        endpoint_url("cn-hangzhou", network="lan")
