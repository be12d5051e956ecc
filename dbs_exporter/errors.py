"""Everything that can go wrong, as one tree.

    DbsExporterError
    ├── ConfigError              a configuration file, flag or argument is wrong                 exit 2
    ├── CredentialsError         no usable credentials could be had (file, variable, STS, ...)   exit 3
    └── ApiError                 a call failed; `kind` says how
        ├── Throttled            too many calls; comes as HTTP 400, 429 or 503                   retry
        ├── Denied               the API refuses this caller                                     exit 3
        │   ├── BadCredentials   the key, signature or token itself is refused
        │   └── NotPermitted     the credentials are good, RAM does not allow this operation
        ├── Invalid              the request is wrong or names something that does not exist
        ├── ServerError          the API broke                                                   retry
        ├── Timeout              no whole answer within the time allowed                         retry
        ├── Unreachable          no connection, no name, no TLS                                  retry
        └── BadAnswer            an answer that cannot be understood; `field` says where

It owns the names and exit codes; it never logs and never decides whether to try again a second time.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Outcome = Literal[
    "success", "throttled", "denied", "invalid", "server_error", "timeout", "unreachable", "bad_answer"
]
"""How one attempt at a call ended; the label `outcome` of `dbs_exporter_api_requests_total`."""

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_DENIED = 3
EXIT_UNREACHABLE = 4


class DbsExporterError(Exception):
    """Any failure that is told to the user as a sentence and never as a traceback."""

    exit_code: ClassVar[int] = EXIT_UNEXPECTED


class ConfigError(DbsExporterError):
    """A configuration is wrong; one message per problem, each naming file, line, key and what would be right."""

    exit_code = EXIT_USAGE

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class CredentialsError(DbsExporterError):
    """No usable credentials; the message names the account and the source, never a secret."""

    exit_code = EXIT_DENIED
    kind: ClassVar[Outcome] = "denied"


class ApiError(DbsExporterError):
    """A call to DBS failed.

    `code` is the API's own error code ("" if there is none), `http_status` the HTTP status (None without an answer),
    `retry_after_seconds` what the server asked for, `field` the place in an answer that could not be understood, `cure` what
    mends it where that is known.
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
        self.cure = ""

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.operation, self.code, self.field, self.message) if part)
        if self.cure:
            text = f"{text}; {self.cure}"
        return f"{text} (request {self.request_id})" if self.request_id else text


class Throttled(ApiError):
    """The API asked for fewer calls; safe to try again later."""

    kind = "throttled"
    retryable = True


class Denied(ApiError):
    """The API refuses this caller; trying again changes nothing."""

    exit_code = EXIT_DENIED
    kind = "denied"


class BadCredentials(Denied):
    """The access key, the signature or the token is refused."""


class NotPermitted(Denied):
    """The credentials are good, but RAM does not allow the operation, or not on this plan."""


class Invalid(ApiError):
    """The request is wrong, or what it names does not exist; trying again changes nothing."""

    exit_code = EXIT_UNEXPECTED
    kind = "invalid"


class ServerError(ApiError):
    """The API failed inside; safe to try again."""

    kind = "server_error"
    retryable = True


class Timeout(ApiError):
    """No whole answer in time; safe to try again, since only reads are ever repeated."""

    kind = "timeout"
    retryable = True


class Unreachable(ApiError):
    """Name, connection or TLS failed; safe to try again."""

    kind = "unreachable"
    retryable = True


class BadAnswer(ApiError):
    """An answer was not what the API documents, in the place `field`; a repeated read may mend it, a retry does not."""

    kind = "bad_answer"
