"""Carries restores out, one after the other: create, wait for the pre-check, start, follow, verify, drop what is too old.

It ends at the first that fails. Nothing is deleted in the cloud: DBS has no operation that stops or deletes a restore.
"""

from __future__ import annotations

from collections.abc import Sequence
from shlex import join

from dbs_exporter.config.drill_file import DrillConfig
from dbs_exporter.drill.cloud import Cloud
from dbs_exporter.drill.earlier import Earlier, is_started, read_earlier, restores_of
from dbs_exporter.drill.hooks import RunCommand, environment_of
from dbs_exporter.drill.listener import Listener
from dbs_exporter.drill.preparing import CREATE, START, Prepared
from dbs_exporter.drill.results import Report, Result, exit_code_of, shown_call
from dbs_exporter.drill.waiting import Interrupted, TimedOut, Wait
from dbs_exporter.errors import (
    ApiError,
    BadAnswer,
    CredentialsError,
    DrillError,
    Invalid,
    ServerError,
    Timeout,
    Unreachable,
)
from dbs_exporter.facts.fields import error_message, item, required_text, text
from dbs_exporter.facts.prechecks import NOT_PASSED, Precheck, read_precheck
from dbs_exporter.facts.restores import RestoreTask, restore_duration, restore_ended, restore_succeeded

ABSENT_MOST = 5
"""Answers in a row in which a task may be missing: lists may be late."""
_UNCERTAIN = (ServerError, Timeout, Unreachable, BadAnswer)
"""Failures of a call after which nobody knows whether it was carried out."""


class Drill:
    """Carries out one restore; `result` holds what is known of it at any time."""

    def __init__(
        self,
        cloud: Cloud,
        config: DrillConfig,
        prepared: Prepared,
        report: Report,
        listener: Listener,
        run_command: RunCommand,
        verify: Sequence[str],
    ) -> None:
        self._cloud = cloud
        self._config = config
        self._prepared = prepared
        self._report = report
        self._listener = listener
        self._run_command = run_command
        self._verify = verify
        self._absent = 0
        self._is_asked = prepared.begun is not None
        """Whether there may be a task in the cloud."""
        self.result = planned_result(prepared)

    def run(self) -> Result:
        """Carry the restore out and return its result; what fails stands in it. KeyboardInterrupt and SystemExit pass."""
        result = self.result
        try:
            self._clean(beside=0)
            task_id = self._created()
            task = self._read(task_id)
            if not is_started(task):
                self._await_precheck(task_id)
                self._start(task_id)
            self._finish(self._followed(task_id))
        except TimedOut as error:
            result.state, result.message = "timed_out", f"{error}. {self._goes_on()}"
        except Interrupted:
            result.state, result.message = "interrupted", self._goes_on()
        except DrillError as error:
            result.state, result.message = "failed", str(error)
        except (ApiError, CredentialsError) as error:
            result.state, result.exit_code = "failed", exit_code_of(error)
            result.message = f"{error}. {self._goes_on()}" if self._is_asked else str(error)
        except (KeyboardInterrupt, SystemExit):
            result.state, result.message = "interrupted", self._goes_on()
            raise
        return result

    def _goes_on(self) -> str:
        """Return what goes on in the cloud now."""
        if not self.result.task_id:
            return f"Whether {CREATE} was carried out is not known; the next run looks for the task {self.result.task_name}"
        return (
            f"Restore task {self.result.task_id} ({self.result.task_name}) goes on in the cloud; run the same command again"
            " to follow it, or stop it in the console"
        )

    def _created(self) -> str:
        """Return the id of the task: of the one that an earlier run created, or of a new one."""
        prepared, result = self._prepared, self.result
        begun = prepared.begun
        if begun is None:
            self._listener.on_line(
                f"plan {prepared.source.title}: creating restore task {prepared.name.text}"
            )
            try:
                answer = self._write(CREATE, prepared.parameters)
                result.task_id = required_text(answer, "RestoreTaskId")
            except _UNCERTAIN as error:
                self._is_asked = True
                found = self._named()
                if found is None:
                    raise
                self._listener.on_line(f"{error}; but the task was created")
                result.task_id = found.task.task_id
        else:
            result.task_id = begun.task.task_id
            self._listener.on_line(
                f"plan {prepared.source.title}: task {begun.task.task_id} ({begun.task.name}) of an earlier run is followed"
            )
        self._is_asked = True
        return result.task_id

    def _named(self) -> Earlier | None:
        """Return the task of this drill's name, if the plan's list has it."""
        wanted = self._prepared.name.text
        found = [
            earlier
            for earlier in restores_of(self._cloud, self._prepared.source)
            if earlier.task.name == wanted
        ]
        return found[-1] if found else None

    def _write(self, operation: str, parameters: dict[str, object]) -> dict[str, object]:
        call = shown_call(operation, self._prepared.source.region, parameters)
        self._report.calls.append(call)
        self._listener.on_call(call)
        return self._cloud.write(self._prepared.source.region, operation, parameters)

    def _await_precheck(self, task_id: str) -> None:
        """Wait until the pre-check has passed. Raises DrillError with what it found."""
        region = self._prepared.source.region

        def ask() -> Precheck | None:
            answer = self._cloud.read(region, "DescribePreCheckProgressList", RestoreTaskId=task_id)
            found = read_precheck(answer, "restore_task", task_id, self._cloud.reader())
            if found is None and self._read(task_id).status == "check_pass":
                return Precheck(subject="restore_task", subject_id=task_id, status="finish", progress=None)
            return found

        self._listener.on_line(f"restore task {task_id}: waiting for the pre-check")
        precheck = Wait(
            self._cloud.clock,
            f"the pre-check of restore task {task_id}",
            ask,
            lambda found: found is not None and found.status in ("failed", "finish"),
            still=self._config.limits.precheck_timeout,
            altogether=self._config.limits.precheck_timeout,
        ).run()
        assert precheck is not None
        found = [
            f"{check.item} ({check.state}){f': {check.error_message}' if check.error_message else ''}"
            for check in precheck.items
            if check.state in NOT_PASSED
        ]
        if precheck.status == "failed":
            raise DrillError(f"the pre-check failed: {'; '.join(found) or 'the API does not say why'}")
        for line in found:
            self._listener.on_line(f"restore task {task_id}: the pre-check passed, with {line}")

    def _start(self, task_id: str) -> None:
        try:
            self._write(START, {"RestoreTaskId": task_id, "ClientToken": f"start-{task_id}"[-64:]})
        except _UNCERTAIN as error:
            if not is_started(self._read(task_id)):
                raise
            self._listener.on_line(f"{error}; but the task was started")
        except Invalid as error:
            raise DrillError(f"the start was refused: {error}") from None

    def _read(self, task_id: str) -> RestoreTask:
        """Return the task as it is listed now. Raises DrillError once it is gone."""
        region = self._prepared.source.region
        while True:
            records = self._cloud.pages(region, "DescribeRestoreTaskList", RestoreTaskId=task_id)
            if records:
                self._absent = 0
                return read_earlier(self._cloud.fields(records[0]), self._prepared.source).task
            self._absent += 1
            if self._absent >= ABSENT_MOST:
                raise DrillError(
                    f"restore task {task_id} is not listed any more; somebody may have deleted it"
                )
            if self._cloud.clock.sleep(10.0):
                raise Interrupted

    def _followed(self, task_id: str) -> RestoreTask:
        """Follow the task to its end."""
        limits = self._config.limits
        self.result.to_drop = self._prepared.restored
        self._listener.on_line(f"restore task {task_id}: running")
        return Wait(
            self._cloud.clock,
            f"restore task {task_id}",
            lambda: self._read(task_id),
            restore_ended,
            still=limits.stage_timeout,
            altogether=limits.timeout,
            on_answer=lambda task: self._listener.on_progress(task_id, task.progress),
        ).run()

    def _finish(self, task: RestoreTask) -> None:
        """Judge a task that has ended, then verify and clean up. Raises DrillError if the data did not come back."""
        result = self.result
        result.created_at, result.finished_at = task.created_at, task.finished_at
        result.duration_seconds = restore_duration(task)
        if not restore_succeeded(task):
            raise DrillError(f"restore task {task.task_id} failed: {self._reason(task)}")
        self._listener.on_line(f"restore task {task.task_id}: finished")
        if self._verify and (problem := self._hook(self._verify, ())):
            raise DrillError(f"the data came back, and did not stand the test: {problem}")
        result.state = "proven"
        self._clean(beside=1)

    def _reason(self, task: RestoreTask) -> str:
        """Return what the API says of a failed restore · DescribeJobErrorCode."""
        said = task.error_message
        try:
            answer = self._cloud.read(
                self._prepared.source.region, "DescribeJobErrorCode", TaskId=task.task_id, Language="en"
            )
            details = item(answer) or {}
            code, message = text(details, "ErrorCode"), error_message(details)
            said = ": ".join(dict.fromkeys(part for part in (code, message or said) if part))
        except ApiError:
            pass  # What the list says is the reason then.
        return said or "the API gives no reason; somebody may have stopped it"

    def _clean(self, *, beside: int) -> None:
        """Run `cleanup` for the oldest restores, so that `keep` stay; `beside` is 1 once this one is there too.

        Raises DrillError if the command fails before this restore was created.
        """
        prepared = self._prepared
        if not prepared.destination.cleanup or (prepared.begun is not None and not beside):
            return
        groups = [earlier.restored() or (earlier.task.name,) for earlier in prepared.standing]
        groups += [prepared.restored] if beside else []
        drop = [name for group in groups[: max(0, len(groups) - prepared.keep)] for name in group]
        if not drop:
            return
        self._listener.on_line(f"cleaning up: {', '.join(drop)}")
        problem = self._hook(prepared.destination.cleanup, drop)
        if problem and not beside:
            raise DrillError(f"cleanup failed, and nothing was restored: {problem}")
        if problem:
            self.result.notes = (*self.result.notes, f"cleanup failed: {problem}")
        elif beside:
            self.result.to_drop = tuple(name for name in self.result.to_drop if name not in drop)

    def _hook(self, words: Sequence[str], drop: Sequence[str]) -> str:
        prepared = self._prepared
        self._listener.on_line(f"running {join(words)}")
        environment = environment_of(
            prepared.destination,
            plan_id=prepared.source.plan.plan_id,
            task_id=self.result.task_id,
            names=prepared.restored,
            drop=drop,
        )
        return self._run_command(
            words, environment, self._config.limits.command_timeout, self._listener.on_line
        )


def planned_result(prepared: Prepared) -> Result:
    """Return the result of a restore that has not begun."""
    return Result(
        plan_id=prepared.source.plan.plan_id,
        plan_name=prepared.source.plan.name,
        region=prepared.source.region,
        destination=prepared.destination.name,
        task_name=prepared.begun.task.name if prepared.begun else prepared.name.text,
        task_id=prepared.begun.task.task_id if prepared.begun else "",
        is_followed=prepared.begun is not None,
        backup_set_id=prepared.point.backup.backup_set_id,
        restore_at=prepared.point.restore_at,
        size_bytes=prepared.point.backup.size_bytes,
    )


def planned_calls(prepared: Prepared, report: Report, listener: Listener) -> None:
    """Show the calls that a restore would make, and make none."""
    region = prepared.source.region
    task_id = prepared.begun.task.task_id if prepared.begun else f"(the id that {CREATE} answers)"
    calls = [] if prepared.begun else [shown_call(CREATE, region, prepared.parameters)]
    if prepared.begun is None or not is_started(prepared.begun.task):
        calls.append(shown_call(START, region, {"RestoreTaskId": task_id}))
    for call in calls:
        report.calls.append(call)
        listener.on_call(call)
