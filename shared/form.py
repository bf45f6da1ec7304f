"""Files of a form (multipart/form-data), out of a body that was already counted and read."""

from collections.abc import AsyncGenerator

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from shared.contracts.problems import Problem

FORM = "multipart/form-data"
_REMEDY = "Send files in parts named 'file', as `curl -F file=@NAME` does."


async def files_of_form(body: bytes, headers: Headers, *, most: int) -> list[bytes]:
    """Give the bytes of the parts named `file`, at least one.

    Args:
        body: the whole form.
        headers: of the request; the boundary is in its Content-Type.
        most: files that may be in it.

    Raises:
        Problem: `bad-request` when the body is no form or has too many parts; `bad-parameter` when a part is
            not a file named `file`, or there is none.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(headers, stream(), max_files=most, max_fields=1)
    # The body is in memory already; from 1 MB on, its files would fill the temporary folder too.
    parser.spool_max_size = len(body)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        detail = f"The body is not a form with at most {most} files."
        raise Problem("bad-request", detail, remedy=_REMEDY, field="body") from error
    try:
        files = []
        for name, part in form.multi_items():
            if name != "file" or not isinstance(part, UploadFile):
                detail = f"The part named {name[:64]!r} is not a file named 'file'."
                raise Problem("bad-parameter", detail, remedy=_REMEDY, field=name[:64])
            files.append(await part.read())
    finally:
        await form.close()
    if not files:
        raise Problem("bad-parameter", "The form has no file named 'file'.", remedy=_REMEDY, field="file")
    return files
