"""`dbs-exporter status`: asks an exporter on this machine how plans are, and prints it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import click

from dbs_exporter.cli.healthcheck import ask
from dbs_exporter.cli.tables import print_rows
from dbs_exporter.config.durations import format_duration
from dbs_exporter.errors import ConfigError, Unreachable

_BAD = ("unknown", "unprotected", "breached")
_HEADINGS = (
    "plan",
    "where",
    "state",
    "recovery point",
    "last full backup",
    "last good expires",
    "what is wrong",
)


class Asking:
    """How the exporter is asked: its address, the path before `/api`, and who asks."""

    def __init__(
        self,
        address: str,
        prefix: str,
        *,
        timeout: float,
        web_config_file: str | None = None,
        user: str | None = None,
        password_file: str | None = None,
    ) -> None:
        self._address = address
        self._prefix = prefix
        self._timeout = timeout
        self._web_config_file = web_config_file
        self._headers: dict[str, str] = {}
        if user is not None:
            if password_file is None:
                raise ConfigError("--user needs --password-file=PATH, a file that holds the password alone")
            try:
                password = Path(password_file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"{password_file} cannot be read: {error}") from None
            token = b64encode(f"{user}:{password}".encode()).decode()
            self._headers["authorization"] = f"Basic {token}"

    def get(self, path: str) -> Any:
        """Return the answer below `/api/v1`. Raises Unreachable for what is none."""
        whole = f"{self._prefix}/api/v1/{path}"
        status, body = ask(
            self._address,
            whole,
            self._timeout,
            web_config_file=self._web_config_file,
            headers=self._headers,
        )
        if status == 401:
            raise Unreachable("the exporter asks who you are: give --user and --password-file")
        try:
            answer = json.loads(body)
        except ValueError:
            raise Unreachable(
                f"{whole} answers {status} and no JSON: {body[:200].decode(errors='replace')}"
            ) from None
        if status != 200:
            raise Unreachable(f"{whole} answers {status}: {answer.get('error', '')}")
        return answer


def print_status(asking: Asking, plan: str | None, filters: Mapping[str, str], *, form: str) -> None:
    """Print all plans that the filters find, or the only one of this name or id. ConfigError if there is none such."""
    wanted = {name: value for name, value in filters.items() if value}
    if plan is None:
        answer = asking.get(f"plans?{urlencode(wanted)}")
        if form == "json":
            click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        else:
            _print_plans(answer["plans"], answer["as_of"])
        return
    found = asking.get(f"plans?{urlencode({**wanted, 'q': plan})}")["plans"]
    same = [each for each in found if plan in (each["plan_id"], each["name"])]
    if not same:
        raise ConfigError(f"no plan has the name or id {plan!r}{_near(found)}")
    if len(same) > 1:
        where = ", ".join(f"{each['plan_id']} in {each['account']} {each['region']}" for each in same)
        raise ConfigError(f"{len(same)} plans have the name or id {plan!r}: {where}; give an id or a region")
    path = "/".join(quote(same[0][part], safe="") for part in ("account", "region", "plan_id"))
    answer = asking.get(f"plans/{path}")
    if form == "json":
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        _print_plan(answer)


def _near(found: Sequence[Mapping[str, Any]]) -> str:
    names = [each["name"] or each["plan_id"] for each in found[:5]]
    return f"; there are {', '.join(names)}" if names else ""


def _print_plans(plans: Sequence[Mapping[str, Any]], as_of: str) -> None:
    rows = [
        (
            plan["name"] or plan["plan_id"],
            f"{plan['account']} {plan['region']}",
            plan["state"].replace("_", " "),
            _ago(plan["recovery_point_at"], as_of, "none"),
            _ago(plan["last_full_backup_at"], as_of, "never"),
            _ago(plan["last_good_expires_at"], as_of, "-"),
            plan["reasons"],
        )
        for plan in plans
    ]
    bad = [number for number, plan in enumerate(plans) if plan["state"] in _BAD]
    print_rows(f"{len(rows)} plans as of {as_of}", _HEADINGS, rows, bad)


def _print_plan(answer: Mapping[str, Any]) -> None:
    plan, as_of = answer["plan"], answer["as_of"]
    click.echo(f"{plan['name'] or plan['plan_id']} ({plan['plan_id']}) in {plan['account']} {plan['region']}")
    click.echo(f"  state              {plan['state'].replace('_', ' ')}, as of {as_of}")
    for title, name, without in (
        ("recovery point", "recovery_point_at", "none"),
        ("last full backup", "last_full_backup_at", "never"),
        ("last good expires", "last_good_expires_at", "-"),
        ("restore proven", "restore_proven_at", "never"),
    ):
        at = plan[name]
        click.echo(f"  {title:<18} {f'{at}, {_ago(at, as_of, without)}' if at else without}")
    for hole in answer["holes"]:
        click.echo(f"  hole               {hole['begin_at']} to {hole['end_at']}")
    for message in answer["messages"]:
        click.echo(f"  the API says       {message}")
    rows = [
        (
            each["state"].replace("_", " "),
            each["summary"] + (f" (explained: {each['explained_by']})" if each["explained_by"] else ""),
            each["since"] or "",
            "holds" if each["holds"] else _ago(each["since"], as_of, ""),
            f"{each['alert']} {each['severity']}".strip(),
        )
        for each in answer["conditions"]
    ]
    held = [number for number, each in enumerate(answer["conditions"]) if each["holds"]]
    title = (
        "What is wrong, and what will be"
        if rows
        else "Nothing is wrong, and nothing will be while backups go on"
    )
    print_rows(title, ("state", "condition", "since, or from", "", "alert"), rows, held)


def _ago(at: str | None, as_of: str, otherwise: str) -> str:
    if at is None:
        return otherwise
    seconds = (_instant(as_of) - _instant(at)).total_seconds()
    words = format_duration(abs(round(seconds)))
    return f"{words} ago" if seconds >= 0 else f"in {words}"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
