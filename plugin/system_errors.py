"""Errors of the operating system, in words for the user."""

from __future__ import annotations

import errno

from .i18n import tr

# On Windows: another program has the file open.
SHARING_VIOLATION = 32


def system_reason(error: OSError) -> str:
    """Return why the operating system could not open, read or write a file, as part of a sentence.

    Examples
    --------
    >>> system_reason(OSError(errno.ENOSPC, "No space left on device"))
    'the disk is full'
    """
    if getattr(error, "winerror", None) == SHARING_VIOLATION:
        return tr("another program has it open")
    reasons = {
        errno.ENOSPC: tr("the disk is full"),
        getattr(errno, "EDQUOT", None): tr("the space that you may use on this disk is full"),
        errno.EFBIG: tr("the file would be larger than this disk allows"),
        errno.EACCES: tr("no permission"),
        errno.EPERM: tr("no permission"),
        errno.EROFS: tr("the disk is write-protected"),
        errno.ENAMETOOLONG: tr("the name is too long"),
        errno.ENOENT: tr("it does not exist"),
        errno.ENOTDIR: tr("part of its path is a file, not a folder"),
        errno.EISDIR: tr("it is a folder"),
        errno.EBUSY: tr("another program uses it"),
        errno.ETXTBSY: tr("another program uses it"),
        errno.EINVAL: tr("its name has characters that this disk does not accept"),
        errno.EIO: tr("the disk reports an error"),
        getattr(errno, "ESTALE", None): tr("the network drive can no longer be reached"),
        getattr(errno, "ENOTCONN", None): tr("the network drive can no longer be reached"),
    }
    if error.errno in reasons and error.errno is not None:
        return reasons[error.errno]
    # NumPy reports a short write without an error number.
    return tr("the disk is full") if "requested and" in str(error) else tr("the system reports an error")
