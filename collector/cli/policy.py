"""`collector policy`: check, test, show, sign and make keys."""

from __future__ import annotations

import gzip
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from collector.cli.options import AsJson, ConfigOption, PolicyOption
from collector.cli.show import print_json, print_table
from collector.enforce.files import DocumentKind, file_layers, read_file
from collector.enforce.in_force import Enforcement, InForce
from collector.enforce.request import PolicyRequest
from collector.errors import CollectorError, ConfigError
from collector.policy.layers import Layer, Rank
from collector.policy.presets import PRESETS
from collector.policy.signature import new_key, sign
from collector.redact.rule_report import examples_of, measure
from collector.redact.ruleset import combined, preset_demands
from collector.settings.sources import Loaded, load

_MOST_BYTES = 8 * 1024 * 1024

policy = typer.Typer(help="What may leave: check, test, show and sign policies.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(policy, name="policy")


def load_in_force(loaded: Loaded) -> InForce:
    """The policy in force for a command that sends nothing; what is said of it goes to stderr."""
    data_dir = loaded.settings.data_dir.expanduser()
    in_force = Enforcement(PolicyRequest.from_settings(loaded, os.environ), data_dir, offline=True).load(time.time())
    for notice in in_force.notices:
        print(f"collector: {notice}", file=sys.stderr)
    if in_force.blocked:
        print(f"collector: nothing would be sent: {in_force.blocked}", file=sys.stderr)
    return in_force


@policy.command()
def check(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Otherwise what is in force here.")] = None,
    kind: Annotated[
        DocumentKind | None, typer.Option("--as", help="Whose policy FILE is; otherwise seen from it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a policy, run its examples, and say what is wrong; exit code 2 when something is."""
    if file is None:
        in_force = load_in_force(load())
        if in_force.blocked:
            raise ConfigError(in_force.blocked)
        said: dict[str, Any] = {"ok": True, "name": in_force.policy.name, "sources": list(in_force.sources)}
    else:
        layers = file_layers(file, kind)
        result = combined(layers)
        if result.policy.hashes and result.policy.hmac is None:
            raise ConfigError(f"{file}: it hashes, but names no key: add [hmac] with key_file and key_id")
        said = {"ok": True, "name": result.policy.name, "revision": result.policy.revision, "file": str(file)}
    if as_json:
        print_json(said)
    else:
        print(f"{file or 'the policy in force'}: ok ({said['name']})")


@policy.command()
def test(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A policy file, or the name of a preset.")],
    corpus: Annotated[
        Path | None,
        typer.Option(help="A folder: *.jsonl[.gz] with labelled texts measure what is found; others what is not."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a policy's examples, and measure it on texts of your own; exit code 1 when an example fails."""
    layers = [Layer(file, Rank.USER, preset_demands(file), file)] if file in PRESETS else file_layers(Path(file), None)
    found = combined(layers).policy
    rows = examples_of(found)
    measured = measure(found, _texts(corpus)) if corpus is not None else None
    failed = [row for row in rows if not row.holds]
    if as_json:
        examples = [{"rule": row.rule, "examples": row.examples, "failed": row.failed} for row in rows]
        print_json({"ok": not failed, "name": found.name, "rules": examples, "corpus": measured})
    else:
        print(
            f"{found.name}: {len(rows)} rules, {sum(row.examples for row in rows)} examples, {len(failed)} rules fail"
        )
        for row in failed:
            print(f"  {row.rule}: {row.failed} of {row.examples} examples fail")
        for line in _lines(measured):
            print(line)
    raise typer.Exit(1 if failed else 0)


@policy.command()
def show(
    effective: Annotated[bool, typer.Option("--effective", help="What is in force, and who set each part.")] = False,
    preset: Annotated[str | None, typer.Option(help="Print a preset as a policy file.")] = None,
    config: ConfigOption = None,
    policy: PolicyOption = None,
    as_json: AsJson = False,
) -> None:
    """Show the policy in force, each part with the layer that set it; or a preset to start from."""
    if preset is not None:
        if preset not in PRESETS:
            raise ConfigError(f"--preset: known are {', '.join(PRESETS)}")
        print(f'schema = 1\nname = "{preset}"\n\n{PRESETS[preset].strip()}')
        return
    loaded = load({"policy_file": policy}, config)
    in_force = load_in_force(loaded)
    found = in_force.policy
    summary = {
        "name": found.name,
        "revision": found.revision,
        "fingerprint": found.fingerprint(),
        "mode": found.mode.value,
        "blocked": in_force.blocked,
        "sources": list(in_force.sources),
        "notices": list(in_force.notices),
    }
    rows = [row for row in in_force.rows if effective or row.origin != "built-in"]
    if as_json:
        shown = [{"key": row.key, "value": row.value, "layer": row.origin} for row in rows]
        print_json({**summary, "effective": shown})
        return
    print(f"policy {found.name}, revision {found.revision}, fingerprint {found.fingerprint()}: mode {found.mode.value}")
    print_table(["key", "value", "set by"], ([row.key, row.value, row.origin] for row in rows), "all as built in")


@policy.command()
def replay(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="OTLP or OpenCode events; else what is kept."),
    ] = None,
    policy: PolicyOption = None,
    since: Annotated[str, typer.Option(help="Only sessions heard of since: 7d, 12h, 2026-01-31.")] = "",
    form: Annotated[str, typer.Option("--as", help="What the files hold: otlp or opencode.")] = "otlp",
    fail_on: Annotated[str, typer.Option(help="When to exit with 1: less, more, any or never.")] = "less",
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Tell what another policy would mask more, or less, by rule and by session."""
    from collector.cli.policy_replay import FailOn, replay_files, replay_kept, show
    from collector.cli.preview import Form

    if policy is None:
        raise ConfigError("--policy: name the policy to try")
    if fail_on not in set(FailOn) or form not in set(Form):
        raise ConfigError("--fail-on is less, more, any or never; --as is otlp or opencode")
    loaded = load({}, config)
    other = load_in_force(load({"policy_file": policy}, config))
    if files:
        found = replay_files(loaded, load_in_force(loaded), other, files, Form(form))
    else:
        found = replay_kept(loaded, other, since)
    show(found, not files, as_json=as_json)
    raise typer.Exit(1 if found.fails(FailOn(fail_on)) else 0)


@policy.command("sign")
def sign_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy that an organisation's server will serve.")],
    key: Annotated[Path, typer.Option("--key", help="The private key that `keygen` made.")],
) -> None:
    """Sign a policy's exact bytes; the signature is written beside it, as FILE.sig."""
    data = read_file(file)
    file_layers(file, DocumentKind.REMOTE)  # what no collector would accept is not signed
    signature = file.with_name(file.name + ".sig")
    signature.write_text(sign(data, read_file(key).decode("ascii", "replace")), encoding="ascii")
    print(f"wrote {signature}")


@policy.command()
def keygen(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes; only you can read it.")],
) -> None:
    """Make a pair of keys; the public one is printed, for `public_keys` of the machine's policy."""
    private, public = new_key(secrets.token_bytes(32))
    try:
        descriptor = os.open(out, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"{out}: exists; a key is never written over") from None
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written ({error.strerror})") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(private + "\n")
    print(public)


def _texts(folder: Path) -> Iterator[dict[str, Any] | bytes]:
    """Each line of `*.jsonl[.gz]`, and the beginning of each other file."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if not path.name.endswith((".jsonl", ".jsonl.gz")):
            with path.open("rb") as file:
                yield file.read(_MOST_BYTES)
            continue
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _labelled(line, f"{path}, line {number}")


def _labelled(line: str, place: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
        if isinstance(found["text"], str):
            return dict(found)
    except (ValueError, KeyError, TypeError):
        pass
    raise ConfigError(f'{place}: expected {{"text": "...", "secrets": [{{"start", "end"}}]}}')


def _lines(measured: dict[str, Any] | None) -> list[str]:
    if measured is None:
        return []
    lines = []
    if measured["labelled"]:
        lines.append(
            f"labelled texts: {measured['labelled']}, {measured['secrets']} secrets, recall {measured['recall']:.3f},"
            f" precision {measured['precision']:.3f}"
        )
        lines += [f"  missed {kind}: {count}" for kind, count in measured["missed"].items()]
    if measured["megabytes"]:
        lines.append(f"other texts: {measured['megabytes']:.1f} MB, {measured['per_megabyte']:.2f} findings a MB")
        lines += [f"  {rule}: {count}" for rule, count in measured["by_rule"].items()]
    if not lines:
        raise CollectorError("--corpus: the folder holds no text")
    return lines
