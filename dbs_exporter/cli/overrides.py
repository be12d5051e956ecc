"""The flags that override settings of a configuration. This module parses no command line."""

from __future__ import annotations

from dataclasses import dataclass

from dbs_exporter.config.models import Config
from dbs_exporter.config.values import external_url, route_prefix, telemetry_path
from dbs_exporter.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The flags that override a configuration's `web`, `storage` and `log`; empty or None where a flag is not set."""

    listen_addresses: tuple[str, ...] = ()
    telemetry_path: str | None = None
    storage_path: str | None = None
    external_url: str | None = None
    route_prefix: str | None = None
    log_level: str | None = None
    log_format: str | None = None

    def apply_to(self, config: Config) -> Config:
        """Return a copy of the configuration with these settings. Raises ConfigError for an invalid path or URL."""
        web: dict[str, object] = {}
        if self.listen_addresses:
            web["listen_addresses"] = self.listen_addresses
        for key, value, validate in (
            ("telemetry_path", self.telemetry_path, telemetry_path),
            ("external_url", self.external_url, external_url),
            ("route_prefix", self.route_prefix, route_prefix),
        ):
            if value is not None:
                try:
                    web[key] = validate(value)
                except ValueError as error:
                    raise ConfigError(f"--web.{key.replace('_', '-')}: {error}") from None
        storage = config.storage
        if self.storage_path is not None:
            if not self.storage_path.strip():
                raise ConfigError("--storage.path: the path of a directory expected, not nothing")
            storage = storage.model_copy(update={"path": self.storage_path})
        log = {"level": self.log_level, "format": self.log_format}
        return config.model_copy(
            update={
                "storage": storage,
                "web": config.web.model_copy(update=web),
                "log": config.log.model_copy(update={key: value for key, value in log.items() if value}),
            }
        )
