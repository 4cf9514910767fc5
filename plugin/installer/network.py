"""Downloads through QGIS's network manager, and its proxy and certificates for other programs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from qgis.core import QgsApplication, QgsBlockingNetworkRequest, QgsFeedback, QgsNetworkAccessManager
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtNetwork import QNetworkProxy, QNetworkRequest

from ..cancelled import Cancelled
from ..i18n import tr
from .failures import InstallationFailed, disk_failure, failure

#: The package index that pip uses by default.
DEFAULT_INDEX = "https://pypi.org/simple"

BLOCK_BYTES = 1 << 20


def is_folder(index: str) -> bool:
    """Return whether an index is a folder of wheels on this computer."""
    return "://" not in index


def index_files(index: str, package: str, feedback: QgsFeedback) -> dict[str, str]:
    """Return where the files of a package are: URLs or, for a folder, paths, by file name.

    Parameters
    ----------
    index
        A folder of wheels, or the URL of an index with the JSON form of the simple repository API (PEP 691).
    package
        Normalized name.
    feedback
        Cancels the request.

    Raises
    ------
    InstallationFailed
        The folder does not exist, or the index does not answer.
    Cancelled
        The user cancelled.
    """
    if is_folder(index):
        folder = Path(index)
        if not folder.is_dir():
            raise InstallationFailed(tr("There is no folder of packages at {folder}.").format(folder=folder))
        return {path.name: str(path) for path in sorted(folder.glob(f"{package}-*"))}
    page = f"{index.rstrip('/')}/{package}/"
    request = QNetworkRequest(QUrl(page))
    request.setRawHeader(b"Accept", b"application/vnd.pypi.simple.v1+json")
    content = _get(request, feedback, tr("The package index does not answer"))
    try:
        files = json.loads(content)["files"]
        return {file["filename"]: QUrl(page).resolved(QUrl(file["url"])).toString() for file in files}
    except (ValueError, KeyError, TypeError) as error:
        raise InstallationFailed(
            tr("{page} is not a package index. Check the network: it may be showing you a page to log in.").format(
                page=page
            )
        ) from error


def download(
    source: str, target: Path, sha256: set[str], feedback: QgsFeedback, on_bytes: Callable[[int, int], None]
) -> None:
    """Download or copy a file and check its hash; the target appears when it is complete.

    Parameters
    ----------
    source
        URL or path.
    target
        Path of the file; not changed if the download fails.
    sha256
        The hashes that are accepted.
    feedback
        Cancels the request.
    on_bytes
        Called with the bytes received and their total, 0 if unknown.

    Raises
    ------
    InstallationFailed
        The download failed, or the file has another hash.
    Cancelled
        The user cancelled.
    """
    unfinished = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if "://" in source:
            step = tr("{name} could not be downloaded").format(name=target.name)
            unfinished.write_bytes(_get(QNetworkRequest(QUrl(source)), feedback, step, on_bytes))
        else:
            shutil.copyfile(source, unfinished)
        digest = _sha256(unfinished)
        if digest not in sha256:
            raise failure(
                tr("{name} was not accepted").format(name=target.name),
                (),
                reason=tr("hash mismatch: the file has the hash {digest}").format(digest=digest),
            )
        os.replace(unfinished, target)
    except OSError as error:
        raise disk_failure(tr("{name} could not be saved").format(name=target), error) from error
    finally:
        if unfinished.exists():
            unfinished.unlink()


def trusted_authorities() -> bytes:
    """Return the certificate authorities that QGIS trusts, in PEM format."""
    return bytes(QgsApplication.authManager().trustedCaCertsPemText())


def network_environment(index: str, certificates: Path, timeout: int) -> dict[str, str]:
    """Return environment variables by which another program uses QGIS's proxy and certificates.

    Parameters
    ----------
    index
        The package index, which the proxy leads to.
    certificates
        File to write the trusted certificate authorities to, QGIS's own among them.
    timeout
        Seconds without an answer after which the program gives up.
    """
    variables = {"UV_HTTP_TIMEOUT": str(timeout)}
    authorities = trusted_authorities()
    if authorities:
        certificates.parent.mkdir(parents=True, exist_ok=True)
        certificates.write_bytes(authorities)
        variables["SSL_CERT_FILE"] = str(certificates)
    proxy = _proxy(DEFAULT_INDEX if is_folder(index) else index)
    if proxy:
        variables |= {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy}
    return variables


def _proxy(url: str) -> str:
    """Return QGIS's proxy for a URL; empty if there is none, or the environment's applies."""
    manager = QgsNetworkAccessManager.instance()
    address = QUrl(url).toString()
    excluded = [*manager.excludeList(), *manager.noProxyList()]
    if any(prefix and address.startswith(prefix) for prefix in excluded):
        return ""
    proxy = manager.fallbackProxy()
    schemes = {
        QNetworkProxy.ProxyType.HttpProxy: "http",
        QNetworkProxy.ProxyType.HttpCachingProxy: "http",
        QNetworkProxy.ProxyType.Socks5Proxy: "socks5",
    }
    if proxy.type() not in schemes or not proxy.hostName():
        return ""
    login = f"{quote(proxy.user(), safe='')}:{quote(proxy.password(), safe='')}@" if proxy.user() else ""
    return f"{schemes[proxy.type()]}://{login}{proxy.hostName()}:{proxy.port()}"


def _get(
    request: QNetworkRequest,
    feedback: QgsFeedback,
    step: str,
    on_bytes: Callable[[int, int], None] = lambda received, total: None,
) -> bytes:
    blocking = QgsBlockingNetworkRequest()
    blocking.downloadProgress.connect(lambda received, total: on_bytes(received, max(total, 0)))  # −1: not known
    result = blocking.get(request, True, feedback)
    if feedback.isCanceled():
        raise Cancelled(tr("Cancelled."))
    if result != QgsBlockingNetworkRequest.ErrorCode.NoError:
        raise failure(step, (), reason=blocking.errorMessage() or tr("no answer"))
    return bytes(blocking.reply().content())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
