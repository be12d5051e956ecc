"""Fetches credentials with the vendor's credentials library.

This module owns which provider of the library serves which type of credentials. The library reads the environment when it is
imported, starts a thread for the metadata service even if that is not used, keeps what it once read from a profile, fetches
short-lived tokens again on every call, drops a token that is valid for another 15 minutes when a refresh fails, and logs
whole answers with their secrets. So a provider is built for each fetch, from the environment that is passed in, and the
library's loggers are silenced. This module never decides when to fetch; `refreshing.RefreshingSource` does.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from dbs_exporter.api.credentials.failures import NoCredentialsError, describe_failure
from dbs_exporter.api.credentials.secrets import secret_text, text_of
from dbs_exporter.api.credentials.types import Credentials, CredentialSettings, Fetched

Environment = Mapping[str, str]

_CONNECT_MILLISECONDS = 5_000
_READ_MILLISECONDS = 10_000
_METADATA_MILLISECONDS = 1_000


class _Provider(Protocol):
    def get_credentials(self) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A way to fetch credentials: its name in messages, the function, and how to fix a failure."""

    name: str
    fetch: Callable[[], Fetched]
    cure: str


def source_of(settings: CredentialSettings, environment: Environment) -> Source:
    """Return the source of the configured type. Raises ValueError if a setting that it needs is missing."""
    match settings.type:
        case "default":
            return Source(name="default chain", fetch=_Chain(environment), cure=_DEFAULT_CURE)
        case "profile":
            profile_name = text_of(settings, "profile_name")
            file = _path(settings, "profile_file")
            return Source(
                name=f"profile {profile_name}" if profile_name else "profile",
                fetch=_profile(profile_name, file, environment),
                cure="run `aliyun configure`, or give profile_name and profile_file",
            )
        case "ecs_ram_role":
            role = text_of(settings, "role_name")
            return Source(
                name=f"ECS role {role}" if role else "ECS role",
                fetch=lambda: _fetched(_ecs_role(role or None)),
                cure="attach a RAM role to the instance and allow the way to 100.100.100.200",
            )
        case "credentials_uri":
            uri = _required(settings, "credentials_uri")
            return Source(
                name=f"credentials URI {_without_query(uri)}",
                fetch=lambda: _fetched(_uri(uri)),
                cure="it must answer with AccessKeyId, AccessKeySecret, SecurityToken and Expiration, a time such as"
                " 2026-01-31T12:00:00Z",
            )
        case "ram_role_arn":
            return Source(
                name=f"role {_required(settings, 'role_arn')} by AssumeRole",
                fetch=_ram_role(settings, environment),
                cure="the key's user needs sts:AssumeRole, the role's trust policy must name it, and STS must be reachable",
            )
        case "oidc_role_arn":
            return Source(
                name=f"role {text_of(settings, 'role_arn') or environment.get('ALIBABA_CLOUD_ROLE_ARN', '')} by OIDC",
                fetch=_oidc_role(settings, environment),
                cure="the role's trust policy must name the provider and this service account, and STS must be reachable",
            )
    raise ValueError("not a type of credentials that can be fetched")


_DEFAULT_CURE = "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or name another type under `credentials`"


def _without_query(uri: str) -> str:
    """Return a URL for a message, without the parts before an @ and after a ?, which may hold secrets."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


class _Chain:
    """The vendor's default chain, in the vendor's order.

    The first provider that returns credentials is used from then on.
    """

    def __init__(self, environment: Environment) -> None:
        self._providers: list[tuple[str, Callable[[], Fetched]]] = []
        self._chosen: Callable[[], Fetched] | None = None
        self._missing: list[str] = []
        key = environment.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
        secret = environment.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")
        if key and secret:
            token = environment.get("ALIBABA_CLOUD_SECURITY_TOKEN", "")
            from_environment = Fetched(
                credentials=Credentials(access_key_id=key, access_key_secret=secret, security_token=token)
            )
            self._add("environment", lambda: from_environment)
        else:
            self._add_missing("environment", environment, "ACCESS_KEY_ID", "ACCESS_KEY_SECRET")
        oidc = [
            environment.get(f"ALIBABA_CLOUD_{name}", "")
            for name in ("ROLE_ARN", "OIDC_PROVIDER_ARN", "OIDC_TOKEN_FILE")
        ]
        if all(oidc):
            self._add("OIDC", lambda: _fetched(_oidc(oidc[0], oidc[1], oidc[2], environment)))
        elif any(oidc):
            self._add_missing("OIDC", environment, "ROLE_ARN", "OIDC_PROVIDER_ARN", "OIDC_TOKEN_FILE")
        self._add("profile", _profile("", None, environment))
        if environment.get("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "").lower() != "true":
            role = environment.get("ALIBABA_CLOUD_ECS_METADATA") or None
            self._add("metadata service", lambda: _fetched(_ecs_role(role)))
        uri = environment.get("ALIBABA_CLOUD_CREDENTIALS_URI", "")
        if uri:
            self._add("credentials URI", lambda: _fetched(_uri(uri)))

    def _add_missing(self, name: str, environment: Environment, *variables: str) -> None:
        missing = [
            f"ALIBABA_CLOUD_{variable}"
            for variable in variables
            if not environment.get(f"ALIBABA_CLOUD_{variable}")
        ]
        self._missing.append(f"{name}: {' and '.join(missing)} not set")

    def _add(self, name: str, fetch: Callable[[], Fetched]) -> None:
        self._providers.append((name, fetch))

    def __call__(self) -> Fetched:
        if self._chosen is not None:
            return self._chosen()
        problems = [*self._missing]
        for name, fetch in self._providers:
            try:
                fetched = fetch()
            except Exception as error:  # The library raises anything.
                problems.append(f"{name}: {describe_failure(error)}")
                continue
            self._chosen = fetch
            return fetched
        raise NoCredentialsError("; ".join(problems))


def _fetched(provider: _Provider) -> Fetched:
    """Fetch from a provider that reports when its credentials expire."""
    answer = provider.get_credentials()
    expiration = answer.get_expiration()
    return Fetched(
        credentials=_converted(answer, float(expiration) if expiration and expiration > 0 else None),
        expiry_unknown=not expiration and bool(answer.get_security_token()),
    )


def _converted(answer: Any, expires_at: float | None) -> Credentials:
    return Credentials(
        access_key_id=answer.get_access_key_id() or "",
        access_key_secret=answer.get_access_key_secret() or "",
        security_token=answer.get_security_token() or "",
        expires_at=expires_at,
    )


def _providers() -> Any:
    """Import the library and silence its loggers, because it logs the answers of STS with their secrets."""
    provider = importlib.import_module("alibabacloud_credentials.provider")

    for name in ("credentials", "alibabacloud-tea"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
    # At debug level urllib3 logs every URL, and a URL of STS holds the OIDC token.
    logging.getLogger("urllib3").setLevel(logging.INFO)
    return provider


def _http_options(read_milliseconds: int = _READ_MILLISECONDS) -> Any:
    options = importlib.import_module("alibabacloud_credentials.http").HttpOptions

    connect = min(_CONNECT_MILLISECONDS, read_milliseconds)
    return options(connect_timeout=connect, read_timeout=read_milliseconds)


def _ecs_role(role_name: str | None) -> _Provider:
    provider: _Provider = _providers().EcsRamRoleCredentialsProvider(
        role_name=role_name,
        http_options=_http_options(_METADATA_MILLISECONDS),
        # Otherwise each provider starts a scheduler and a thread that nothing ever stops.
        async_update_enabled=False,
    )
    return provider


def _uri(uri: str) -> _Provider:
    provider: _Provider = _providers().URLCredentialsProvider(uri=uri, http_options=_http_options())
    return provider


def _sts(environment: Environment) -> dict[str, Any]:
    """Return the options that locate STS, from the environment that was passed in."""
    return {
        "sts_region_id": environment.get("ALIBABA_CLOUD_STS_REGION") or None,
        "enable_vpc": environment.get("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "").lower() == "true",
        "http_options": _http_options(),
    }


def _ram_role(settings: CredentialSettings, environment: Environment) -> Callable[[], Fetched]:
    key, secret, token = (
        secret_text(settings, name) for name in ("access_key_id", "access_key_secret", "security_token")
    )
    options = _sts(environment) | _set_fields(settings, "sts_endpoint", "policy", "external_id")
    role = _required(settings, "role_arn")
    options |= {"role_arn": role, "role_session_name": _session(settings, environment)}
    seconds = getattr(settings, "role_session_expiration", None)
    if seconds is not None:
        options["duration_seconds"] = int(seconds)

    def fetch() -> Fetched:
        return _fetched(
            _providers().RamRoleArnCredentialsProvider(
                access_key_id=key.read(),
                access_key_secret=secret.read(),
                security_token=token.read(),
                **options,
            )
        )

    return fetch


def _oidc_role(settings: CredentialSettings, environment: Environment) -> Callable[[], Fetched]:
    role, issuer, token_file = (
        text_of(settings, name) or environment.get(f"ALIBABA_CLOUD_{variable}", "")
        for name, variable in (
            ("role_arn", "ROLE_ARN"),
            ("oidc_provider_arn", "OIDC_PROVIDER_ARN"),
            ("oidc_token_file", "OIDC_TOKEN_FILE"),
        )
    )
    for name, value in (
        ("role_arn", role),
        ("oidc_provider_arn", issuer),
        ("oidc_token_file", token_file),
    ):
        if not value:
            raise ValueError(f"{name} is missing, here and in the environment")
    options = _set_fields(settings, "sts_endpoint", "policy")
    seconds = getattr(settings, "role_session_expiration", None)
    if seconds is not None:
        options["duration_seconds"] = int(seconds)
    options["role_session_name"] = _session(settings, environment)
    return lambda: _fetched(_oidc(role, issuer, token_file, environment, **options))


def _oidc(role: str, issuer: str, token_file: str, environment: Environment, **overrides: Any) -> _Provider:
    try:
        if not Path(token_file).read_bytes().strip():
            raise NoCredentialsError(f"the token file {token_file} is empty")
    except OSError as error:
        raise NoCredentialsError(f"the token file {token_file} cannot be read: {error.strerror}") from None
    options = _sts(environment) | {"role_session_name": _session(None, environment)} | overrides
    provider: _Provider = _providers().OIDCRoleArnCredentialsProvider(
        role_arn=role,
        oidc_provider_arn=issuer,
        oidc_token_file_path=token_file,
        **options,
    )
    return provider


def _profile(name: str, file: Path | None, environment: Environment) -> Callable[[], Fetched]:
    """Return the function that fetches a profile from the vendor's command line or credentials file.

    It reads the file again whenever that has changed. `file` None stands for the vendor's usual places.
    """
    home = Path(environment.get("HOME") or Path.home())
    profile_name = name or environment.get("ALIBABA_CLOUD_PROFILE", "")
    if file is not None:
        files = [file]
    else:
        files = [
            Path(
                environment.get("ALIBABA_CLOUD_CREDENTIALS_FILE")
                or home / ".alibabacloud" / "credentials.ini"
            )
        ]
        if environment.get("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "").lower() != "true":
            files.insert(0, home / ".aliyun" / "config.json")
    cache: dict[Path, tuple[tuple[int, int, int], _Provider]] = {}

    def fetch() -> Fetched:
        problems: list[str] = []
        for path in files:
            try:
                answer = _profile_provider(path, profile_name, cache).get_credentials()
            except Exception as error:  # The library raises anything.
                problems.append(f"{path}: {describe_failure(error)}")
                continue
            # These providers do not show when their credentials expire.
            return Fetched(
                credentials=_converted(answer, None),
                expiry_unknown=bool(answer.get_security_token()),
            )
        raise NoCredentialsError("; ".join(problems))

    return fetch


def _profile_provider(
    path: Path, name: str, cache: dict[Path, tuple[tuple[int, int, int], _Provider]]
) -> _Provider:
    """Return the provider of a profile's file, the cached one until the file changes."""
    # Not a new one for each fetch: a provider for an ECS role holds a thread.
    stat = path.stat()
    version = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
    if path in cache and cache[path][0] == version:
        return cache[path][1]
    providers = _providers()
    provider: _Provider
    if path.suffix == ".json":
        provider = providers.CLIProfileCredentialsProvider(profile_name=name or None, profile_file=str(path))
    else:
        provider = providers.ProfileCredentialsProvider(
            profile_name=name or "default", profile_file=str(path)
        )
    cache[path] = (version, provider)
    return provider


def _session(settings: CredentialSettings | None, environment: Environment) -> str:
    name = text_of(settings, "role_session_name") if settings is not None else ""
    return name or environment.get("ALIBABA_CLOUD_ROLE_SESSION_NAME") or "dbs-exporter"


def _set_fields(settings: CredentialSettings, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := text_of(settings, name))}


def _path(settings: CredentialSettings, name: str) -> Path | None:
    text = text_of(settings, name)
    return Path(text) if text else None


def _required(settings: CredentialSettings, name: str) -> str:
    value = text_of(settings, name)
    if not value:
        raise ValueError(f"{name} is missing")
    return value
