"""What flags say about a configuration."""

from __future__ import annotations

from dataclasses import dataclass

from dbs_exporter.config.models import Config
from dbs_exporter.config.values import telemetry_path
from dbs_exporter.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What flags say about a configuration's `web` and `log`; empty where they say nothing."""

    listen_addresses: tuple[str, ...] = ()
    telemetry_path: str | None = None
    log_level: str | None = None
    log_format: str | None = None

    def applied(self, config: Config) -> Config:
        """Return the configuration with what the flags say in it. Raises ConfigError for a path that cannot be served."""
        web: dict[str, object] = {}
        if self.listen_addresses:
            web["listen_addresses"] = self.listen_addresses
        if self.telemetry_path is not None:
            try:
                web["telemetry_path"] = telemetry_path(self.telemetry_path)
            except ValueError as error:
                raise ConfigError(f"--web.telemetry-path: {error}") from None
        said = {"level": self.log_level, "format": self.log_format}
        return config.model_copy(
            update={
                "web": config.web.model_copy(update=web),
                "log": config.log.model_copy(update={key: value for key, value in said.items() if value}),
            }
        )
