"""`drill download`: brings the newest backup set of each plan out of DBS, and says where automatic downloads do not go.

It changes no rule of automatic downloads. The address of what was downloaded is never printed: whoever has it has the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from msgspec import Struct

from dbs_exporter.config.drill_file import DrillConfig
from dbs_exporter.drill.cloud import Cloud
from dbs_exporter.drill.listener import Listener
from dbs_exporter.drill.places import Source
from dbs_exporter.drill.points import choose_point
from dbs_exporter.drill.results import Report, Result, exit_code_of, shown_call
from dbs_exporter.drill.survey import chosen, some_titles, survey
from dbs_exporter.drill.waiting import Interrupted, TimedOut, Wait
from dbs_exporter.errors import ApiError, BadAnswer, CredentialsError, DrillError
from dbs_exporter.facts.downloads import DownloadTask, download_ended, download_history, read_download_task
from dbs_exporter.facts.fields import required_text
from dbs_exporter.facts.full_backups import FullBackup
from dbs_exporter.facts.log_backups import LogFile, read_log_file

LIST = "DescribeBackupSetDownloadTaskList"
RECENT_SECONDS = 20 * 3600.0
"""A download of the same set since then is the one that a killed run began, or this day's."""


class Listed(Struct, frozen=True, kw_only=True):
    """A download that the API lists, and of which file it is."""

    task: DownloadTask
    code: str
    """BackupSetCode: the name of a log file, else the id of the set."""


class Part(Struct, frozen=True, kw_only=True):
    """What is downloaded: a full backup, or a log file."""

    operation: str
    parameters: dict[str, object]
    set_id: str
    title: str
    size_bytes: int


class Planned(Struct, frozen=True, kw_only=True):
    """The downloads of a plan, and those that it had."""

    source: Source
    parts: tuple[Part, ...]
    listed: tuple[Listed, ...]


def download(
    cloud: Cloud, config: DrillConfig, listener: Listener, report: Report, *, plan_id: str | None = None
) -> None:
    """Fill the report with the downloads that were made, or in a dry run would be.

    Raises DrillError with every reason if any is refused, and ApiError or CredentialsError if the account cannot be read.
    """
    selected = chosen(cloud, survey(cloud, everywhere=False), plan_id)
    report.notes = list(_automatic(config, selected))
    downloads = _prepared(cloud, config, selected, plan_id)
    total = sum(part.size_bytes for planned in downloads for part in planned.parts)
    report.notes.append(
        f"{total / 2**30:,.1f} GiB; may cost money: traffic to the internet where the file is fetched from outside"
    )
    for note in report.notes:
        listener.on_line(note)
    report.results = [
        Result(
            plan_id=planned.source.plan.plan_id,
            plan_name=planned.source.plan.name,
            region=planned.source.region,
            backup_set_id=planned.parts[0].set_id,
            size_bytes=planned.parts[0].size_bytes,
            state="planned" if report.is_dry_run else "not_begun",
        )
        for planned in downloads
    ]
    for planned, result in zip(downloads, report.results, strict=True):
        if report.is_dry_run:
            for part in planned.parts:
                _show(report, listener, planned, part)
            continue
        _download(cloud, config, listener, report, planned, result)
        if not result.is_proven:
            break


def _automatic(config: DrillConfig, sources: Iterable[Source]) -> Iterable[str]:
    """Yield where automatic download is off, or goes elsewhere than the configuration says."""
    wanted = config.download
    unknown, off = [], []
    for source in sources:
        where = f"plan {source.title}: automatic download goes to"
        if source.download_automatic is None:
            unknown.append(source)
        elif not source.download_automatic:
            off.append(source)
        else:
            if wanted.gateway_id is not None and source.download_gateway_id != str(wanted.gateway_id):
                yield f"{where} gateway {source.download_gateway_id or 'none'}, not {wanted.gateway_id}"
            if wanted.directory is not None and source.download_directory != wanted.directory:
                yield f"{where} {source.download_directory or 'no directory'}, not {wanted.directory}"
    for words, found in (("is off", off), ("is not shown by the list", unknown)):
        if found:
            yield f"automatic download {words} for {len(found)} of the plans: {some_titles(found)}"


def _prepared(
    cloud: Cloud, config: DrillConfig, selected: Sequence[Source], plan_id: str | None
) -> list[Planned]:
    """Return what is to be downloaded of each plan. Raises DrillError with every reason against it."""
    listed = {source.plan.plan_id: _listed(cloud, source) for source in selected}
    ordered = sorted(
        selected,
        key=lambda source: (
            download_history(found.task for found in listed[source.plan.plan_id]).last_success_at or 0.0,
            source.plan.plan_id,
        ),
    )
    if plan_id is None and config.oldest is not None:
        ordered = ordered[: config.oldest]
    limits = config.limits
    problems = []
    if len(ordered) > limits.plans:
        problems.append(
            f"{len(ordered)} plans are selected, and limits.plans allows {limits.plans}; select fewer, or add oldest: {limits.plans}"
        )
    downloads: list[Planned] = []
    for source in ordered if not problems else ():
        parts = _parts(cloud, config, source)
        if isinstance(parts, str):
            problems.append(f"plan {source.title}: {parts}")
        else:
            downloads.append(Planned(source=source, parts=parts, listed=tuple(listed[source.plan.plan_id])))
    total = sum(part.size_bytes for planned in downloads for part in planned.parts)
    if total > limits.bytes:
        problems.append(f"the downloads have {total:,} bytes, and limits.bytes allows {limits.bytes:,}")
    if problems:
        raise DrillError(*problems)
    return downloads


def _listed(cloud: Cloud, source: Source) -> list[Listed]:
    records = cloud.pages(source.region, LIST, BackupPlanId=source.plan.plan_id)
    each = [cloud.fields(record) for record in records]
    return [Listed(task=read_download_task(fields), code=fields.text("BackupSetCode")) for fields in each]


def _parts(cloud: Cloud, config: DrillConfig, source: Source) -> tuple[Part, ...] | str:
    """Return what is downloaded of a plan, or why nothing can be."""
    point = choose_point(cloud, source, config.point if config.point.startswith("set:") else "full")
    if isinstance(point, str):
        return point
    parts = [_full_part(config, point.backup)]
    if config.download.log and source.plan.log_backup_enabled and (file := _newest_log(cloud, source)):
        parts.append(
            Part(
                operation="CreateIncrementBackupSetDownload",
                parameters={
                    "BackupSetId": file.job_id,
                    "BackupSetName": file.file_id,
                    "BackupSetDataFormat": config.download.format,
                },
                set_id=file.job_id,
                title=f"log file {file.file_id}",
                size_bytes=file.size_bytes or 0,
            )
        )
    return tuple(parts)


def _full_part(config: DrillConfig, backup: FullBackup) -> Part:
    return Part(
        operation="CreateFullBackupSetDownload",
        parameters={"BackupSetId": backup.backup_set_id, "BackupSetDataFormat": config.download.format},
        set_id=backup.backup_set_id,
        title=f"full backup {backup.backup_set_id}",
        size_bytes=backup.size_bytes or 0,
    )


def _newest_log(cloud: Cloud, source: Source) -> LogFile | None:
    """Return the newest closed log file whose job is known."""
    records = cloud.pages(source.region, "DescribeIncrementBackupList", BackupPlanId=source.plan.plan_id)
    files, _ = cloud.reader().each(records, read_log_file)
    closed = [
        file for file in files if file.status == "COMPLETED" and file.job_id and file.ended_at is not None
    ]
    return max(closed, key=attrgetter("ended_at"), default=None)


def _show(report: Report, listener: Listener, planned: Planned, part: Part) -> None:
    call = shown_call(part.operation, planned.source.region, part.parameters)
    report.calls.append(call)
    listener.on_call(call)


def _download(
    cloud: Cloud,
    config: DrillConfig,
    listener: Listener,
    report: Report,
    planned: Planned,
    result: Result,
) -> None:
    """Download what is planned of a plan, and fill its result."""
    try:
        for number, part in enumerate(planned.parts):
            task = _followed(cloud, config, listener, report, planned, part, result)
            if task.status != "finish":
                raise DrillError(
                    f"download task {task.task_id} of {part.title} failed ({task.status}):"
                    f" {task.error_message or 'the API gives no reason'}"
                )
            listener.on_line(f"download task {task.task_id}: {part.title} finished")
            if number == 0:
                result.created_at, result.finished_at = task.created_at, task.finished_at
                if task.created_at is not None and task.finished_at is not None:
                    result.duration_seconds = task.finished_at - task.created_at
        result.state = "proven"
    except TimedOut as error:
        result.state, result.message = "timed_out", f"{error}; it goes on in the cloud"
    except Interrupted:
        result.state, result.message = "interrupted", "the download goes on in the cloud"
    except DrillError as error:
        result.state, result.message = "failed", str(error)
    except (ApiError, CredentialsError) as error:
        result.state, result.message, result.exit_code = "failed", str(error), exit_code_of(error)
    except (KeyboardInterrupt, SystemExit):
        result.state, result.message = "interrupted", "the download goes on in the cloud"
        raise


def _followed(
    cloud: Cloud,
    config: DrillConfig,
    listener: Listener,
    report: Report,
    planned: Planned,
    part: Part,
    result: Result,
) -> DownloadTask:
    """Create a download, or take the one that an earlier run created, and follow it to its end."""
    region = planned.source.region
    begun = _begun(cloud, planned, part)
    if begun is not None:
        task_id, result.is_followed = begun.task_id, True
        listener.on_line(f"download task {task_id} of an earlier run is followed: {part.title}")
    else:
        _show(report, listener, planned, part)
        answer = cloud.write(region, part.operation, part.parameters)
        task_id = required_text(answer, "BackupSetDownloadTaskId")
        listener.on_line(f"download task {task_id}: {part.title}")
    result.task_id = result.task_id or task_id

    def ask() -> DownloadTask:
        records = cloud.pages(region, LIST, BackupSetDownloadTaskId=task_id)
        if not records:
            raise BadAnswer(f"download task {task_id} is not listed", operation=LIST)
        return read_download_task(cloud.fields(records[0]))

    return Wait(
        cloud.clock,
        f"download task {task_id}",
        ask,
        download_ended,
        still=config.limits.stage_timeout,
        altogether=config.limits.timeout,
    ).run()


def _begun(cloud: Cloud, planned: Planned, part: Part) -> DownloadTask | None:
    """Return the download of the same set that runs, or that worked within the last hours."""
    name = str(part.parameters.get("BackupSetName", part.set_id))
    for found in planned.listed:
        task = found.task
        is_same = (task.backup_set_id, task.data_format) == (
            part.set_id,
            part.parameters["BackupSetDataFormat"],
        )
        is_recent = (task.created_at or 0.0) > cloud.now() - RECENT_SECONDS
        goes_on = not download_ended(task) or task.status == "finish"
        if task.way != "auto" and is_same and found.code in ("", name) and is_recent and goes_on:
            return task
    return None
