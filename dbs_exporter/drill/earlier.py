"""Restores that the API remembers of a plan: which are drills, which still run, and which left data on a destination."""

from __future__ import annotations

import json
from contextlib import suppress

from msgspec import Struct

from dbs_exporter.config.drill_file import DestinationConfig
from dbs_exporter.drill.cloud import Cloud
from dbs_exporter.drill.naming import TaskName, parse_task_name
from dbs_exporter.drill.places import Source
from dbs_exporter.facts.prechecks import read_precheck
from dbs_exporter.facts.records import Fields
from dbs_exporter.facts.restores import RestoreTask, read_restore_task, restore_ended

NOT_STARTED = frozenset({"init", "check_pass"})
STARTED = frozenset({"running", "stop", "pause", "finish"})


class Earlier(Struct, frozen=True, kw_only=True):
    """A restore task of a plan, and where its data went · DescribeRestoreTaskList."""

    task: RestoreTask
    plan_id: str
    region: str
    host: str
    port: str
    gateway_id: str
    objects: str
    directory: str = ""

    def name_for(self, destination: DestinationConfig) -> TaskName | None:
        """Return its name if it is a drill to that destination."""
        return parse_task_name(self.task.name, self.plan_id, destination.name)

    def goes_to(self, destination: DestinationConfig) -> bool:
        """Return whether its data goes to that destination."""
        if destination.instance_id:
            return self.task.destination_instance_id == destination.instance_id
        return (
            self.host == destination.host
            and self.port == str(destination.port)
            and self.gateway_id == str(destination.gateway_id or "")
        )

    def restored(self) -> tuple[str, ...]:
        """Return its directory, or the names of its databases at the destination; () where they cannot be read."""
        if self.directory:
            return (self.directory,)
        with suppress(ValueError, AttributeError, TypeError, KeyError):
            return tuple(str(entry.get("NewDBName") or entry["DBName"]) for entry in json.loads(self.objects))
        return ()


def read_earlier(fields: Fields, source: Source) -> Earlier:
    """Read a restore task of a plan · DescribeRestoreTaskList, Items.RestoreTaskDetail."""
    host, _, port = fields.text("DestinationEndpointIpPort").rpartition(":")
    return Earlier(
        task=read_restore_task(fields),
        plan_id=source.plan.plan_id,
        region=source.region,
        host=fields.text("DestinationEndpointHost") or host,
        port=fields.text("DestinationEndpointPort") or port,
        gateway_id=fields.gateway_id("BackupGatewayId"),
        objects=fields.text("RestoreObjects"),
        directory=fields.text("RestoreDir"),
    )


def restores_of(cloud: Cloud, source: Source) -> list[Earlier]:
    """Return all restore tasks of a plan, oldest first. Raises BadAnswer for one that cannot be read."""
    records = cloud.pages(source.region, "DescribeRestoreTaskList", BackupPlanId=source.plan.plan_id)
    found = [read_earlier(cloud.fields(record), source) for record in records]
    return sorted(found, key=lambda earlier: (earlier.task.created_at or 0.0, earlier.task.task_id))


def is_started(task: RestoreTask) -> bool:
    """Return whether somebody has started a task; of a status that no document lists its progress decides."""
    return task.status in STARTED or restore_ended(task) or any(ratio > 0 for _, ratio in task.progress)


def may_go_on(cloud: Cloud, earlier: Earlier) -> bool:
    """Return whether a task has not ended and can still be started; one whose pre-check failed cannot."""
    if restore_ended(earlier.task):
        return False
    if earlier.task.status not in NOT_STARTED:
        return True
    task_id = earlier.task.task_id
    answer = cloud.read(earlier.region, "DescribePreCheckProgressList", RestoreTaskId=task_id)
    precheck = read_precheck(answer, "restore_task", task_id, cloud.reader())
    return precheck is None or precheck.status != "failed"
