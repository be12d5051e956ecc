"""Rates of boards before the real promtool, with samples as far apart as the chart scrapes."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import yaml
from support.programs import tool
from support.rule_fixtures import ROOT

from dashboards.source.queries import boards, queries

SCRAPED_EACH = yaml.safe_load((ROOT / "helm" / "dbs-exporter" / "values.yaml").read_text(encoding="utf-8"))[
    "serviceMonitor"
]["interval"]
LABELS = 'account="a",region="r",outcome="success",operation="o",field="f",job="backup",instance="i",le="%s"'


def rates() -> dict[str, str]:
    """Panel -> its query with Grafana's interval for a data source that names none, of all that ask for a rate."""
    return {
        f"{board}: {query.panel} {query.ref_id}": query.expression
        for board, content in boards().items()
        for query in queries(board, content)
        if re.search(r"(?:rate|increase)\(", query.expression)
    }


def test_a_rate_has_data_at_the_interval_that_the_chart_scrapes(tmp_path: Path) -> None:
    """Each query with a rate returns something where Grafana's data source stands at 15 s and samples are a minute apart."""
    found = rates()
    counters = {
        counter for query in found.values() for counter in re.findall(r"\w+_(?:total|bucket)\b", query)
    }
    test = {
        "interval": SCRAPED_EACH,
        "input_series": [
            {"series": f"{counter}{{{LABELS % le}}}", "values": "0+60x30"}
            for counter in counters
            for le in ("1", "+Inf")
        ] + [{"series": 'dbs_exporter_build_info{job="backup",instance="i"}', "values": "1x30"}],
        "promql_expr_test": [
            {"expr": f"count({query}) > bool 0", "eval_time": "20m30s", "exp_samples": [{"labels": "{}", "value": 1}]}
            for query in found.values()
        ],
    }  # fmt: skip
    path = tmp_path / "rates.test.yml"
    path.write_text(json.dumps({"rule_files": [], "tests": [test]}), encoding="utf-8")

    done = subprocess.run(
        [tool("promtool"), "test", "rules", str(path)], capture_output=True, text=True, check=False
    )

    assert len(found) >= 7
    assert done.returncode == 0, done.stdout + done.stderr
