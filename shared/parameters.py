"""Query parameters: unknown and repeated ones are refused by name."""

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared.contracts.problems import Problem


def _query_names(dependant: Dependant) -> set[str]:
    names = {field.alias for field in dependant.query_params}
    for inner in dependant.dependencies:
        names |= _query_names(inner)
    return names


async def refuse_unknown_parameters(request: Request) -> None:
    """Dependency of every route.

    Raises:
        Problem: `unknown-parameter` or `bad-parameter`, with the name as its field.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = _query_names(route.dependant)
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        shown = name[:64]
        if name not in known:
            allowed = ", ".join(sorted(known)) or "none"
            raise Problem(
                "unknown-parameter",
                f"There is no parameter named {shown!r}.",
                remedy=f"Leave it out or correct its name. Parameters of this call: {allowed}.",
                field=shown,
            )
        if name in seen:
            raise Problem("bad-parameter", f"{shown!r} is given more than once.", field=shown)
        seen.add(name)
