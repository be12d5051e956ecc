"""A simulated fleet in which every condition of plans, tasks, gateways and networks holds, for what runbooks ask of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dbs_exporter.simulator import World
from dbs_exporter.simulator.answering import READS
from dbs_exporter.simulator.replies import Answer, Params
from dbs_exporter.simulator.tasks import Download, Restore

HOUR, DAY = 3_600.0, 86_400.0
ACCOUNT = "prod"
CONFIG = """
accounts:
  - name: {account}
    endpoint: {url}
    regions: all
    requests_per_second: 1000
    credentials: {{type: access_key, access_key_id: testak, access_key_secret: testsk}}
collectors:
  plans: {{interval: 2s}}
  gateways: {{interval: 2s}}
  nodes: {{interval: 2s, enabled: true}}
objectives:
  - plans: [{at_risk}]
    rpo: 1h
  - plans: [{late}]
    full_backup_interval: {late_after}s
  - plans: [{free}]
    restore_time: 4h
  - plans: [{slow}]
    restore_time: 30s
  - plans: ["*"]
    restore_time: 4h
    restore_test_interval: 100d
"""


class Fleet:
    """All incidents of the simulator, and what it has no incident for, by changes of plans, tasks and answers."""

    def __init__(self) -> None:
        self.world = World(seed=7, plans=60, accounts=(ACCOUNT,))
        self._now = time.time()
        troubled = {plan for plans in self.world.incident_plans.values() for plan in plans}
        healthy = [plan for plan in self.world.plan_ids(ACCOUNT) if plan not in troubled]
        specs = {plan: self.world.spec(plan) for plan in healthy}
        with_log = [plan for plan, spec in specs.items() if spec is not None and spec.has_log]
        self._free = [plan for plan in healthy if plan not in with_log]
        self._prepaid = [plan for plan in with_log if (spec := specs[plan]) is not None and spec.prepaid][:2]
        self._spare = iter([plan for plan in with_log if plan not in self._prepaid])
        self.at_risk, self.late = next(self._spare), next(self._spare)
        self._sets = {what: next(self._spare) for what in ("empty", "remark", "slow", "lacking")}
        self._download, self._gone, self._short = (next(self._spare) for _ in range(3))
        self._lost = next(
            str(spec.gateway_id)
            for spec in specs.values()
            if spec is not None and spec.gateway_id and spec.region == "ap-southeast-1"
        )
        self._has_changed = False
        self.world.set_log_enabled(self.at_risk, False, self._now - 52 * 60)
        self._end(self._prepaid[0], self._now - HOUR)
        self._end(self._prepaid[1], self._now + 10 * DAY)
        self.world.change_fields(self._free[0], {"BackupPeriod": "", "BackupStartTime": ""})
        self._add_tasks()
        self.slow = next(plan for plan in self._spare if self.world.restores(plan))

    def _end(self, plan: str, at: float) -> None:
        self.world.change_fields(plan, {"InstanceExpiredTimestamp": int(at * 1000)})

    def _add_tasks(self) -> None:
        def restore(number: int, created_at: float, **more: Any) -> None:
            # One that was restored before, since estimates go by that.
            plan = next(plan for plan in self._spare if self.world.restores(plan))
            self.world.add_restore(
                Restore(
                    task_id=f"s1task{number}", plan_id=plan, name=f"task-{number}", created_at=created_at,
                    kind="logical", continuous=True, target_at=created_at - HOUR, size_bytes=int(1e13), **more,
                )
            )  # fmt: skip

        now = self._now
        restore(1, now - 3.5 * HOUR, started_at=now - 3.5 * HOUR)
        restore(2, now - 2 * DAY, started_at=now - 2 * DAY, failed=True)
        restore(3, now - HOUR, fails_precheck=True)
        self.world.add_download(
            Download(
                task_id="d1stuck", plan_id=self._download, name="stuck", set_id="x", code="x",
                created_at=now - 2 * DAY, size_bytes=10**10,
            )
        )  # fmt: skip

    def configuration(self, url: str) -> str:
        """Return a configuration of the exporter that reads it, with objectives that some plans only just miss."""
        history = self.world.history(self.late)
        last = max(
            backup.finished_at
            for number in history.full_numbers()[-3:]
            if (backup := history.full(number)).finished_at is not None and backup.status == "finish"
        )
        name = self.world.name_of
        specs = {plan: self.world.spec(plan) for plan in (self.at_risk, self.late, self.slow, self._free[0])}
        names = {plan: name(spec) for plan, spec in specs.items() if spec is not None}
        return CONFIG.format(
            account=ACCOUNT, url=url, at_risk=names[self.at_risk], late=names[self.late],
            slow=names[self.slow], free=names[self._free[0]], late_after=int((self._now - last) / 0.95),
        )  # fmt: skip

    def change(self) -> None:
        """Do what only a change shows: a plan goes, one is weakened, a gateway goes, a network comes."""
        self._has_changed = True
        self.world.delete_plan(self._gone)
        self.world.change_fields(self._short, {"BackupRetentionPeriod": 1})

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Change the simulator's answers while this lasts."""
        with pytest.MonkeyPatch.context() as patch:
            for operation, change in (
                ("DescribeBackupPlanList", self._change_plans),
                ("DescribeFullBackupList", self._change_sets),
                ("DescribeBackupSetDownloadTaskList", self._change_downloads),
                ("DescribeBackupGatewayList", self._change_gateways),
                ("DescribeNodeCidrList", self._change_networks),
            ):

                def read(
                    world: World,
                    account: str,
                    params: Params,
                    read: Any = READS[operation],
                    change: Any = change,
                ) -> Answer:
                    answer: Answer = read(world, account, params)
                    change(params, answer)
                    return answer

                patch.setitem(READS, operation, read)
            yield

    def _change_plans(self, _params: Params, answer: Answer) -> None:
        for item in answer["Items"]["BackupPlanDetail"] if answer["Items"] else ():
            if item["BackupPlanId"] == self.at_risk:
                item["EnableBackupLog"] = True  # it is on, and nothing comes

    def _change_sets(self, params: Params, answer: Answer) -> None:
        what = {plan: what for what, plan in self._sets.items()}.get(params.get("BackupPlanId", ""))
        if what is None or not answer["Items"] or params.get("PageNum", "0") != "0":
            return
        newest = next(item for item in answer["Items"]["FullBackupFile"] if item["BackupStatus"] == "finish")
        if what == "empty":
            newest["BackupSize"] = 0
        elif what == "remark":
            newest["ErrMessage"] = "skipped 2 tables without a primary key"
        elif what == "slow":
            newest["StartTime"] -= int(30 * HOUR * 1000)
            newest["CreateTime"] = newest["StartTime"] - 1000
        else:
            newest["BackupObjects"] = json.dumps([{"DBName": "elsewhere"}])

    def _change_downloads(self, params: Params, answer: Answer) -> None:
        if params.get("BackupPlanId") == self._download:
            for item in answer["Items"]["BackupSetDownloadTaskDetail"]:
                if item["BackupSetDownloadTaskId"] == "d1stuck":
                    item["BackupSetDownloadStatus"] = "running"
                    item.pop("BackupSetDownloadFinishTime", None)

    def _change_gateways(self, params: Params, answer: Answer) -> None:
        if params["Region"] == "cn-shanghai":
            for item in answer["Items"]["BackupGateway"]:
                item["LastHeartbeatTime"] -= 7 * 60 * 1000
        elif params["Region"] == "ap-southeast-1" and self._has_changed:
            left = [
                item for item in answer["Items"]["BackupGateway"] if item["BackupGatewayId"] != self._lost
            ]
            answer |= {"Items": {"BackupGateway": left}, "TotalElements": len(left)}

    def _change_networks(self, params: Params, answer: Answer) -> None:
        if self._has_changed and params["Region"] == "cn-hangzhou":
            answer["InternetIPs"]["InternetIP"].append("192.0.2.0/28")
