"""The status as Prometheus text. Labels hold our own words only, never a client's."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from collector.enums import LOCAL
from collector.viewer.status import Status


def exposition(status: Status) -> bytes:
    """Write `status` in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_StatusCollector(status))
    return generate_latest(registry)


class _StatusCollector(Collector):
    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        items = CounterMetricFamily(
            "collector_items",
            "Spans, log records and data points by what became of them",
            labels=["destination", "signal", "outcome", "reason"],
        )
        waiting = GaugeMetricFamily(
            "collector_items_waiting", "Items queued or set aside", labels=["destination", "signal", "state"]
        )
        for destination, signals in self._status["ledger"].items():
            for signal, account in signals.items():
                items.add_metric([destination, signal, "received", ""], account["received"])
                outcome = "kept" if destination == LOCAL else "delivered"
                items.add_metric([destination, signal, outcome, ""], account["delivered"])
                for reason, count in account["dropped"].items():
                    items.add_metric([destination, signal, "dropped", reason], count)
                waiting.add_metric([destination, signal, "queued"], account["queued"])
                waiting.add_metric([destination, signal, "dead_lettered"], account["dead_lettered"])
        yield items
        yield waiting
        answers = CounterMetricFamily("collector_requests", "Answers to OTLP clients", labels=["path", "status"])
        for path, statuses in self._status["answers"].items():
            for code, count in statuses.items():
                answers.add_metric([path, code], count)
        yield answers
        redactions = CounterMetricFamily(
            "collector_redactions", "Values redacted, by rule", labels=["rule", "action", "signal"]
        )
        for line in self._status["redacted"]:
            redactions.add_metric([line["rule"], line["action"], line["signal"]], line["count"])
        yield redactions
        policy = self._status["policy"]
        in_force = GaugeMetricFamily(
            "collector_policy_in_force",
            "1 under the policy in force; 0 while it blocks sending",
            labels=["name", "revision", "fingerprint"],
        )
        in_force.add_metric([policy["name"], str(policy["revision"]), policy["fingerprint"]], not policy["blocked"])
        yield in_force
        failed = CounterMetricFamily("collector_not_reshaped", "Spans left as they came", labels=["convention"])
        for convention, count in self._status["not_reshaped"].items():
            failed.add_metric([convention], count)
        yield failed
        workers = self._status["workers"]
        yield GaugeMetricFamily("collector_workers_running", "Processes that seal beside this one", workers["running"])
        yield CounterMetricFamily(
            "collector_workers_ended", "Sealing processes that ended by themselves", workers["ended"]
        )
        for name, size in self._status["store"].items():
            yield GaugeMetricFamily(f"collector_store_{name}", "Bytes of sealed batches", value=size)
        failures = GaugeMetricFamily(
            "collector_forward_failures", "Attempts that failed in a row", labels=["destination", "signal"]
        )
        for destination, signals in self._status["forwarding"]["destinations"].items():
            for signal, last in signals.items():
                failures.add_metric([destination, signal], last["failures"])
        yield failures
