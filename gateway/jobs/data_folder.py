"""Whether the folder of jobs can be had, asked once at the start."""

import errno
import tempfile

from gateway.jobs.settings import JobSettings
from gateway.jobs.store import open_private_folder

SETTING = "EMOTION_JOBS__DATA_FOLDER"

# Waiting mends none of these; a disk that is full, or a share that is away, may be back for the first job.
_LASTING = {
    *(errno.EACCES, errno.EPERM, errno.EROFS),
    *(errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR),
}


def why_no_data_folder(jobs: JobSettings) -> str | None:
    """Make the folder where there is none, and say why it can never be had; None where it can or may be.

    Args:
        jobs: their settings; with a database and a store elsewhere they need no folder.
    """
    if jobs.database_url and jobs.store_url:
        return None
    try:
        tempfile.TemporaryFile(dir=open_private_folder(jobs.data_folder)).close()
    except FileExistsError:
        return f"{jobs.data_folder} is not a folder"
    except OSError as error:
        if error.errno is None:
            return str(error)
        if error.errno in _LASTING:
            return f"no file can be made in {jobs.data_folder}: {error.strerror}"
    return None
