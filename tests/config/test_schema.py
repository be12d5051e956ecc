"""The schema and the reference: made from the models, valid, and the same as in the documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.configurations import jsonschema, schema_errors

from dbs_exporter.collectors.table import TABLE, Table
from dbs_exporter.config.examples import EXAMPLES
from dbs_exporter.config.load import parse_config
from dbs_exporter.config.models import CREDENTIAL_KEYS
from dbs_exporter.config.schema import json_schema, markdown_reference

ROOT = Path(__file__).resolve().parent.parent.parent


def test_every_key_of_the_schema_is_described() -> None:
    """An editor has something to show for each key."""
    undescribed = [
        f"{model}.{name}"
        for model, part in json_schema()["$defs"].items()
        for name, described in part.get("properties", {}).items()
        if not described.get("description")
    ]

    assert undescribed == []


def test_examples_and_defaults_of_the_schema_are_valid_by_the_schema() -> None:
    """What the schema shows would be accepted."""
    schema = json_schema()
    for part in (schema, *schema["$defs"].values()):
        for name, described in part.get("properties", {}).items():
            shown = [
                *described.get("examples", ()),
                *([described["default"]] if "default" in described else ()),
            ]
            for value in shown:
                assert schema_errors(value, {"$defs": schema["$defs"], **described}) == [], name


def test_the_schema_is_a_valid_schema() -> None:
    """It obeys the draft that it names."""
    jsonschema().Draft202012Validator.check_schema(json_schema())


def test_the_reference_in_the_documents_is_the_one_the_program_makes() -> None:
    """docs/configuration.md begins with `dbs-exporter schema --format=markdown`; a table of sizes follows."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    assert page.startswith(markdown_reference().rstrip())
    assert page.count("\n## ") == markdown_reference().count("\n## ") + 1


def test_the_example_of_the_interface_is_accepted() -> None:
    """The example in the reference's introduction loads as it stands."""
    example = markdown_reference().split("The smallest one that works:\n\n")[1].split("\n\n")[0]

    assert (
        parse_config("\n".join(line[4:] for line in example.splitlines()), environ={}).accounts[0].name
        == "prod"
    )


def test_a_table_of_other_collectors_is_described() -> None:
    """Schema and reference have a key for each collector of the table and no other."""
    table = Table([TABLE["billing"]])
    keys = json_schema(table)["$defs"]["CollectorsConfig"]["properties"]

    assert list(keys) == ["billing"]
    assert keys["billing"]["description"].endswith("Default: 6h, at rest 6h, not enabled.")
    assert "| `billing` | 6h, at rest 6h, not enabled |" in markdown_reference(table)
    assert "| `gateways` |" not in markdown_reference(table)


def test_a_collector_of_plans_is_described_with_both_its_ages_and_another_with_its_interval() -> None:
    """Neither key is required, and an example shows those that there are."""
    definitions = json_schema()["$defs"]
    keys = definitions["CollectorsConfig"]["properties"]

    assert keys["full_backups"]["description"].endswith("Default: 2m, at rest 1h.")
    assert keys["full_backups"]["examples"] == [{"interval": "2m", "at_rest": "1h", "enabled": True}]
    assert keys["gateways"]["description"].endswith("Default: every 1m.")
    assert keys["gateways"]["examples"] == [{"interval": "1m", "enabled": True}]
    assert not any("required" in definitions[name] for name in ("CollectorConfig", "PlanCollectorConfig"))
    assert "| `full_backups` | 2m, at rest 1h |" in markdown_reference()
    assert "| `at_rest` | the collector's |" in markdown_reference()


@pytest.mark.parametrize("title", EXAMPLES)
def test_each_section_has_an_example_that_is_accepted(title: str) -> None:
    """It stands in the reference as it is, and a file with it loads."""
    text = EXAMPLES[title]
    environment = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "testak", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsk"}
    account = "accounts: [{name: prod, regions: [cn-hangzhou]}]\n"
    section = next(
        part
        for part in re.split("^## ", markdown_reference(), flags=re.MULTILINE)
        if part.startswith(f"`{title}`\n")
    )

    assert f"```yaml{text}```" in section
    assert parse_config(text if "accounts:" in text else account + text, environ=environment).accounts


def test_no_section_is_without_an_example() -> None:
    """Every section with keys has one in `config.examples`."""
    titles = re.findall(r"^## `(.+)`\n", markdown_reference(), re.MULTILINE)

    assert [title for title in titles if title not in EXAMPLES] == []


def test_the_reference_names_what_a_key_may_be() -> None:
    """Every enumeration with its values, every number with its bounds."""
    reference = markdown_reference()

    assert (
        "| `network` | `public` | Which endpoints of the API to call. One of `public`, `vpc`. |" in reference
    )
    assert "One of `debug`, `info`, `warning`, `error`. |" in reference
    assert "Calls at the same time, per region. From 1 to 64. |" in reference
    assert "From 0.1 to 1000. |" in reference
    for kind in CREDENTIAL_KEYS:
        assert f"`{kind}`" in reference.split("One of `default`")[1].split("|")[0] or kind == "default"


def test_the_reference_names_the_variables_of_the_default_chain() -> None:
    """Each variable of the vendor's that the program reads stands in the reference."""
    read = set(
        re.findall(
            r"ALIBABA_CLOUD_[A-Z_]+[A-Z]",
            (ROOT / "dbs_exporter/api/credentials/vendor.py").read_text(encoding="utf-8"),
        )
    )

    assert "ALIBABA_CLOUD_ACCESS_KEY_SECRET" in read
    assert [name for name in read if name not in markdown_reference()] == []
