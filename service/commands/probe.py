"""`yinding probe`: can this camera be used? Also finds cameras and asks them for their streams."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import msgspec
import typer

from ingest.onvif.calling import OnvifError, Refusal
from ingest.onvif.device import Device, choose
from ingest.onvif.discovery import EVERYBODY, Found, discover
from ingest.rtsp.address import Address, AddressError
from ingest.rtsp.connection import Manner, Transport
from model.clock import Clock, SystemClock
from model.picture import SourceState
from service.exits import BadResultError, OutsideError, WrongUseError
from service.probe import Advice, Report, probe

TO_DO = {
    SourceState.UNREACHABLE: "check power, cable, switch and address",
    SourceState.UNTRUSTED: "give its certificate as a PEM file with --certificates",
    SourceState.STALLED: "restart the camera, look at its link",
    SourceState.WRONG_PASSWORD: "correct the name or the password; a camera may lock an account",
    SourceState.BUSY: "end another viewer of the camera, or give its sub stream fewer bits a second",
    SourceState.NOT_FOUND: "correct the path of the stream; --onvif asks the camera for it",
    SourceState.NO_VIDEO: "choose another profile of the camera",
    SourceState.UNSUPPORTED_CODEC: "switch the profile to H.264",
    SourceState.GARBLED: "choose another profile, or renew the firmware",
}
HINTS = {
    Advice.KEYS_RARE: "key pictures are rare: every picture must be decoded, at about ten times the cost."
    " Set a fixed key-picture interval of 2 s, and no smart codec",
    Advice.MAIN_STREAM: "this is a large stream: the sub stream costs about a seventh",
    Advice.NO_LIVE_VIEW: "counted, but not shown live: browsers are sent H.264 only",
    Advice.FOREIGN_READER: "read by FFmpeg's reader at several times the cost: ours does not understand"
    " this coding. Switch the profile to H.264",
    Advice.PACKETS_LOST: "packets are lost on the way: look at the network",
    Advice.CLOCK_OFF: "the camera's clock is wrong: set it by NTP",
    Advice.CLOCK_UNKNOWN: "the camera does not tell its clock: the age of pictures is estimated",
    Advice.LATE: "pictures come late: look at the network",
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an ONVIF device said of itself, and what came of its chosen stream."""

    device: Device
    chosen: str | None
    reason: str
    probe: Report | None = None


def _address(url: str, username: str | None, password: str) -> Address:
    """Where the camera is, with the name and password that were given apart from it."""
    scheme, mark, rest = url.partition("://")
    if username is not None and mark:
        rest = f"{quote(username, safe='')}:{quote(password, safe='')}@{rest.rpartition('@')[2]}"
    try:
        return Address.parse(f"{scheme}{mark}{rest}")
    except AddressError as error:
        raise WrongUseError(str(error)) from None


def _told(report: Report) -> str:
    lines = [f"{report.url}"]
    if report.state is not SourceState.LIVE:
        return "\n".join(
            [
                *lines,
                f"  cannot be used: {report.state.value.replace('_', ' ')} ({report.detail})",
                f"  to do: {TO_DO.get(report.state, 'see the log')}",
            ]
        )
    rows = [
        ("stream", f"{report.codec or 'by FFmpeg'}, {report.width_px}×{report.height_px}"),
        ("pictures", f"{_or_dash(report.frames_per_s)} a second, {report.mbit_per_s} Mbit/s"),
        ("key pictures", f"every {_or_dash(report.key_interval_s)} s"),
        ("opened", f"in {report.open_s} s, first key picture after {report.first_picture_s} s"),
        ("latency", f"{_or_dash(report.latency_s)} s by the camera's own clock"),
        ("packets", f"{report.packets}, {report.lost_packets} lost"),
        (
            "sight",
            f"{report.sight} {report.sight_reason or ''}".rstrip()
            + f", sharpness {report.sharpness}",
        ),
    ]
    if report.count is not None:
        people = f"{report.count:.0f} ({report.count_low:.0f} to {report.count_high:.0f})"
        rows.append(("first count", f"{people} people, by {report.model}"))
    lines += [f"  {name + ':':<14}{value}" for name, value in rows]
    lines += [f"  hint:         {HINTS[hint]}" for hint in report.advice]
    lines.append(
        f"  can be used, a reading every {report.every_s} s or more"
        if report.usable
        else f"  cannot be used: blind ({report.sight_reason})"
    )
    return "\n".join(lines)


def _or_dash(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _end(report: Report) -> None:
    """The exit code that the result deserves."""
    if report.state is SourceState.UNREACHABLE:
        raise OutsideError(f"{report.url}: unreachable")
    if not report.usable:
        raise BadResultError(f"{report.url}: cannot be used")


def _say(body: msgspec.Struct, told: str, *, as_json: bool) -> None:
    typer.echo(msgspec.json.encode(body).decode() if as_json else told)


def _target(at: str | None) -> tuple[str, int]:
    if at is None:
        return EVERYBODY
    host, mark, port = at.rpartition(":")
    if not mark:
        return at, EVERYBODY[1]
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise WrongUseError(f"--at {at}: a host, or host:port")
    return host.strip("[]"), int(port)


def _discover(at: str | None, seconds: float, *, as_json: bool) -> None:
    try:
        found = asyncio.run(discover(_target(at), seconds=seconds))
    except OSError as error:
        raise OutsideError(f"cannot ask the network: {error.strerror or error}") from error
    for device in found:
        _say(device, _told_found(device), as_json=as_json)
    if not found:
        raise BadResultError(f"no ONVIF camera answered within {seconds:g} s")


def _told_found(device: Found) -> str:
    about = " ".join(part for part in (device.name, device.hardware, device.location) if part)
    return "\n".join(f"{address}  {about}" for address in device.addresses)


def _ask(service: str, username: str | None, password: str, seconds: float, *, as_json: bool, clock: Clock) -> None:  # fmt: skip
    try:
        device = asyncio.run(Device.ask(service, username=username or "", password=password, clock=clock))  # fmt: skip
    except OnvifError as error:
        if error.refusal is Refusal.UNREACHABLE:
            raise OutsideError(f"{service}: {error}") from None
        if error.refusal is Refusal.NO_ADDRESS:
            raise WrongUseError(f"{service}: {error}") from None
        raise BadResultError(f"{service}: {error}") from None
    chosen, reason = choose(device.profiles)
    report = None
    if chosen is not None and chosen.url is not None:
        address = _address(chosen.url, username, password)
        report = asyncio.run(probe(address, seconds=seconds, clock=clock))
    asked = Asked(
        device=device, chosen=None if chosen is None else chosen.token, reason=reason, probe=report
    )
    lines = [f"{service}  {device.maker} {device.model}".rstrip()]
    for profile in device.profiles:
        mark = "→" if chosen is not None and profile.token == chosen.token else " "
        lines.append(f" {mark} {profile}")
    lines.append(f"  chosen: {reason.replace('_', ' ')}")
    _say(asked, "\n".join([*lines, *([] if report is None else [_told(report)])]), as_json=as_json)
    if report is None:
        raise BadResultError(f"{service}: no stream that could be used")
    _end(report)


def probe_command(
    url: Annotated[
        str | None, typer.Argument(metavar="URL", help="rtsp://host:554/path of a camera's stream.")
    ] = None,
    *,
    username: Annotated[str | None, typer.Option(help="The camera's account.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="A file with the account's password in its first line.")
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=1, max=120, help="How long to look (or to wait for answers).")
    ] = 5.0,
    find: Annotated[
        bool, typer.Option("--discover", help="Ask this network's ONVIF cameras to say where they are.")
    ] = False,
    at: Annotated[
        str | None, typer.Option(help="With --discover: ask this address alone, host or host:port.")
    ] = None,
    onvif: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="http://HOST/onvif/device_service: list its profiles, probe the sub stream."),
    ] = None,
    transport: Annotated[
        Transport, typer.Option(help="How pictures are asked for first; the other where it is refused.")
    ] = Transport.TCP,
    certificates: Annotated[
        Path | None, typer.Option(help="A PEM file with what an rtsps camera may show; else the machine's authorities.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document (--discover: one a line).")] = False,
) -> None:  # fmt: skip
    """Can this camera be used? Codec, size, key pictures, rate, latency, picture quality, a first count.

    Name a stream, or let --discover find the cameras of this network and --onvif ask one of them for
    its streams. Exit codes: 0 it can be used, 1 it cannot (the reason and what to do are named),
    2 wrong use, 3 nobody answers at the address.
    """
    if sum((url is not None, find, onvif is not None)) != 1:
        raise WrongUseError("name one of: a stream's URL, --discover, --onvif ADDRESS")
    password = _password(password_file)
    clock = SystemClock()
    if find:
        _discover(at, seconds, as_json=as_json)
    elif onvif is not None:
        _ask(onvif, username, password, seconds, as_json=as_json, clock=clock)
    elif url is not None:
        address = _address(url, username, password)
        manner = Manner(transport=transport, certificates=certificates)
        report = asyncio.run(probe(address, seconds=seconds, clock=clock, manner=manner))
        _say(report, _told(report), as_json=as_json)
        _end(report)


def _password(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUseError(f"{file}: {error}") from None


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("probe")(probe_command)
