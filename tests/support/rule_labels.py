"""Which labels a PromQL expression can give, worked out from the catalogue; what it names that cannot be there is a complaint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import promql_parser as promql

SCRAPED = frozenset({"job", "instance", "namespace"})
"""Prometheus adds these to what it scrapes; the namespace under Kubernetes only."""


class LabelChecker:
    """Labels of expressions; `known` maps every metric to its labels, `complaints` gathers what is wrong.

    `asked` gathers what matchers want: (metric, label, value), one entry for each alternative of a regular expression.
    """

    def __init__(self, known: Mapping[str, frozenset[str]]) -> None:
        self._known = dict(known)
        self.complaints: list[str] = []
        self.asked: set[tuple[str, str, str]] = set()

    def record(self, name: str, labels: frozenset[str]) -> None:
        """Make a recorded series known; several rules may record one name."""
        self._known[name] = self._known.get(name, frozenset()) | labels

    def labels(self, query: str) -> frozenset[str]:
        """The labels that the result of a query can have."""
        return self._of(promql.parse(query))

    def _within(self, named: Iterable[str], there: frozenset[str], where: object) -> None:
        self.complaints += [f"{label} is not there in {where}" for label in named if label not in there]

    def _of(self, node: Any) -> frozenset[str]:
        if isinstance(node, promql.VectorSelector):
            return self._selected(node)
        if isinstance(node, promql.MatrixSelector):
            return self._selected(node.vector_selector)
        if isinstance(node, promql.AggregateExpr):
            return self._aggregated(node)
        if isinstance(node, promql.BinaryExpr):
            return self._combined(node)
        if isinstance(node, promql.Call) and node.func.name == "label_join":
            self._within((source.val for source in node.args[3:]), self._of(node.args[0]), node)
            return self._of(node.args[0]) | {node.args[1].val}
        if isinstance(node, promql.Call):
            made = {node.args[1].val} if node.func.name == "label_replace" else set()
            return frozenset(made).union(*(self._of(argument) for argument in node.args))
        if isinstance(node, (promql.ParenExpr, promql.UnaryExpr, promql.SubqueryExpr)):
            return self._of(node.expr)
        return frozenset()

    def _selected(self, node: Any) -> frozenset[str]:
        if node.name not in self._known:
            self.complaints.append(f"{node.name} is not a metric of the catalogue, nor recorded")
            return frozenset()
        labels = self._known[node.name] | SCRAPED
        self._within((matcher.name for matcher in node.matchers.matchers), labels, node)
        self.asked |= {
            (node.name, matcher.name, value)
            for matcher in node.matchers.matchers
            if not str(matcher.op).endswith(("NotEqual", "NotRe"))
            for value in matcher.value.split("|")
        }
        return labels

    def _aggregated(self, node: Any) -> frozenset[str]:
        inner = self._of(node.expr)
        if node.modifier is None:
            return inner if str(node.op) in {"topk", "bottomk"} else frozenset()
        self._within(node.modifier.labels, inner, node)
        made = {node.param.val} if str(node.op) == "count_values" else set()
        return inner if str(node.op) in {"topk", "bottomk"} else frozenset(node.modifier.labels) | made

    def _combined(self, node: Any) -> frozenset[str]:
        left, right = self._of(node.lhs), self._of(node.rhs)
        operator = str(node.op)
        modifier = node.modifier
        matching = (
            modifier.matching.labels if modifier is not None and modifier.matching is not None else None
        )
        if matching is not None:
            self._within(matching, left, node.lhs)
            self._within(matching, right, node.rhs)
        if operator in {"and", "unless"}:
            return left
        if operator == "or":
            return left | right
        if isinstance(node.lhs, promql.NumberLiteral) or not left:
            return right
        if isinstance(node.rhs, promql.NumberLiteral) or not right:
            return left
        card = str(modifier.card) if modifier is not None else ""
        groups = frozenset(modifier.group_labels or ()) if modifier is not None else frozenset()
        if card.endswith("ManyToOne"):
            self._within(groups, right, node.rhs)
            return left | groups
        if card.endswith("OneToMany"):
            self._within(groups, left, node.lhs)
            return right | groups
        return frozenset(matching) if matching is not None else left
