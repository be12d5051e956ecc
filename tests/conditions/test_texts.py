"""The texts: the same keys in each language, and one for each state that a condition can have."""

from __future__ import annotations

from dbs_exporter.conditions.causes import explanations
from dbs_exporter.conditions.rules import alert_names, alerts
from dbs_exporter.conditions.texts import LANGUAGES, cause, summary, texts


def keys(said: object) -> object:
    """The keys of a mapping, all the way down."""
    return {key: keys(value) for key, value in said.items()} if isinstance(said, dict) else None


def test_every_language_says_the_same_things() -> None:
    """A text that is missing in one would leave an alert without words; alerts in PromQL carry their English beside them."""
    english, *others = (texts(language) for language in LANGUAGES)
    of_conditions = {alert.name for _, _, alert in alerts()}

    for other in others:
        assert keys({name: part for name, part in other.items() if name != "alerts"}) == keys(english)
        assert of_conditions.union(other["alerts"]) == set(alert_names())


def test_every_alert_has_its_words() -> None:
    """Summary, meaning and cure of each state that raises one; and a summary for the page of those that raise none."""
    for condition, state, _ in alerts():
        assert set(texts()["conditions"][condition.name][state]) == {"summary", "means", "do"}
        assert summary(condition.name, state).endswith(".")
    assert summary("no_recovery_point", "unprotected") == "There is nothing to restore from."
    assert cause("pause") == "the plan is paused"
    assert explanations.__doc__
    assert len(alert_names()) == len(set(alert_names()))
