"""The vendor's credentials library, held at arm's length.

It owns which of the library's providers serves which type of credentials. The library reads the environment when it is
imported, starts a thread for the metadata service whether or not that is used, keeps what it once read from a profile,
re-fetches short-lived tokens on every call, gives up a token that is good for another 15 minutes when a refresh fails, and
prints whole answers, secrets and all. So a provider is made for each fetch, from the environment that is handed in, and its
loggers are silenced; when to fetch is decided by `refreshing.RefreshingSource`.
"""

from __future__ import annotations

import importlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

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
    """One way to credentials: how it is called in messages, what fetches them, and what would mend it."""

    name: str
    fetch: Callable[[], Fetched]
    cure: str


def source_of(settings: CredentialSettings, environment: Environment) -> Source:
    """Return the source of the configured type; raises ValueError if something it needs is missing."""
    match settings.type:
        case "default":
            return Source(name="default chain", fetch=_Chain(environment), cure=_DEFAULT_CURE)
        case "profile":
            wanted = text_of(settings, "profile_name")
            file = _path(settings, "profile_file")
            return Source(
                name=f"profile {wanted}" if wanted else "profile",
                fetch=_profile(wanted, file, environment),
                cure="run `aliyun configure`, or give profile_name and profile_file",
            )
        case "ecs_ram_role":
            role = text_of(settings, "role_name")
            return Source(
                name=f"ECS role {role}" if role else "ECS role",
                fetch=lambda: _once(_ecs_role(role or None)),
                cure="attach a RAM role to the instance and allow the way to 100.100.100.200",
            )
        case "credentials_uri":
            uri = _required(settings, "credentials_uri")
            return Source(
                name=f"credentials URI {_without_query(uri)}",
                fetch=lambda: _once(_uri(uri)),
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
    """Return an address for a message: what stands before an @ or behind a ? may be a secret."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def describe(error: Exception) -> str:
    """Say what failed without the library's words, which quote answers and addresses with secrets in them."""
    words = str(error)
    if isinstance(error, NoCredentialsError):
        return words or "no way to credentials is set up"
    parts = [_reason(error, words)]
    status = re.search(r"http_?code[=:\s]+(\d{3})", words, re.IGNORECASE)
    if status:
        parts.append(f"HTTP {status[1]}")
    code = re.search(r"""["']Code["']\s*:\s*["']([A-Za-z][\w.]{1,60})["']""", words)
    if code and code[1] != "Success":
        parts.append(code[1])
    return ", ".join(parts)


_REASONS = (
    ("unable to get profile", "there is no such profile in the file"),
    ("failed to get credential from credentials file", "there is no such profile in the file"),
    ("unable to open credentials file", "the file cannot be opened"),
    ("failed to parse credential", "the file cannot be parsed"),
    ("unsupported profile mode", "the profile's mode is not one that the vendor's library knows"),
    ("unsupported credential type", "the profile's type is not one that the vendor's library knows"),
    (
        "IMDS credentials is disabled",
        "the metadata service is disabled by ALIBABA_CLOUD_ECS_METADATA_DISABLED",
    ),
    ("ECS metadata", "the metadata service gave no credentials"),
    (
        "No cached value was found",
        "the credentials that came have already expired; is this machine's clock right?",
    ),
    ("error retrieving credentials", "the answer holds no credentials"),
    ("error refreshing credentials", "the request for credentials was refused"),
    ("No such file or directory", "there is no such file"),
    ("Permission denied", "the file cannot be read"),
    ("time data", "the end of the credentials is no time"),
    ("strptime", "the end of the credentials is no time"),
    ("Failed to resolve", "the host's name cannot be resolved"),
    ("Name or service not known", "the host's name cannot be resolved"),
    ("Temporary failure in name resolution", "the host's name cannot be resolved"),
    ("CERTIFICATE_VERIFY_FAILED", "the certificate of the host is not trusted"),
    ("SSLError", "TLS failed"),
    ("Connection refused", "the connection was refused"),
    ("timed out", "no answer in time"),
    ("Max retries exceeded", "no connection"),
)
_HARMLESS = re.compile(r"[A-Za-z]+(?: [A-Za-z,'_-]+){3,20}")
"""A sentence of plain words, in which no secret fits."""


def _reason(error: Exception, words: str) -> str:
    for sign, reason in _REASONS:
        if sign.lower() in words.lower():
            return reason
    if isinstance(error, json.JSONDecodeError):
        return "the answer is not JSON"
    if isinstance(error, AttributeError | TypeError | KeyError | IndexError):
        return "what came has another form than the vendor documents"
    if isinstance(error, ValueError) and _HARMLESS.fullmatch(words):
        return words
    return type(error).__name__


class _Chain:
    """The vendor's default chain in the vendor's order; the first that gives credentials serves from then on."""

    def __init__(self, environment: Environment) -> None:
        self._ways: list[tuple[str, Callable[[], Fetched]]] = []
        self._chosen: Callable[[], Fetched] | None = None
        self._missing: list[str] = []
        key = environment.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
        secret = environment.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")
        if key and secret:
            token = environment.get("ALIBABA_CLOUD_SECURITY_TOKEN", "")
            fixed = Fetched(
                credentials=Credentials(access_key_id=key, access_key_secret=secret, security_token=token)
            )
            self._add("environment", lambda: fixed)
        else:
            self._miss("environment", environment, "ACCESS_KEY_ID", "ACCESS_KEY_SECRET")
        oidc = [
            environment.get(f"ALIBABA_CLOUD_{name}", "")
            for name in ("ROLE_ARN", "OIDC_PROVIDER_ARN", "OIDC_TOKEN_FILE")
        ]
        if all(oidc):
            self._add("OIDC", lambda: _once(_oidc(oidc[0], oidc[1], oidc[2], environment)))
        elif any(oidc):
            self._miss("OIDC", environment, "ROLE_ARN", "OIDC_PROVIDER_ARN", "OIDC_TOKEN_FILE")
        self._add("profile", _profile("", None, environment))
        if environment.get("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "").lower() != "true":
            role = environment.get("ALIBABA_CLOUD_ECS_METADATA") or None
            self._add("metadata service", lambda: _once(_ecs_role(role)))
        uri = environment.get("ALIBABA_CLOUD_CREDENTIALS_URI", "")
        if uri:
            self._add("credentials URI", lambda: _once(_uri(uri)))

    def _miss(self, name: str, environment: Environment, *variables: str) -> None:
        missing = [
            f"ALIBABA_CLOUD_{each}" for each in variables if not environment.get(f"ALIBABA_CLOUD_{each}")
        ]
        self._missing.append(f"{name}: {' and '.join(missing)} not set")

    def _add(self, name: str, way: Callable[[], Fetched]) -> None:
        self._ways.append((name, way))

    def __call__(self) -> Fetched:
        if self._chosen is not None:
            return self._chosen()
        refusals = [*self._missing]
        for name, way in self._ways:
            try:
                fetched = way()
            except Exception as error:  # The library raises anything.
                refusals.append(f"{name}: {describe(error)}")
                continue
            self._chosen = way
            return fetched
        raise NoCredentialsError("; ".join(refusals))


class NoCredentialsError(Exception):
    """No link of the chain gave credentials; the message is safe to show."""


def _once(provider: _Provider) -> Fetched:
    """Ask a provider that tells when its credentials end."""
    found = provider.get_credentials()
    expiration = found.get_expiration()
    return Fetched(
        credentials=_converted(found, float(expiration) if expiration and expiration > 0 else None),
        end_unknown=not expiration and bool(found.get_security_token()),
    )


def _converted(found: Any, expires_at: float | None) -> Credentials:
    return Credentials(
        access_key_id=found.get_access_key_id() or "",
        access_key_secret=found.get_access_key_secret() or "",
        security_token=found.get_security_token() or "",
        expires_at=expires_at,
    )


def _providers() -> Any:
    """Import the library, and take away its log handlers: it prints the answers of STS, with the secrets in them."""
    provider = importlib.import_module("alibabacloud_credentials.provider")

    for name in ("credentials", "alibabacloud-tea"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
    # At debug level urllib3 prints every address, which for STS has the OIDC token in it.
    logging.getLogger("urllib3").setLevel(logging.INFO)
    return provider


def _http_options(read_milliseconds: int = _READ_MILLISECONDS) -> Any:
    options = importlib.import_module("alibabacloud_credentials.http").HttpOptions

    connect = min(_CONNECT_MILLISECONDS, read_milliseconds)
    return options(connect_timeout=connect, read_timeout=read_milliseconds)


def _ecs_role(role_name: str | None) -> _Provider:
    made: _Provider = _providers().EcsRamRoleCredentialsProvider(
        role_name=role_name,
        http_options=_http_options(_METADATA_MILLISECONDS),
        # Else each provider starts a scheduler and a thread that nothing ever stops.
        async_update_enabled=False,
    )
    return made


def _uri(uri: str) -> _Provider:
    made: _Provider = _providers().URLCredentialsProvider(uri=uri, http_options=_http_options())
    return made


def _sts(environment: Environment) -> dict[str, Any]:
    """Where STS is, from the environment now and not when the library happened to be imported."""
    return {
        "sts_region_id": environment.get("ALIBABA_CLOUD_STS_REGION") or None,
        "enable_vpc": environment.get("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "").lower() == "true",
        "http_options": _http_options(),
    }


def _ram_role(settings: CredentialSettings, environment: Environment) -> Callable[[], Fetched]:
    key, secret, token = (
        secret_text(settings, name) for name in ("access_key_id", "access_key_secret", "security_token")
    )
    options = _sts(environment) | _given(settings, "sts_endpoint", "policy", "external_id")
    role = _required(settings, "role_arn")
    options |= {"role_arn": role, "role_session_name": _session(settings, environment)}
    seconds = getattr(settings, "role_session_expiration", None)
    if seconds is not None:
        options["duration_seconds"] = int(seconds)

    def fetch() -> Fetched:
        return _once(
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
    given = _given(settings, "sts_endpoint", "policy")
    seconds = getattr(settings, "role_session_expiration", None)
    if seconds is not None:
        given["duration_seconds"] = int(seconds)
    given["role_session_name"] = _session(settings, environment)
    return lambda: _once(_oidc(role, issuer, token_file, environment, **given))


def _oidc(role: str, issuer: str, token_file: str, environment: Environment, **given: Any) -> _Provider:
    try:
        if not Path(token_file).read_bytes().strip():
            raise NoCredentialsError(f"the token file {token_file} is empty")
    except OSError as error:
        raise NoCredentialsError(f"the token file {token_file} cannot be read: {error.strerror}") from None
    options = _sts(environment) | {"role_session_name": _session(None, environment)} | given
    made: _Provider = _providers().OIDCRoleArnCredentialsProvider(
        role_arn=role,
        oidc_provider_arn=issuer,
        oidc_token_file_path=token_file,
        **options,
    )
    return made


def _profile(name: str, file: Path | None, environment: Environment) -> Callable[[], Fetched]:
    """Read a profile of the vendor's command line, or of its credentials file; again whenever that file has changed."""
    home = Path(environment.get("HOME") or Path.home())
    wanted = name or environment.get("ALIBABA_CLOUD_PROFILE", "")
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
    kept: dict[Path, tuple[tuple[int, int, int], _Provider]] = {}

    def fetch() -> Fetched:
        refusals: list[str] = []
        for path in files:
            try:
                found = _profile_provider(path, wanted, kept).get_credentials()
            except Exception as error:  # The library raises anything.
                refusals.append(f"{path}: {describe(error)}")
                continue
            # These providers hide when the credentials inside them end.
            return Fetched(
                credentials=_converted(found, None),
                end_unknown=bool(found.get_security_token()),
            )
        raise NoCredentialsError("; ".join(refusals))

    return fetch


def _profile_provider(
    path: Path, name: str, kept: dict[Path, tuple[tuple[int, int, int], _Provider]]
) -> _Provider:
    """Give the provider of a profile file, the same as long as the file is: one for an ECS role holds a thread."""
    stat = path.stat()
    seen = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
    if path in kept and kept[path][0] == seen:
        return kept[path][1]
    providers = _providers()
    made: _Provider
    if path.suffix == ".json":
        made = providers.CLIProfileCredentialsProvider(profile_name=name or None, profile_file=str(path))
    else:
        made = providers.ProfileCredentialsProvider(profile_name=name or "default", profile_file=str(path))
    kept[path] = (seen, made)
    return made


def _session(settings: CredentialSettings | None, environment: Environment) -> str:
    given = text_of(settings, "role_session_name") if settings is not None else ""
    return given or environment.get("ALIBABA_CLOUD_ROLE_SESSION_NAME") or "dbs-exporter"


def _given(settings: CredentialSettings, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := text_of(settings, name))}


def _path(settings: CredentialSettings, name: str) -> Path | None:
    given = text_of(settings, name)
    return Path(given) if given else None


def _required(settings: CredentialSettings, name: str) -> str:
    value = text_of(settings, name)
    if not value:
        raise ValueError(f"{name} is missing")
    return value
