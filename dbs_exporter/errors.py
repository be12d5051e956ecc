"""The exceptions of the exporter, as one tree.

    DbsExporterError
    ├── ConfigError              a configuration file, flag or argument is wrong                 exit 2
    ├── DrillError               a drill was refused, or what it was to prove did not come back    exit 9
    ├── CredentialsError         no usable credentials could be had (file, variable, STS, ...)   exit 3
    └── ApiError                 a call failed; `kind` says how
        ├── Throttled            too many calls; comes as HTTP 400, 429 or 503                   retry
        ├── Denied               the API refuses the caller                                      exit 3
        │   ├── BadCredentials   the key, signature or token itself is refused
        │   └── NotPermitted     the credentials are good, RAM does not allow this operation
        ├── Invalid              the request is wrong or names something that does not exist         exit 7
        ├── ServerError          the API failed inside                                           retry
        ├── Timeout              no complete answer within the time allowed                      retry
        ├── Unreachable          no connection, no name, no TLS                                  retry
        └── BadAnswer            an answer that cannot be understood; `field` says where

This module owns the names, the exit codes and which failures are worth a retry (`retryable`). It never logs and never
retries by itself.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Outcome = Literal[
    "success", "throttled", "denied", "invalid", "server_error", "timeout", "unreachable", "bad_answer"
]
"""How an attempt at a call ended: the label `outcome` of `dbs_exporter_api_requests_total`."""

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_DENIED = 3
EXIT_UNREACHABLE = 4
EXIT_BUDGET = 5
"""The calls that are allowed do not suffice for what is to be watched."""
EXIT_WARNED = 6
"""There are warnings, and `--strict` takes them for failures."""
EXIT_REFUSED = 7
"""The API understood the request and refuses it as wrong."""
EXIT_FOLLOWED = 8
"""What `call --wait` followed failed, or did not end in time."""
EXIT_NOT_PROVEN = 9
"""A drill was refused, or the data did not come back."""


class DbsExporterError(Exception):
    """A failure that the user sees as a sentence, never as a traceback."""

    exit_code: ClassVar[int] = EXIT_UNEXPECTED


class ConfigError(DbsExporterError):
    """A configuration is wrong.

    `problems` holds one message per problem; each names the file, line and key, and what would be right.
    """

    exit_code = EXIT_USAGE

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class DrillError(DbsExporterError):
    """A drill was refused, and nothing was changed; `problems` holds one message per reason."""

    exit_code = EXIT_NOT_PROVEN

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class CredentialsError(DbsExporterError):
    """An account has no usable credentials; the message names the account and the source, never a secret."""

    exit_code = EXIT_DENIED
    kind: ClassVar[Outcome] = "denied"


class ApiError(DbsExporterError):
    """A call to DBS failed.

    `code` is the API's error code ("" if there is none), `http_status` the HTTP status (None without an answer),
    `retry_after_seconds` how long the server asks to wait, `field` the place in an answer that could not be understood, and
    `cure` how to fix the problem ("" if that is not known).
    """

    exit_code = EXIT_UNREACHABLE
    kind: ClassVar[Outcome] = "server_error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        operation: str = "",
        code: str = "",
        request_id: str = "",
        http_status: int | None = None,
        retry_after_seconds: float | None = None,
        field: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.code = code
        self.request_id = request_id
        self.http_status = http_status
        self.retry_after_seconds = retry_after_seconds
        self.field = field
        self.date = ""
        self.cure = ""

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.operation, self.code, self.field, self.message) if part)
        if self.cure:
            text = f"{text}; {self.cure}"
        return f"{text} (request {self.request_id})" if self.request_id else text


class Throttled(ApiError):
    """The API demands fewer calls; a retry later is safe."""

    kind = "throttled"
    retryable = True


class Denied(ApiError):
    """The API refuses the caller; a retry changes nothing."""

    exit_code = EXIT_DENIED
    kind = "denied"


class BadCredentials(Denied):
    """The API refuses the access key, the signature or the token."""


class NotPermitted(Denied):
    """The credentials are valid, but RAM does not allow the operation, or not on this plan."""


class Invalid(ApiError):
    """The request is wrong or names something that does not exist; a retry changes nothing."""

    exit_code = EXIT_REFUSED
    kind = "invalid"


class ServerError(ApiError):
    """The API failed inside; a retry is safe."""

    kind = "server_error"
    retryable = True


class Timeout(ApiError):
    """No complete answer came in time; a retry is safe, because only reads are ever retried."""

    kind = "timeout"
    retryable = True


class Unreachable(ApiError):
    """Name resolution, the connection or TLS failed; a retry is safe."""

    kind = "unreachable"
    retryable = True


class BadAnswer(ApiError):
    """An answer differs from what the API documents, at `field`.

    Reading a list anew may help, a retry of the call does not.
    """

    kind = "bad_answer"
