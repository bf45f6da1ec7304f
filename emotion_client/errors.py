"""Everything that the client raises of its own is an `EmotionError`."""

from shared.contracts.analyses import Analysis
from shared.contracts.problems import ProblemDocument


class EmotionError(Exception):
    """Base of the errors below."""


class ProblemError(EmotionError):
    """The server refused or failed, and said why (RFC 9457).

    Args:
        document: the problem document: `type`, `status`, `detail`, `remedy`, `field`, `request_id`.
        retry_after: seconds after which it makes sense to try again, where the server said so.
    """

    def __init__(self, document: ProblemDocument, *, retry_after: float | None = None) -> None:
        super().__init__(f"{document.detail} {document.remedy}")
        self.document = document
        self.retry_after = retry_after

    @property
    def name(self) -> str:
        """The stable name of the kind of problem, such as `unsupported-media`."""
        return self.document.type.removeprefix("/problems/")


class ServerUnreachableError(EmotionError):
    """Nothing answers at the address, or the connection broke before the answer."""


class TlsError(ServerUnreachableError):
    """No encrypted connection: a certificate that is not trusted, or a port that speaks no TLS.

    Args:
        detail: what TLS found wrong, and at which address.
        remedy: what to do about it.
    """

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(f"{detail} {remedy}")
        self.detail = detail
        self.remedy = remedy


class UsageError(EmotionError, ValueError):
    """Nothing was sent: the address, the key, a name or the environment's proxy is none to call with."""


class UnexpectedAnswerError(EmotionError):
    """Something answered that is no emotion server of this version."""


class JobCancelledError(EmotionError):
    """The job was cancelled before it was done."""


class NoJobsError(EmotionError):
    """The server has no jobs; it answered with the analysis itself.

    Args:
        analysis: the answer.
    """

    def __init__(self, analysis: Analysis) -> None:
        super().__init__("The server has no jobs; it answered with the analysis itself.")
        self.analysis = analysis
