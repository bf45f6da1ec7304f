"""How a stream ends: each kind of problem has a close code (RFC 6455, section 7.4)."""

from shared.contracts.problems import Problem

DONE = 1000
_WRONG_KIND = 1003
_BAD_DATA = 1007
_AGAINST_THE_RULES = 1008
_TOO_BIG = 1009
_FAULT = 1011
_TRY_LATER = 1013
_REASON_BYTES = 123

CODES = {
    "unexpected-message": _WRONG_KIND,
    "unsupported-media": _WRONG_KIND,
    "nothing-to-analyse": _WRONG_KIND,
    "bad-request": _BAD_DATA,
    "bad-parameter": _BAD_DATA,
    "damaged-media": _BAD_DATA,
    "empty-upload": _BAD_DATA,
    "wrong-order": _BAD_DATA,
    "wrong-origin": _AGAINST_THE_RULES,
    "unauthorized": _AGAINST_THE_RULES,
    "media-over-limit": _AGAINST_THE_RULES,
    "too-fast": _AGAINST_THE_RULES,
    "stream-too-long": _AGAINST_THE_RULES,
    "stream-idle": _AGAINST_THE_RULES,
    "reader-too-slow": _AGAINST_THE_RULES,
    "message-too-large": _TOO_BIG,
    "overloaded": _TRY_LATER,
    "too-many-requests": _TRY_LATER,
    "service-unavailable": _TRY_LATER,
    "deadline-exceeded": _TRY_LATER,
    "not-ready": _TRY_LATER,
}


def close_code(problem: Problem) -> int:
    """Give the code that a stream closes with because of a problem."""
    return CODES.get(problem.name, _FAULT)


def close_reason(problem: Problem) -> str:
    """Give the problem's name and as much of its detail as a close frame holds."""
    reason = f"{problem.name}: {problem.detail}".encode()[:_REASON_BYTES]
    return reason.decode(errors="ignore")
