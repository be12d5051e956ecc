"""The newest part of a log list: asked for only as was proved, and believed only where it joins what is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from support.fake_api import NOW, subject_of
from support.polling import log_file
from support.subjects import subject_with

from dbs_exporter.collectors.base import PlanReading
from dbs_exporter.collectors.learned import TRIES, TailMethod, Tails
from dbs_exporter.collectors.log_backups import FIRST_TAIL_SECONDS, read_log_backups
from dbs_exporter.collectors.tails import is_provable
from dbs_exporter.errors import BadAnswer, CredentialsError, Invalid, NotPermitted, Throttled
from dbs_exporter.facts.log_backups import LOG_BACKUPS, LogHistory, read_log_file
from dbs_exporter.facts.plans import Plan
from dbs_exporter.facts.records import Reader

LIST = "DescribeIncrementBackupList"
HOUR = 3_600.0
PAGE = 100
Records = list[dict[str, Any]]
Filter = Callable[[dict[str, Any], float, float], bool]


def by(field: str, unit: float, *, inclusive: bool = True, filling: bool = True) -> Filter:
    """How an API may filter: by which of a file's times, in which unit, with its edges or without, with what is still written or not."""

    def keeps(record: dict[str, Any], begin: float, end: float) -> bool:
        if record["BackupStatus"] == "FILLING" and not filling:
            return False
        at = record[field] / 1000 * unit
        return bool(begin <= at <= end if inclusive else begin < at < end)

    return keeps


def ignored(_record: dict[str, Any], _begin: float, _end: float) -> bool:
    return True


class LogApi:
    """A log list whose behaviour a test chooses. `files` are in the order in which they come."""

    def __init__(self, files: Records, keeps: Filter | None = ignored) -> None:
        self.files = files
        self.keeps = keeps
        """None: an API that refuses a filter."""
        self.calls = 0
        self.total_is_told = True

    def _found(self, params: Mapping[str, object]) -> Records:
        if "StartTimestamp" not in params:
            return self.files
        if self.keeps is None:
            raise Invalid("StartTimestamp", operation=LIST)
        begin, end = float(str(params["StartTimestamp"])), float(str(params["EndTimestamp"]))
        return [record for record in self.files if self.keeps(record, begin, end)]

    def call(
        self, operation: str, params: Mapping[str, object], *, within: float | None = None
    ) -> dict[str, Any]:
        assert (operation, bool(within)) == (LIST, True)
        self.calls += 1
        found = self._found(params)
        number, size = int(str(params["PageNum"])), int(str(params["PageSize"]))
        page = found[number * size : (number + 1) * size]
        total = {"TotalElements": len(found)} if self.total_is_told else {}
        return {**total, "Items": {"IncrementBackupFile": page} if page else ""}

    def pages(
        self,
        operation: str,
        params: Mapping[str, object],
        *,
        within: float | None = None,
        on_page: object = None,
    ) -> Records:
        assert (operation, bool(within)) == (LIST, True)
        found = self._found(params)
        self.calls += max(1, -(-len(found) // PAGE))
        return list(found)


def hourly(count: int, *, until: float = NOW, order: str = "newest") -> Records:
    """Files of an hour each, the newest still being written."""
    newest = int(until // HOUR)
    files = [
        log_file(
            number,
            number * HOUR,
            min(until, (number + 1) * HOUR),
            "FILLING" if number == newest else "COMPLETED",
        )
        for number in range(newest - count + 1, newest + 1)
    ]
    match order:
        case "newest":
            return files[::-1]
        case "shuffled":
            return sorted(files, key=lambda record: record["BackupSetId"][::-1])
        case _:
            return files


def reading(
    api: LogApi, tails: Tails, history: LogHistory | None = None, *, whole: bool = False, now: float = NOW
) -> PlanReading:
    subject = subject_of(Plan(plan_id="dbs1", log_backup_enabled=True))
    if history is not None:
        subject = subject_with(subject, (LOG_BACKUPS, history, now - 60.0))
    return PlanReading(
        api=api,
        region="cn-hangzhou",
        now=now,
        within=60.0,
        unknown=lambda _field: None,
        subject=subject,
        whole=whole,
        tails=tails,
    )


def learned(api: LogApi) -> Tails:
    """What a whole list of this API proves."""
    tails = Tails()
    read_log_backups(reading(api, tails, whole=True))
    return tails


FILTERS = [
    (by("EndTime", 1000.0), TailMethod(by="filter", unit=1000.0, field="end")),
    (by("EndTime", 1.0), TailMethod(by="filter", unit=1.0, field="end")),
    (by("StartTime", 1000.0), TailMethod(by="filter", unit=1000.0, field="start")),
    (by("StartTime", 1.0), TailMethod(by="filter", unit=1.0, field="start")),
    (by("EndTime", 1000.0, inclusive=False), TailMethod(by="filter", unit=1000.0, field="end")),
    (by("StartTime", 1.0, inclusive=False), TailMethod(by="filter", unit=1.0, field="start")),
]


# ── what is proved ──


@pytest.mark.parametrize(("keeps", "method"), FILTERS)
@pytest.mark.parametrize("order", ["newest", "oldest", "shuffled"])
def test_a_filter_is_proved_by_comparing_it_with_a_whole_list(
    keeps: Filter, method: TailMethod, order: str
) -> None:
    """By which time, in which unit, with or without its edges, and in whatever order the list comes."""
    assert learned(LogApi(hourly(168, order=order), keeps)).method == method


@pytest.mark.parametrize("keeps", [ignored, None, by("EndTime", 1000.0, filling=False), by("EndTime", 60.0)])
def test_what_does_not_filter_exactly_is_no_filter(keeps: Filter | None) -> None:
    """Ignored, refused, without the file that is still written, or in another unit: the order of the list must do."""
    assert learned(LogApi(hourly(168), keeps)).method == TailMethod(by="order", newest_first=True)
    assert learned(LogApi(hourly(168, order="oldest"), keeps)).method == TailMethod(
        by="order", newest_first=False
    )


@pytest.mark.parametrize("keeps", [ignored, None, by("EndTime", 1000.0, filling=False)])
def test_without_filter_and_order_nothing_is_proved(keeps: Filter | None) -> None:
    """And after some lists nobody tries any more."""
    tails = Tails()
    for _ in range(TRIES):
        read_log_backups(reading(LogApi(hourly(168, order="shuffled"), keeps), tails, whole=True))

    assert tails.method is None
    assert tails.given_up


def test_two_files_that_start_at_once_prove_no_order() -> None:
    """As of two source instances: which of them comes first is chance."""
    files = hourly(168)
    files.insert(5, {**files[5], "BackupSetId": "other", "SourceEndpointInstanceID": "second"})

    assert learned(LogApi(files)).method is None


def test_a_file_that_comes_between_the_list_and_the_filtered_answer_proves_nothing_against_the_filter() -> (
    None
):
    """Log goes on while it is read."""

    class Growing(LogApi):
        def _found(self, params: Mapping[str, object]) -> Records:
            found = super()._found(params)
            newest = log_file(999_999, NOW, NOW + 10.0, "FILLING")
            return [newest, *found] if "StartTimestamp" in params else found

    assert learned(Growing(hourly(168), by("EndTime", 1000.0))).method == TailMethod(by="filter")


def test_a_filtered_answer_with_an_old_file_that_the_list_lacks_proves_nothing() -> None:
    """One of both is wrong, and nobody knows which."""

    class Odd(LogApi):
        def _found(self, params: Mapping[str, object]) -> Records:
            found = super()._found(params)
            old = log_file(1, NOW - 2 * HOUR, NOW - HOUR)
            return [*found, old] if "StartTimestamp" in params else found

    assert learned(Odd(hourly(168), by("EndTime", 1000.0))).method == TailMethod(
        by="order", newest_first=True
    )


def test_a_filter_that_leaves_out_one_old_file_is_no_filter() -> None:
    """An answer that is nearly right is wrong."""
    missing = hourly(168)[2]["BackupSetId"]

    def nearly(record: dict[str, Any], begin: float, end: float) -> bool:
        return record["BackupSetId"] != missing and by("EndTime", 1000.0)(record, begin, end)

    assert learned(LogApi(hourly(168), nearly)).method == TailMethod(by="order", newest_first=True)


@pytest.mark.parametrize(
    ("files", "provable"),
    [
        (hourly(7), False),
        (hourly(8), True),
        (hourly(168)[1:], False),
        (
            [
                {**record, "StartTime": "odd"} if number == 50 else record
                for number, record in enumerate(hourly(168))
            ],
            False,
        ),
    ],
)
def test_a_proof_needs_a_list_that_is_long_and_clear(files: Records, provable: bool) -> None:
    """Some files on each side of the cut, one that is still written, and all times readable."""
    assert is_provable(Reader(NOW).each(files, read_log_file)[0]) is provable


def test_long_lists_that_can_prove_nothing_are_given_up_too() -> None:
    """As where no file is ever still written: each would be read whole again and again, as if it were a part."""
    tails = Tails()
    for _ in range(TRIES):
        read_log_backups(reading(LogApi(hourly(168)[1:], by("EndTime", 1000.0)), tails))
    assert tails.given_up
    short = Tails()
    for _ in range(TRIES):
        read_log_backups(reading(LogApi(hourly(30)[1:]), short))

    assert not short.given_up


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (Throttled("later"), True),
        (CredentialsError("expired"), True),
        (BadAnswer("odd"), False),
        (NotPermitted("no"), False),
    ],
)
def test_a_proof_that_fails_costs_the_proof_and_not_the_list_that_was_read(
    error: Exception, passes: bool
) -> None:
    """Nothing is taken for proved or disproved by it; what does not pass by itself is not tried for ever."""

    def broken(_record: dict[str, Any], _begin: float, _end: float) -> bool:
        raise error

    tails, unproved = Tails(), Tails()
    tails.restore(TailMethod(by="filter"), 0)
    for _ in range(TRIES):
        read = read_log_backups(reading(LogApi(hourly(168), broken), unproved, whole=True))
    read = read_log_backups(reading(LogApi(hourly(168), broken), tails, whole=True))

    assert (read.facts.count, read.facts.last_data_at) == (168, NOW)
    assert tails.method == TailMethod(by="filter")
    assert unproved.given_up is not passes


@pytest.mark.parametrize("newest", [0, 1, 3])
def test_an_odd_record_among_the_newest_costs_that_record(newest: int) -> None:
    """Neither the whole list, nor its proof, nor its newest part is refused for it."""
    files = hourly(168)
    files[newest] = {**files[newest], "BackupStatus": None}
    api, tails = LogApi(files, by("EndTime", 1000.0)), Tails()
    now = NOW + HOUR
    first = read_log_backups(reading(api, tails, whole=True)).facts
    api.files = [*hourly(2, until=now), *files[1:]]
    facts = read_log_backups(reading(api, tails, first, now=now)).facts

    assert (first.count, first.counts) == (167, None)
    assert facts.last_data_at == now
    assert facts.listed_at == NOW or newest == 0


# ── what is read ──


def later(api: LogApi, tails: Tails, *, hours: float = 2.0) -> tuple[LogHistory, int]:
    """Read a list whole, then its newest part some hours later; what is known then, and how many calls that took."""
    first = read_log_backups(reading(api, tails, whole=True)).facts
    now = NOW + hours * HOUR
    order = "newest" if api.files[0]["StartTime"] > api.files[-1]["StartTime"] else "oldest"
    api.files = hourly(len(api.files) + round(hours), until=now, order=order)
    api.calls = 0
    read = read_log_backups(reading(api, tails, first, now=now))
    return read.facts, api.calls


@pytest.mark.parametrize(("keeps", "method"), FILTERS)
def test_a_tail_by_a_filter_takes_one_call_and_says_how_far_the_log_has_come(
    keeps: Filter, method: TailMethod
) -> None:
    """Counts and bytes stay as of the whole list; the log is one unbroken span."""
    api, tails = LogApi(hourly(168), keeps), Tails()
    facts, calls = later(api, tails)

    assert tails.method == method
    assert calls == 1
    assert facts.last_data_at == NOW + 2 * HOUR
    assert (facts.count, facts.listed_at) == (168, NOW)
    assert len(facts.spans) == 1


@pytest.mark.parametrize(
    ("order", "files"), [("newest", 168), ("oldest", 168), ("oldest", 250), ("newest", 850)]
)
def test_a_tail_by_the_order_of_the_list_takes_the_page_that_holds_the_newest(order: str, files: int) -> None:
    """One page, or two where the list has grown beyond its last one."""
    facts, calls = later(LogApi(hourly(files, order=order)), Tails())

    assert calls <= 2
    assert facts.last_data_at == NOW + 2 * HOUR
    assert facts.count == files
    assert len(facts.spans) == 1


@pytest.mark.parametrize("files", [98, 99, 198, 199, 200, 201])
def test_a_tail_at_the_edge_of_a_page_is_joined_or_the_list_is_read_whole(files: int) -> None:
    """Oldest first, the newest file may stand alone on a page; what is known has no hole in either case."""
    for hours in (1.0, 2.0, 3.0):
        facts, _ = later(LogApi(hourly(files, order="oldest")), Tails(), hours=hours)
        assert facts.last_data_at == NOW + hours * HOUR
        assert len(facts.spans) == 1


def test_a_list_that_grew_by_more_than_a_page_is_read_whole() -> None:
    """After an outage of a week the newest page joins nothing that is known."""
    for order in ("newest", "oldest"):
        facts, calls = later(LogApi(hourly(168, order=order)), Tails(), hours=300.0)
        assert calls > 2
        assert facts.count == 468
        assert len(facts.spans) == 1


def test_the_first_tail_of_a_plan_is_its_last_hours() -> None:
    """Of a plan of which nothing is known, one call tells how far its log has come; counts come with the whole list."""
    api = LogApi(hourly(500), by("EndTime", 1000.0))
    tails = learned(api)
    api.calls = 0
    facts = read_log_backups(reading(api, tails)).facts

    assert api.calls == 1
    assert facts.last_data_at == NOW
    assert (facts.count, facts.counts, facts.listed_at) == (None, (), None)
    assert facts.spans[0][0] >= NOW - FIRST_TAIL_SECONDS - HOUR


def test_a_first_page_that_does_not_reach_back_hours_is_no_first_tail() -> None:
    """A log that rotates each minute: what is on the newest page may have holes behind it, and the list is read whole."""
    newest = int(NOW // 60)
    minutes = [
        log_file(
            number,
            number * 60.0,
            min(NOW, number * 60.0 + 60.0),
            "COMPLETED" if number < newest else "FILLING",
        )
        for number in range(newest, newest - 300, -1)
    ]
    tails = Tails()
    tails.restore(TailMethod(by="order", newest_first=True), 0)
    facts = read_log_backups(reading(LogApi(minutes), tails)).facts

    assert (facts.count, facts.listed_at) == (300, NOW)


def test_a_first_tail_without_a_file_is_no_tail() -> None:
    """A plan whose log stopped a week ago has files, and they are read whole."""
    api = LogApi(hourly(168), by("EndTime", 1000.0))
    tails = learned(api)
    api.files = hourly(168, until=NOW - 7 * 24 * HOUR)
    facts = read_log_backups(reading(api, tails)).facts

    assert facts.count == 168
    assert facts.last_data_at == NOW - 7 * 24 * HOUR


@pytest.mark.parametrize("keeps", [None, lambda _record, _begin, _end: False, by("EndTime", 1.0)])
def test_a_filter_that_no_longer_gives_what_is_known_is_not_believed(keeps: Filter | None) -> None:
    """Refused, empty, or suddenly in another unit: the log has not stopped, and the whole list says so."""
    api = LogApi(hourly(168), by("EndTime", 1000.0))
    tails = Tails()
    first = read_log_backups(reading(api, tails, whole=True)).facts
    api.keeps = keeps
    now = NOW + 2 * HOUR
    api.files = hourly(170, until=now)
    facts = read_log_backups(reading(api, tails, first, now=now)).facts

    assert facts.last_data_at == now
    assert facts.count == 170
    # And what the whole list disproves is dropped.
    assert tails.method != TailMethod(by="filter", unit=1000.0, field="end")


def test_a_tail_that_leaves_out_what_was_last_known_is_not_believed() -> None:
    """Else a hole would appear in the log that is none."""
    api = LogApi(hourly(168), by("EndTime", 1000.0))
    tails = Tails()
    first = read_log_backups(reading(api, tails, whole=True)).facts
    now = NOW + 5 * HOUR
    api.files = hourly(173, until=now)

    def newest_only(record: dict[str, Any], _begin: float, _end: float) -> bool:
        return bool(record["StartTime"] >= (now - 2 * HOUR) * 1000)

    api.keeps = newest_only
    facts = read_log_backups(reading(api, tails, first, now=now)).facts

    assert facts.count == 173
    assert len(facts.spans) == 1


def test_log_that_stopped_keeps_its_tail() -> None:
    """What was last known is in it, and nothing more."""
    api = LogApi(hourly(168), by("EndTime", 1000.0))
    tails = Tails()
    first = read_log_backups(reading(api, tails, whole=True)).facts
    api.calls = 0
    read = read_log_backups(reading(api, tails, first, now=NOW + 5 * HOUR))

    assert api.calls == 1
    assert read.facts == first


def test_a_list_that_is_empty_now_is_read_whole() -> None:
    """All log has expired, which only the whole list can say."""
    api = LogApi(hourly(168), by("EndTime", 1000.0))
    tails = Tails()
    first = read_log_backups(reading(api, tails, whole=True)).facts
    api.files = []
    facts = read_log_backups(reading(api, tails, first, now=NOW + 24 * HOUR)).facts

    assert (facts.count, facts.last_data_at) == (0, None)


def test_every_whole_list_proves_again_and_the_first_contradiction_counts() -> None:
    """What was proved yesterday is not taken for granted today."""
    api = LogApi(hourly(168), by("EndTime", 1000.0))
    tails = learned(api)
    assert tails.method == TailMethod(by="filter")
    api.keeps = by("StartTime", 1.0)
    read_log_backups(reading(api, tails, whole=True))
    assert tails.method == TailMethod(by="filter", unit=1.0, field="start")
    api.keeps, api.files = ignored, hourly(168, order="shuffled")
    read_log_backups(reading(api, tails, whole=True))

    assert tails.method is None


def test_without_a_proof_a_list_is_read_whole() -> None:
    """Never guess."""
    api = LogApi(hourly(168, order="shuffled"))
    facts = read_log_backups(reading(api, Tails())).facts

    assert (facts.count, facts.listed_at) == (168, NOW)


def test_the_ends_that_a_tail_shows_are_those_of_its_files() -> None:
    """They are counted with those of other readings; what is still written has not ended."""
    api = LogApi(hourly(168), by("EndTime", 1000.0))
    tails = Tails()
    whole = read_log_backups(reading(api, tails, whole=True))
    now = NOW + 2 * HOUR
    api.files = hourly(170, until=now)
    tail = read_log_backups(reading(api, tails, whole.facts, now=now))
    assert whole.ended is not None
    assert tail.ended is not None
    new = {ended.identity for ended in tail.ended} - {ended.identity for ended in whole.ended}

    assert len(whole.ended) == 167
    assert len(new) == 2
    assert len(tail.ended) < 10


def test_a_page_that_does_not_say_how_many_there_are_is_refused() -> None:
    """Without the total nobody knows whether the newest file is on it."""
    api = LogApi(hourly(168, order="oldest"))
    tails = Tails()
    first = read_log_backups(reading(api, tails, whole=True)).facts
    api.total_is_told = False
    with pytest.raises(BadAnswer) as caught:
        read_log_backups(reading(api, tails, first, now=NOW + HOUR))

    assert caught.value.field == "TotalElements"
