"""A collector that listens with TLS: clients, its own commands, and who may not connect."""

from __future__ import annotations

import contextlib
import ssl
import urllib.request
from pathlib import Path

import grpc
import pytest
from harness.certificates import certificate
from harness.grpc_client import TRACES, GrpcClient
from harness.process import run, running
from harness.telemetry import PROTOBUF, traces
from harness.upstream import upstream, wait_for


def context(directory: Path, client: str = "") -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=directory / "server.pem")
    made.check_hostname = False
    if client:
        made.load_cert_chain(directory / f"{client}.pem", directory / f"{client}.key")
    return made


def settings(directory: Path, **more: str) -> dict[str, str]:
    server = directory / "server.pem"
    key = server.with_suffix(".key")
    return {"COLLECTOR_TLS_CERTIFICATE": str(server), "COLLECTOR_TLS_KEY": str(key), **more}


def post(url: str, using: ssl.SSLContext) -> int:
    body = traces(2).SerializeToString()
    request = urllib.request.Request(url + "/v1/traces", body, {"content-type": PROTOBUF})
    with urllib.request.urlopen(request, timeout=20, context=using) as answer:
        return int(answer.status)


def test_clients_and_commands_reach_it_over_tls_alone(tmp_path: Path) -> None:
    certificate(tmp_path, "server")
    names = settings(tmp_path)
    with running(tmp_path, **names) as collector:
        assert collector.url.startswith("https://")
        assert post(collector.url, context(tmp_path)) == 200
        with pytest.raises(OSError):
            post(collector.url.replace("https", "http"), context(tmp_path))
        with pytest.raises(OSError):
            post(collector.url, ssl.create_default_context())
        found = run(tmp_path, "spans", "--json", **names)
        assert (found.returncode, found.stdout.count(b'"span_id"')) == (0, 2), found.stderr


def test_with_a_client_authority_only_its_clients_come_in(tmp_path: Path) -> None:
    authority = certificate(tmp_path, "authority")
    certificate(tmp_path, "server")
    certificate(tmp_path, "known", authority)
    certificate(tmp_path, "stranger", certificate(tmp_path, "other-authority"))
    names = {
        "COLLECTOR_TLS_CERTIFICATE": str(tmp_path / "server.pem"),
        "COLLECTOR_TLS_KEY": str(tmp_path / "server.key"),
        "COLLECTOR_TLS_CLIENT_CA": str(tmp_path / "authority.pem"),
    }
    with running(tmp_path, **names) as collector:
        assert post(collector.url, context(tmp_path, "known")) == 200
        for client in ("", "stranger"):
            with pytest.raises(OSError):
                post(collector.url, context(tmp_path, client))


def test_grpc_has_the_same_certificates_and_the_same_client_authority(tmp_path: Path) -> None:
    authority = certificate(tmp_path, "authority")
    certificate(tmp_path, "server")
    certificate(tmp_path, "known", authority)
    certificate(tmp_path, "stranger", certificate(tmp_path, "other-authority"))
    names = settings(tmp_path, COLLECTOR_TLS_CLIENT_CA=str(tmp_path / "authority.pem"), COLLECTOR_GRPC_PORT="0")

    def call(client: str) -> str:
        shown = [(tmp_path / f"{client}.{kind}").read_bytes() for kind in ("key", "pem")] if client else []
        trusted = (tmp_path / "server.pem").read_bytes()
        credentials = grpc.ssl_channel_credentials(trusted, *shown)
        port = address.rpartition(":")[2]
        with GrpcClient(f"localhost:{port}", credentials=credentials) as known:
            return known.call(TRACES, traces(2).SerializeToString()).code

    with running(tmp_path, **names) as collector:
        address = collector.grpc
        assert call("known") == "OK"
        assert (call(""), call("stranger")) == ("UNAVAILABLE", "UNAVAILABLE")
        with GrpcClient(address) as plain:
            assert plain.call(TRACES, traces(2).SerializeToString()).code == "UNAVAILABLE"


def test_a_laptop_forwards_to_a_gateway_that_asks_for_its_certificate(tmp_path: Path) -> None:
    authority = certificate(tmp_path, "authority")
    certificate(tmp_path, "server")
    certificate(tmp_path, "laptop", authority)
    far, near, stranger = tmp_path / "far", tmp_path / "near", tmp_path / "stranger"
    for directory in (far, near, stranger):
        directory.mkdir()
    names = settings(tmp_path, COLLECTOR_TLS_CLIENT_CA=str(tmp_path / "authority.pem"))
    with running(far, **names) as gateway:
        endpoint = gateway.url.replace("127.0.0.1", "localhost")
        known = f'ca_file = "{tmp_path / "server.pem"}"'
        shown = f'certificate_file = "{tmp_path / "laptop.pem"}"\nkey_file = "{tmp_path / "laptop.key"}"'
        for directory, tls in ((near, f"{known}\n{shown}"), (stranger, known)):
            table = f'[[destination]]\nname = "gateway"\nendpoint = "{endpoint}"\n[destination.tls]\n{tls}\n'
            (directory / "collector.toml").write_text(table)
        with running(near) as laptop, running(stranger) as other:
            for each in (laptop, other):
                assert each.post("/v1/traces", traces(2).SerializeToString())[0] == 200
            wait_for(lambda: laptop.account()["delivered"] == 2, 60)
            wait_for(lambda: "traces" in other.get("/api/status")["forwarding"]["last"], 60)
            assert other.get("/api/status")["forwarding"]["last"]["traces"]["failures"] > 0
            assert other.account()["queued"] == 2


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("server.pem", "not a certificate", "tls_certificate or tls_key: not a usable PEM file"),
        ("server.key", None, "tls_certificate or tls_key: cannot be read"),
    ],
)
def test_files_that_cannot_be_used_are_one_line_and_exit_2(
    tmp_path: Path, name: str, text: str | None, said: str
) -> None:
    certificate(tmp_path, "server")
    (tmp_path / name).unlink() if text is None else (tmp_path / name).write_text(text)
    names = {
        "COLLECTOR_TLS_CERTIFICATE": str(tmp_path / "server.pem"),
        "COLLECTOR_TLS_KEY": str(tmp_path / "server.key"),
    }
    found = run(tmp_path, "serve", "--port", "0", **names)
    assert (found.returncode, said in found.stderr.decode(), found.stderr.count(b"\n")) == (2, True, 1), found.stderr


def _secured(directory: Path, name: str, clients: str = "") -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(directory / f"{name}.pem", directory / f"{name}.key")
    if clients:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(directory / f"{clients}.pem")
    return made


def test_a_destination_is_trusted_by_its_authority_and_trusts_us_by_our_certificate(tmp_path: Path) -> None:
    """What is not verified is not sent to, unless that was asked for by name; then each start says so."""
    authority = certificate(tmp_path, "authority")
    certificate(tmp_path, "inside", authority)
    certificate(tmp_path, "known", authority)
    certificate(tmp_path, "stranger")
    ours = 'ca_file = "authority.pem"'
    tables = {
        "trusted": ("inside", "", ours),
        "mutual": ("inside", "authority", f'{ours}\ncertificate_file = "known.pem"\nkey_file = "known.key"'),
        "unknown-to-it": ("inside", "authority", ours),
        "untrusted": ("stranger", "", ours),
        "skipped": ("stranger", "", "dangerously_skip_verification = true"),
    }
    with contextlib.ExitStack() as stack:
        ups = {
            name: stack.enter_context(upstream(tls=_secured(tmp_path, server, clients)))
            for name, (server, clients, _) in tables.items()
        }
        (tmp_path / "collector.toml").write_text(
            "\n".join(
                f'[[destination]]\nname = "{name}"\nendpoint = "{up.url}"\n[destination.tls]\n{tables[name][2]}\n'
                for name, up in ups.items()
            )
        )
        collector = stack.enter_context(running(tmp_path))
        assert collector.post("/v1/traces", traces(2).SerializeToString())[0] == 200
        for name in ("trusted", "mutual", "skipped"):
            ups[name].wait(lambda up: len(up.spans()) == 2, 60)
        for name in ("unknown-to-it", "untrusted"):
            wait_for(lambda name=name: collector.get("/api/status")["forwarding"]["destinations"][name] != {}, 60)  # type: ignore[misc]
            assert ups[name].received == []
            assert collector.account(destination=name)["queued"] == 2
        assert "skipped: ITS CERTIFICATE IS NOT VERIFIED" in " ".join(collector.get("/api/status")["notices"])
        assert "skipped: ITS CERTIFICATE IS NOT VERIFIED" in collector.log.read_text()
