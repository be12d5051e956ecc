"""rules/runbooks/zh/: the Chinese runbooks, made of their prose (runbooks_zh.yml) and of the English ones' queries, calls and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from dbs_exporter.conditions.rules import ALERTING, Wishes, rule_files

ROOT = Path(__file__).resolve().parent.parent
ENGLISH = ROOT / "rules" / "runbooks"
CHINESE = ENGLISH / "zh"
_PROSE = Path(__file__).with_name("runbooks_zh.yml")
_SEVERITIES = {"critical": "严重", "warning": "警告", "info": "提示"}
_WITH_LABELS = "[使用 exporter 的凭证](README.md)，首行填入告警的标签："
_ON_THE_EXPORTER = "[在 exporter 上](README.md)："
_BLOCK = re.compile(r"^```(\w*)\n.*?^```$", re.DOTALL | re.MULTILINE)
_TABLE = re.compile(r"(?:^\|.*\n?)+", re.MULTILINE)


def chinese_runbooks() -> dict[Path, str]:
    """Return every Chinese runbook; one without prose is left out."""
    prose: dict[str, dict[str, str]] = yaml.safe_load(_PROSE.read_text(encoding="utf-8"))
    groups = yaml.safe_load(rule_files(Wishes(language="zh"))[ALERTING])["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    return {
        CHINESE / f"{name}.md": _runbook(
            name, rules[name]["annotations"]["summary"], rules[name]["labels"]["severity"], prose[name]
        )
        for name in rules
        if name in prose and (ENGLISH / f"{name}.md").is_file()
    }


def _runbook(name: str, summary: str, severity: str, said: dict[str, str]) -> str:
    text = (ENGLISH / f"{name}.md").read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    english = dict(zip(parts[1::2], parts[2::2], strict=True))
    diagnosis = {found[1]: found[0] for found in _BLOCK.finditer(english["Diagnosis"])}
    queries = [found[0] for found in _BLOCK.finditer(english["Diagnosis"]) if found[1] == "promql"]
    looks = ["在 Prometheus 中，使用告警的标签：", *queries, said["look"]]
    if "console" in diagnosis:
        begins_with_labels = diagnosis["console"].startswith("```console\naccount=")
        looks += [_WITH_LABELS if begins_with_labels else _ON_THE_EXPORTER, diagnosis["console"]]
    sections = {
        "能等到早上吗？": [said["morning"]],
        "含义": [said["meaning"]],
        "影响": [said["impact"]],
        "诊断": looks,
        "处理": [said["mend"], *_kept(english["Mending"])],
        "误报": [said["noise"]],
        "好了吗？": [said["worked"], *_kept(english["Has it worked?"])],
    }
    body = "\n\n".join("\n\n".join((f"## {title}", *each)) for title, each in sections.items())
    return f"# {name}\n\n{summary}级别：{_SEVERITIES[severity]}。\n\n{body}\n"


def _kept(text: str) -> Iterator[str]:
    """Yield the calls and tables of a section."""
    yield from (found[0] for found in _BLOCK.finditer(text))
    yield from (found[0].strip() for found in _TABLE.finditer(text))
