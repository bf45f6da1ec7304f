"""The one file of a form (multipart/form-data), out of a body that was already counted and read."""

from collections.abc import AsyncGenerator

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from shared.contracts.problems import Problem

FORM = "multipart/form-data"


async def file_of_form(body: bytes, headers: Headers) -> bytes:
    """Give the bytes of the part named `file`.

    Raises:
        Problem: `bad-request` when the body is no form; `bad-parameter` when `file` is missing or not a file.
    """

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(headers, stream(), max_files=1, max_fields=1).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Problem("bad-request", "The body is not a form with one file.", field="body") from error
    try:
        part = form.get("file")
        if not isinstance(part, UploadFile):
            raise Problem(
                "bad-parameter",
                "The form has no file named 'file'.",
                remedy="Send it as -F file=@sound.wav.",
                field="file",
            )
        return await part.read()
    finally:
        await form.close()
