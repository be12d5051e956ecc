"""The state of protection as boards show it: words, colours, and one number per state, the gravest highest."""

from __future__ import annotations

from . import kit
from .kit import BY_PLAN, PLAN
from .names import PROTECTION

STATES = {
    "protected": ("Protected", kit.GREEN, "Plans that can be restored within their objectives."),
    "attention": (
        "Attention",
        kit.BLUE,
        "Plans that are well now, and that somebody should look at.",
    ),
    "at_risk": (
        "At risk",
        kit.YELLOW,
        "Plans that will break an objective soon, or whose last full backup failed.",
    ),
    "breached": (
        "Breached",
        kit.RED,
        "Plans whose recovery point or full backup is older than its objective allows.",
    ),
    "unprotected": (
        "Unprotected",
        kit.PURPLE,
        "Plans that are not running or have nothing to be restored from.",
    ),
    "unknown": (
        "Unknown",
        kit.GREY,
        "Plans of which too little was read in the time that was planned for it: nothing can be said about them.",
    ),
}
STATE_CODES = {
    str(code): (title.lower(), color) for code, (title, color, _) in enumerate(STATES.values(), start=1)
}
STATE_CODE = " or ".join(
    f'(max by ({BY_PLAN}) ({PROTECTION}{{{PLAN},state="{state}"}}) == 1) * {code}'
    for code, state in enumerate(STATES, start=1)
)
RPO_STEPS = kit.thresholds((None, kit.GREEN), (0.8, kit.YELLOW), (1, kit.RED))
INTERVAL_STEPS = kit.thresholds((None, kit.GREEN), (0.9, kit.YELLOW), (1, kit.RED))
"""For what is used of an objective; the alerts and the states have the same limits. A backup that comes when it is due has used
1 / 1.2 of an interval."""
