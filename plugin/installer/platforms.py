"""Computers for which the engine's packages exist, and the wheel of uv for each."""

from __future__ import annotations

import platform
import sys

from ..i18n import tr
from .failures import InstallationFailed

#: Platform tags of uv's wheels by operating system and processor.
UV_TAGS = {
    ("linux", "x86_64"): "manylinux_2_17_x86_64",
    ("linux", "aarch64"): "manylinux_2_28_aarch64",
    ("darwin", "arm64"): "macosx_11_0_arm64",
    ("win32", "amd64"): "win_amd64",
}


def uv_tag(system: str = sys.platform, processor: str = "") -> str:
    """Return the platform tag of uv's wheel for a computer.

    Raises
    ------
    InstallationFailed
        JAX, which the engine computes with, has no packages for it.
    """
    processor = (processor or platform.machine()).lower()
    processor = {"x64": "amd64", "x86_64": "amd64"}.get(processor, processor) if system == "win32" else processor
    if (system, processor) not in UV_TAGS:
        raise InstallationFailed(
            tr(
                "The engine computes with JAX, which has no current packages for this computer ({system}, "
                "{processor}): it needs Linux, Windows on a 64-bit Intel or AMD processor, or a Mac with Apple "
                "silicon. An engine on another computer cannot be installed from here."
            ).format(system=system, processor=processor)
        )
    return UV_TAGS[system, processor]
