"""Bodies: JSON as it is, XML with one element per field."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

from dbs_exporter.simulator.encoding import to_json, to_xml

ANSWER = {
    "Success": True,
    "Message": "<a> & \u00fc",
    "Nothing": None,
    "Items": {"Plan": [{"Id": 1}, {"Id": 2}]},
    "Empty": {"Plan": []},
}


def test_json_holds_what_it_was_given() -> None:
    """No spaces, and letters as they are."""
    assert json.loads(to_json(ANSWER)) == ANSWER
    assert to_json({"a": "\u00fc"}) == '{"a":"\u00fc"}'.encode()


def test_xml_repeats_elements_and_escapes_text() -> None:
    """A list is a repeated element, an empty one is none; booleans are words, and what is missing is empty."""
    root = ET.fromstring(to_xml("DescribeResponse", ANSWER))

    assert root.tag == "DescribeResponse"
    assert [element.text for element in root.iter("Id")] == ["1", "2"]
    assert (root.findtext("Success"), root.findtext("Message"), root.findtext("Nothing")) == (
        "true", "<a> & \u00fc", "",
    )  # fmt: skip
    assert root.find("Empty/Plan") is None
