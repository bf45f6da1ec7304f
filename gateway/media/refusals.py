"""The problems that decoding reports, worded once."""

from shared.contracts.problems import Problem


def unsupported(what: str) -> Problem:
    """Say that the upload is `what` (with its article), which is not analysed."""
    return Problem("unsupported-media", f"The file is {what}.", field="file")


def damaged(detail: str) -> Problem:
    """Say what of the media could not be read."""
    return Problem("damaged-media", detail, field="file")


def over_limit(limit: str, what: str, value: float, allowed: float) -> Problem:
    """Say which value of the media is beyond which limit.

    Args:
        limit: name of the limit in `MediaLimits`.
        what: subject of the sentence, for example `The picture's number of pixels`.
        value: what the media have or claim.
        allowed: the limit's value.
    """
    return Problem(
        "media-over-limit",
        f"{what} is {value:,.10g}; the limit is {allowed:,.10g}.",
        field="file",
        extra={"limit": limit, "value": value, "allowed": allowed},
    )


def out_of_memory(memory_bytes: int) -> Problem:
    """Say that decoding needed more memory than it is given."""
    return Problem(
        "media-over-limit",
        f"Decoding needs more memory than the {memory_bytes >> 20} MiB it may take.",
        field="file",
        extra={"limit": "memory_bytes", "allowed": memory_bytes},
    )


def out_of_cpu_time(cpu_seconds: int) -> Problem:
    """Say that decoding needed more CPU time than it is given."""
    return Problem(
        "media-over-limit",
        f"Decoding takes more CPU time than the media are given (at most {cpu_seconds} s).",
        field="file",
        extra={"limit": "cpu_seconds", "allowed": cpu_seconds},
    )
