"""The collector as a service of the user's: a systemd user unit, a launchd agent, or a task at logon on Windows.

    Linux      <config>/systemd/user/opencode-collector.service    systemctl --user
    macOS      ~/Library/LaunchAgents/<label>.plist                launchctl
    Windows    a task of that name                                 schtasks

A service sees none of the shell's variables: its settings stand in `collector.toml` in the user's configuration
directory.
"""

from __future__ import annotations

import plistlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.errors import CollectorError, ConfigError

NAME = "opencode-collector"
_LABEL = "dev.opencode-collector"
_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Service:
    """What is written where, and the commands that start, stop and show it."""

    file: Path | None
    text: str
    start: tuple[tuple[str, ...], ...]
    stop: tuple[tuple[str, ...], ...]
    show: tuple[str, ...]

    def install(self) -> None:
        """Write the file and start; raises `CollectorError` with what the system said."""
        if self.file is not None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.write_text(self.text, encoding="utf-8")
        for command in self.start:
            _run(command)

    def uninstall(self) -> None:
        """Stop and delete the file; nothing where there is none."""
        for command in self.stop:
            subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
        if self.file is not None:
            self.file.unlink(missing_ok=True)

    def status(self) -> tuple[bool, str]:
        """Whether the system runs it, and what it says."""
        try:
            found = subprocess.run(self.show, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except OSError as error:
            raise CollectorError(f"{self.show[0]} cannot be run: {error.strerror}") from None
        return found.returncode == 0, (found.stdout or found.stderr).strip()


def service(platform: str, command: Sequence[str], home: Path, environ: Mapping[str, str]) -> Service:
    """The service of this platform that runs `command`; raises `ConfigError` where there is no form for it."""
    if platform.startswith("linux"):
        return _systemd(command, Path(environ.get("XDG_CONFIG_HOME") or home / ".config"))
    if platform == "darwin":
        return _launchd(command, home)
    if platform == "win32":
        return _task(command)
    raise ConfigError(
        f"no form of service is known for {platform}: start `collector serve` as others are started there"
    )


def _systemd(command: Sequence[str], config: Path) -> Service:
    unit = f"{NAME}.service"
    text = f"""[Unit]
Description=opencode-collector: a local OTLP collector for coding agents
Documentation=man:systemd.service(5)

[Service]
ExecStart={" ".join(_quoted(part) for part in command)}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
TimeoutStopSec=15
UMask=0077
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""
    systemctl = ("systemctl", "--user")
    return Service(
        config / "systemd" / "user" / unit,
        text,
        start=((*systemctl, "daemon-reload"), (*systemctl, "enable", "--now", unit)),
        stop=((*systemctl, "disable", "--now", unit),),
        show=(*systemctl, "status", "--no-pager", unit),
    )


def _quoted(part: str) -> str:
    """A word of ExecStart: `%` and `$` stand for something there (systemd.service, "Command lines")."""
    part = part.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{part}"' if any(char.isspace() or char in "\"'\\;" for char in part) else part


def _launchd(command: Sequence[str], home: Path) -> Service:
    file = home / "Library" / "LaunchAgents" / f"{_LABEL}.plist"
    log = str(home / "Library" / "Logs" / f"{NAME}.log")
    wanted = {
        "Label": _LABEL,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ExitTimeOut": 15,
        "Umask": 0o077,
        "StandardErrorPath": log,
        "StandardOutPath": log,
    }
    return Service(
        file,
        plistlib.dumps(wanted).decode(),
        start=(("launchctl", "load", "-w", str(file)),),
        stop=(("launchctl", "unload", "-w", str(file)),),
        show=("launchctl", "list", _LABEL),
    )


def _task(command: Sequence[str]) -> Service:
    line = subprocess.list2cmdline(command)
    create = ("schtasks", "/Create", "/F", "/SC", "ONLOGON", "/RL", "LIMITED", "/TN", NAME, "/TR", line)
    return Service(
        None,
        subprocess.list2cmdline(create) + "\n",
        start=(create, ("schtasks", "/Run", "/TN", NAME)),
        stop=(("schtasks", "/End", "/TN", NAME), ("schtasks", "/Delete", "/F", "/TN", NAME)),
        show=("schtasks", "/Query", "/TN", NAME),
    )


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except FileNotFoundError:
        raise CollectorError(
            f"{command[0]} is not here: start `collector serve` as services are started here"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CollectorError(f"{command[0]} did not work ({type(error).__name__})") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip().splitlines()
        raise CollectorError(f"{' '.join(command)}: {said[-1] if said else f'exit code {error.returncode}'}") from None
