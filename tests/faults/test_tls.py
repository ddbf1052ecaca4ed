"""A collector that listens with TLS: clients, its own commands, and who may not connect."""

from __future__ import annotations

import ssl
import urllib.request
from pathlib import Path

import grpc
import pytest
from harness.certificates import certificate
from harness.grpc_client import TRACES, GrpcClient
from harness.process import run, running
from harness.telemetry import PROTOBUF, traces


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
