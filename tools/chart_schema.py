"""values.schema.json of the chart, with the exporter's own schema for `config` and `web.config`, and that of Kubernetes for what
goes to it as it is, so that helm finds typing errors in all of them.

The rest, all but `definitions` and the places named here, is written by hand in the file itself.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from dbs_exporter.config.schema import json_schema
from dbs_exporter.config.web_file import WebFile

PATH = Path(__file__).resolve().parent.parent / "helm" / "dbs-exporter" / "values.schema.json"
VARIABLE = {"type": "string", "pattern": "\\$\\{"}
"""A text with `${NAME}` may become anything."""
LEFT_OUT = frozenset({"examples", "default", "format", "writeOnly"})
KUBERNETES = (
    Path(kubernetes_validate.__file__).parent
    / "kubernetes-json-schema" / "v1.37.0-local-strict" / "_definitions.json"
)  # fmt: skip
"""The newest Kubernetes knows all keys of the older ones."""
KINDS = {
    "affinity": "Affinity", "configReloader.resources": "ResourceRequirements", "dnsConfig": "PodDNSConfig",
    "livenessProbe": "Probe", "podSecurityContext": "PodSecurityContext", "readinessProbe": "Probe",
    "resources": "ResourceRequirements", "securityContext": "SecurityContext", "startupProbe": "Probe",
    "drill.resources": "ResourceRequirements", "testPod.resources": "ResourceRequirements",
}  # fmt: skip
"""Values that Kubernetes gets as they are, and what it calls them."""
LISTS = {
    "extraContainers": "Container", "extraEnv": "EnvVar", "extraEnvFrom": "EnvFromSource",
    "extraVolumeMounts": "VolumeMount", "extraVolumes": "Volume", "hostAliases": "HostAlias", "ingress.tls": "IngressTLS",
    "initContainers": "Container", "networkPolicy.extraEgress": "NetworkPolicyEgressRule",
    "networkPolicy.extraFrom": "NetworkPolicyPeer", "networkPolicy.from": "NetworkPolicyPeer", "tolerations": "Toleration",
    "topologySpreadConstraints": "TopologySpreadConstraint",
}  # fmt: skip
"""The same for lists of them."""
WORDS = {
    ("Container", "imagePullPolicy"): ("Always", "IfNotPresent", "Never"),
    ("Toleration", "effect"): ("NoSchedule", "PreferNoSchedule", "NoExecute"),
    ("Toleration", "operator"): ("Exists", "Equal", "Lt", "Gt"),
    ("TopologySpreadConstraint", "whenUnsatisfiable"): ("DoNotSchedule", "ScheduleAnyway"),
}
"""What Kubernetes' own schema leaves open."""
TEMPLATED = r"|\{\{"
"""What a pattern also takes: a text that is a template may become anything."""
QUANTITY = r"^[0-9]+(\.[0-9]+)?([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]+)?$" + TEMPLATED


def as_json() -> str:
    """The schema as it should be."""
    schema = json.loads(PATH.read_text(encoding="utf-8"))
    own = json_schema()
    config = _for_helm({key: own[key] for key in ("type", "properties", "additionalProperties")})
    # None where the demo runs or a Secret holds the configuration; the chart says so in words.
    del config["properties"]["accounts"]["minItems"]
    schema["properties"]["config"] = config
    web = WebFile.model_json_schema()
    # The chart adds the paths of a certificate that it mounts, and a duration is a text.
    del web["$defs"]["TlsServerConfig"]["required"]
    web["$defs"]["RateLimit"]["properties"]["interval"] = {
        "type": "string",
        "pattern": "^([0-9]+(ms|s|m|h))+$",
    }
    _place(
        schema,
        "web.config",
        _for_helm({key: web[key] for key in ("type", "properties", "additionalProperties")}),
    )
    schema["definitions"] = {
        **{name: _for_helm(part) for name, part in sorted({**own["$defs"], **web["$defs"]}.items())},
        **_of_kubernetes({*KINDS.values(), *LISTS.values()}),
    }
    for where, kind in KINDS.items():
        _place(schema, where, {"$ref": f"#/definitions/{kind}"})
    for where, kind in LISTS.items():
        _place(schema, where, {"type": "array", "items": {"$ref": f"#/definitions/{kind}"}})
    _require(schema, yaml.safe_load(PATH.with_name("values.yaml").read_text(encoding="utf-8")))
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _require(schema: Any, values: Any) -> None:
    """Require each key that has no meaning without a value; null takes away texts that are empty, lists, and maps that users fill."""
    required = []
    for name, value in values.items():
        described = schema["properties"].get(name, {})
        if isinstance(value, dict) and value and "properties" in described and name != "config":
            _require(described, value)
            required.append(name)
        elif isinstance(value, bool | int | str) and value != "" and name != "maxUnavailable":
            required.append(name)
    schema["required"] = sorted(required)


def _place(schema: Any, where: str, what: Any) -> None:
    """Put a part where the value `where` is described."""
    *above, name = where.split(".")
    for key in above:
        schema = schema["properties"][key]
    schema["properties"][name] = what


def _of_kubernetes(kinds: set[str]) -> dict[str, Any]:
    """Return Kubernetes' own definitions of these kinds and of all that they refer to, without their texts."""
    known = json.loads(KUBERNETES.read_text(encoding="utf-8"))["$defs"]
    names = {
        full.rpartition(".")[2]: full
        for full in known
        if full.startswith(("io.k8s.api.core.v1.", "io.k8s.api.networking.v1."))
    }
    waiting, found = [names[kind] for kind in kinds], {}
    while waiting:
        full = waiting.pop()
        name = full.rpartition(".")[2]
        if name in found:
            continue
        found[name] = _bare(known[full])
        waiting += re.findall(r'"#/\$defs/([^"]+)"', json.dumps(known[full]))
    found["Quantity"] = {"type": ["string", "number"], "pattern": QUANTITY, "minimum": 0}
    found["IntOrString"] = {"type": ["string", "integer"]}
    for (name, key), words in WORDS.items():
        if name in found:
            found[name]["properties"][key] = {"enum": list(words)}
    return dict(sorted(found.items()))


def _bare(part: Any) -> Any:
    """The same without descriptions and formats, and with short names."""
    if isinstance(part, list):
        return [_bare(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: {name: _bare(item) for name, item in value.items()}
        if key == "properties"
        else f"#/definitions/{value.rpartition('.')[2]}"
        if key == "$ref"
        else _bare(value)
        for key, value in part.items()
        if key not in {"description", "format"} and not key.startswith("x-")
    }


def _for_helm(part: Any) -> Any:
    """The same in draft-07 and with regular expressions as Go knows them, which look neither ahead nor back."""
    if isinstance(part, list):
        return [_for_helm(each) for each in part]
    if not isinstance(part, dict):
        return part
    made: dict[str, Any] = {}
    for key, value in part.items():
        if key == "pattern":
            made[key] = re.sub(r"\(\?[=!][^)]*\)", "", value)
        elif key == "$ref":
            made[key] = value.replace("#/$defs/", "#/definitions/")
        elif key in {"if", "propertyNames"}:
            made[key] = value
        elif key == "properties":
            made[key] = {name: _for_helm(each) for name, each in value.items()}
        elif key not in LEFT_OUT:
            made[key] = _for_helm(value)
    if made.get("type") == "string" and made.keys() & {"pattern", "enum", "const"}:
        return {"anyOf": [made, VARIABLE]}
    return made
