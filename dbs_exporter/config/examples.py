"""An example for each section of the configuration's reference. Each is a piece that stands in a file as it is; tests load them all."""

from __future__ import annotations

from collections.abc import Mapping

EXAMPLES: Mapping[str, str] = {
    "accounts[]": """
accounts:
  - name: prod
    regions: [cn-hangzhou, cn-shanghai]
    network: vpc
    requests_per_second: 10
  - name: test
    regions: all
""",
    "accounts[].credentials": """
accounts:
  - name: prod
    regions: [cn-hangzhou]
    credentials:
      type: access_key
      access_key_id: ${ALIBABA_CLOUD_ACCESS_KEY_ID}
      access_key_secret: ${ALIBABA_CLOUD_ACCESS_KEY_SECRET}
  - name: other
    regions: [cn-beijing]
    credentials:
      type: ram_role_arn
      access_key_id: ${ALIBABA_CLOUD_ACCESS_KEY_ID}
      access_key_secret: ${ALIBABA_CLOUD_ACCESS_KEY_SECRET}
      role_arn: acs:ram::1234567890123456:role/dbs-exporter
""",
    "accounts[].plans (patterns)": """
accounts:
  - name: prod
    regions: [cn-hangzhou]
    plans:
      include: ["orders-*", "billing-*"]
      exclude: ["*-test"]
""",
    "collectors": """
collectors:
  billing: {enabled: true}
  gateways: {interval: 2m}
  full_backups: {interval: 5m, at_rest: 2h}
""",
    "collectors.NAME (of regions and accounts)": """
collectors:
  nodes: {interval: 6h}
""",
    "collectors.NAME (of plans)": """
collectors:
  restores: {interval: 2m, at_rest: 1h}
  downloads: {enabled: false}
""",
    "objectives[]": """
objectives:
  - plans: ["orders-*"]
    rpo: 5m
    restore_time: 1h
    restore_test_interval: 90d
  - plans: ["dbs1h6s7xxxxxxxx"]
    alerts: off
    alerts_until: 2026-12-24T22:00+08:00
  - plans: ["*"]
    full_backup_interval: 8d
""",
    "objectives[].labels": """
objectives:
  - plans: ["orders-*"]
    labels: {owner: li.wei, team: payments-dba, tier: gold}
""",
    "objectives[].maintenance[]": """
objectives:
  - plans: ["orders-*"]
    maintenance:
      - {cron: "30 1 * * sat", duration: 3h, zone: Asia/Shanghai, reason: storage moves}
      - {from: 2026-12-24T22:00, to: 2026-12-25T06:00, zone: Asia/Shanghai, reason: new version}
""",
    "metrics": """
metrics:
  exclude: ["dbs_plan_billing_*"]
  inactive_states: false
""",
    "web": """
web:
  listen_addresses: ["127.0.0.1:10033", "[::1]:10033"]
  external_url: https://ops.example/dbs/
""",
    "storage": """
storage:
  path: /var/lib/dbs-exporter
""",
    "log": """
log:
  level: warning
  format: json
""",
}
"""Title of a section -> YAML."""
