"""What a running collector says of itself."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from collector.store.entries import Ledger


class Forwarding(TypedDict):
    """Whether telemetry is forwarded, why, and what was answered last for each signal."""

    reason: str
    endpoint: str
    signals: list[str]
    last: dict[str, Any]
    destinations: dict[str, Any]


class Redacted(TypedDict):
    """How often a rule led to an action."""

    rule: str
    action: str
    signal: str
    count: int


class PolicyStatus(TypedDict):
    """The policy in force; `blocked` says why nothing is sent, and is empty while all is well."""

    name: str
    revision: int
    fingerprint: str
    mode: str
    engine: str
    blocked: str
    sources: list[str]


class OpenCode(TypedDict):
    """Events of OpenCode: items taken and refused, types not known, turns that are not over, messages that forks took
    over from sessions whose turns they were told in, and spans left out, of the npm plugin or of events, since the
    other had told the same before."""

    accepted: int
    rejected: int
    unknown: dict[str, int]
    open_turns: list[dict[str, Any]]
    copied: int
    told_twice: dict[str, int]
    inbox_bytes: int


class TeamStatus(TypedDict):
    """What a team may send, and what it sent since the start: requests and bytes let in, and requests over a limit."""

    name: str
    services: list[str]
    destinations: list[str]
    policy: str
    requests_per_minute: int | None
    bytes_per_minute: int | None
    requests: int
    bytes: int
    refused: int


class WorkersStatus(TypedDict):
    """Processes that seal for this one: how many there should be, how many run, how often one ended by itself."""

    wanted: int
    running: int
    ended: int


class Status(TypedDict):
    """`collector status --json`; the ledger counts spans, log records and data points.

    `grpc` is where OTLP/gRPC is taken, empty where it is not. `answers` counts by path and HTTP status, those of gRPC
    by method and name of the status code.
    """

    running: bool
    version: str
    url: str
    grpc: str
    data_dir: str
    content: str
    forwarding: Forwarding
    ledger: Ledger
    store: dict[str, int]
    answers: dict[str, dict[str, int]]
    redactions: dict[str, int]
    redacted: list[Redacted]
    policy: PolicyStatus
    teams: list[TeamStatus]
    workers: WorkersStatus
    not_reshaped: dict[str, int]
    notices: list[str]
    opencode: OpenCode
