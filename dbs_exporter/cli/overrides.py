"""The flags that override settings of a configuration. This module parses no command line."""

from __future__ import annotations

from dataclasses import dataclass

from dbs_exporter.config.models import Config
from dbs_exporter.config.values import telemetry_path
from dbs_exporter.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The flags that override a configuration's `web`, `storage` and `log`; empty or None where a flag is not set."""

    listen_addresses: tuple[str, ...] = ()
    telemetry_path: str | None = None
    storage_path: str | None = None
    log_level: str | None = None
    log_format: str | None = None

    def apply_to(self, config: Config) -> Config:
        """Return a copy of the configuration with these settings. Raises ConfigError for an invalid path."""
        web: dict[str, object] = {}
        if self.listen_addresses:
            web["listen_addresses"] = self.listen_addresses
        if self.telemetry_path is not None:
            try:
                web["telemetry_path"] = telemetry_path(self.telemetry_path)
            except ValueError as error:
                raise ConfigError(f"--web.telemetry-path: {error}") from None
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
