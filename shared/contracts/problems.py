"""Problem documents (RFC 9457): what went wrong, and what to do about it."""

from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE = "application/problem+json"

T = TypeVar("T")
# A member that only some problems have; not `null` in the others.
_Member = Annotated[T | None, Field(exclude_if=lambda value: value is None)]


class FieldFault(BaseModel):
    """One fault of a request that has several, maybe."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(examples=["fps"], description="The parameter, header or field at fault.")
    message: str = Field(examples=["Input should be greater than 0"])


class ProblemDocument(BaseModel):
    """The body of every error answer (RFC 9457, media type `application/problem+json`)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = Field(
        examples=["/problems/unsupported-media"], description="Stable name of the kind of problem."
    )
    title: str = Field(examples=["Unsupported media"])
    status: int = Field(ge=400, le=599, examples=[415])
    detail: str = Field(examples=["The file is a PDF document, not a picture, sound or film."])
    remedy: str = Field(
        examples=["Send a JPEG, PNG, WAV, MP3, MP4 or WebM file."], description="What to do about it."
    )
    field: str | None = Field(
        default=None, examples=["file"], description="The parameter, header or field at fault."
    )
    request_id: str | None = Field(default=None, description="Equal to the X-Request-Id header.")
    errors: _Member[tuple[FieldFault, ...]] = Field(
        default=None, description="Of `bad-parameter`: all faults, of which `field` names the first."
    )
    limit: _Member[str | int | float] = Field(
        default=None,
        description="The limit passed: its name in `GET /v1/limits` of `media-over-limit`, else its value.",
    )
    value: _Member[int | float] = Field(
        default=None, description="Of `media-over-limit`: what the media have or claim."
    )
    allowed: _Member[int | float] = Field(
        default=None, description="Of `media-over-limit`: the value of the limit."
    )
    available: _Member[tuple[str, ...]] = Field(
        default=None, description="Of `not-acceptable`: the media types that can be had."
    )
    components: _Member[dict[str, str]] = Field(
        default=None, description="Of `not-ready`: each part, and whether it is `ready`."
    )
    location: _Member[str] = Field(
        default=None, description="Of `request-in-progress`: the address of its job."
    )
    problem: "_Member[ProblemDocument]" = Field(
        default=None, description="Of `analysis-failed`: why the job failed; absent where it was cancelled."
    )

    @property
    def members(self) -> Mapping[str, Any]:
        """What only some problems have, and this one does: name -> value."""
        return {name: value for name, value in self if value is not None and name not in _OF_EVERY_PROBLEM}


_OF_EVERY_PROBLEM = {"type", "title", "status", "detail", "remedy", "field", "request_id"}


class Problem(Exception):  # noqa: N818 - "problem" is the word of RFC 9457
    """A refusal or failure that a client is told about.

    Args:
        name: last part of the type URI, for example `unsupported-media`; must be in `CATALOGUE`.
        detail: what happened with this request, without paths or internals.
        remedy: what the client can do; the catalogue's own where not given.
        field: parameter at fault.
        retry_after: seconds for the Retry-After header.
        extra: further members of the document.
    """

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        remedy: str | None = None,
        field: str | None = None,
        retry_after: int | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.name = name
        self.status, self.title, default_remedy = CATALOGUE[name]
        self.detail = detail
        self.remedy = remedy or default_remedy
        self.field = field
        self.retry_after = retry_after
        self.extra = extra or {}

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (self.name, self.detail, self.remedy, self.field, self.retry_after, self.extra))

    @classmethod
    def of(cls, document: ProblemDocument, *, retry_after: int | None = None) -> Self:
        """Give the problem that a document tells.

        Raises:
            KeyError: it is of a kind that is not in `CATALOGUE`.
        """
        return cls(
            document.type.removeprefix("/problems/"),
            document.detail,
            remedy=document.remedy,
            field=document.field,
            retry_after=retry_after,
            extra=dict(document.members),
        )

    def document(self, request_id: str | None = None) -> ProblemDocument:
        """Give the body for an answer to the request with this id."""
        return ProblemDocument(
            type=f"/problems/{self.name}",
            title=self.title,
            status=self.status,
            detail=self.detail,
            remedy=self.remedy,
            field=self.field,
            request_id=request_id,
            **self.extra,
        )


def _rebuild(  # noqa: PLR0917 - the shape that pickle wants
    name: str, detail: str, remedy: str, field: str | None, retry_after: int | None, extra: dict[str, Any]
) -> Problem:
    return Problem(name, detail, remedy=remedy, field=field, retry_after=retry_after, extra=extra)


# For each name: status, title and remedy.
CATALOGUE: dict[str, tuple[int, str, str]] = {
    "bad-request": (400, "Bad request", "Correct the request and send it again."),
    "bad-parameter": (
        422,
        "Bad parameter",
        "Correct the parameter named in `field`; /docs lists what is allowed.",
    ),
    "unknown-parameter": (
        422,
        "Unknown parameter",
        "Leave it out or correct its name; /docs lists what is allowed.",
    ),
    "unauthorized": (
        401,
        "Unauthorized",
        "Send a key of this server in the header `Authorization: Bearer emo_...`.",
    ),
    "not-finished": (
        409,
        "Not finished",
        "Wait until the job has finished: GET /v1/analyses/{id} or its /events tell.",
    ),
    "analysis-failed": (409, "Analysis failed", "See `problem`, and send the file again."),
    "request-in-progress": (
        409,
        "Request in progress",
        "Wait as long as Retry-After says, then send it again with the same Idempotency-Key.",
    ),
    "idempotency-key-reused": (
        422,
        "Idempotency key reused",
        "Use a new Idempotency-Key for another file or other options.",
    ),
    "not-acceptable": (406, "Not acceptable", "Accept one of the media types in `available`."),
    "not-found": (404, "Not found", "See /docs for the addresses that exist."),
    "method-not-allowed": (405, "Method not allowed", "Use a method named in the Allow header."),
    "upgrade-required": (
        426,
        "Upgrade required",
        "Open it as a WebSocket; a proxy in between must pass on the headers Upgrade and Connection.",
    ),
    "client-closed-request": (
        499,
        "Client closed request",
        "Keep the connection open until the answer arrives.",
    ),
    "empty-upload": (422, "Empty upload", "Send the bytes of a picture, a sound or a film."),
    "upload-too-large": (413, "Upload too large", "Send a smaller file; /v1/limits gives the limit."),
    "header-too-large": (431, "Header too large", "Send a shorter address and shorter headers."),
    "upload-too-slow": (408, "Upload too slow", "Send the body faster."),
    "unsupported-media": (
        415,
        "Unsupported media",
        "Send a JPEG, PNG, WebP, BMP, GIF, WAV, MP3, FLAC, Ogg, M4A, MP4, MOV, MKV, WebM, AVI or TS file.",
    ),
    "damaged-media": (422, "Damaged media", "Check that the file plays, or export it again."),
    "media-over-limit": (
        422,
        "Media over limit",
        "Send shorter, smaller or simpler media; /v1/limits gives every limit.",
    ),
    "nothing-to-analyse": (422, "Nothing to analyse", "Ask for a modality that the media has."),
    "wrong-origin": (
        403,
        "Wrong origin",
        "Open this server's own page, or have its operator name your origin in EMOTION_CORS_ORIGINS.",
    ),
    "unexpected-message": (
        422,
        "Unexpected message",
        "Send `open`, wait for `ready`, then send media as binary messages: see docs/live.md.",
    ),
    "message-too-large": (413, "Message too large", "Send smaller messages; `ready` gives the limit."),
    "wrong-order": (422, "Wrong order", "Send pictures in the order of their times, and sound likewise."),
    "too-fast": (429, "Too fast", "Send no faster than it is filmed; `ready` gives the limits."),
    "stream-too-long": (413, "Stream too long", "Begin a new stream; `ready` gives the limits."),
    "stream-idle": (408, "Stream idle", "Send media without such pauses, or begin a new stream."),
    "reader-too-slow": (408, "Reader too slow", "Read the events as they come, or ask for a lower `fps`."),
    "too-many-requests": (429, "Too many requests", "Wait as long as Retry-After says, then send it again."),
    "overloaded": (503, "Overloaded", "Wait as long as Retry-After says, then send it again."),
    "service-unavailable": (
        503,
        "Service unavailable",
        "Wait as long as Retry-After says, then send it again.",
    ),
    "not-ready": (503, "Not ready", "Wait until /health/ready answers 200."),
    "deadline-exceeded": (
        504,
        "Deadline exceeded",
        "Send it with `Prefer: respond-async` and come back for it, or send shorter media or a lower `fps`.",
    ),
    "internal-error": (
        500,
        "Internal error",
        "Send it again; if it fails again, report it with the request id.",
    ),
}
