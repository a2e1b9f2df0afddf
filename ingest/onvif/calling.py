"""One question to an ONVIF device over HTTP, signed as it wants it, answered within bounds."""

from __future__ import annotations

import hashlib
import http.client
import secrets
import ssl
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from ingest.onvif.document import MAX_BYTES, DocumentError, Element, read_document
from ingest.rtsp.login import Login
from model.clock import Clock

ANSWER_WITHIN_S = 5.0
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
_BASE64 = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
)


class Refusal(StrEnum):
    """Why a device told us nothing."""

    NO_ADDRESS = "no_address"
    UNREACHABLE = "unreachable"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of a refusal
    REFUSED = "refused"
    GARBLED = "garbled"


class OnvifError(Exception):
    """A device could not be asked; `refusal` says in which of the named ways."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(f"{refusal.value}: {detail}")
        self.refusal = refusal


class Caller:
    """Asks one device. It signs with a digest of the password, never with the password itself.

    The digest carries the device's own time, because devices whose clock is wrong refuse ours. Where
    a device asks for HTTP digest authentication instead, it gets that.
    """

    def __init__(self, service: str, *, username: str, password: str, clock: Clock) -> None:
        try:
            parts = urlsplit(service)
            port = parts.port
        except ValueError as error:
            raise OnvifError(Refusal.NO_ADDRESS, str(error)) from error
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise OnvifError(Refusal.NO_ADDRESS, "looks like http://host/onvif/device_service")
        self.host = parts.hostname
        self._port = port or (443 if parts.scheme == "https" else 80)
        self._tls = parts.scheme == "https"
        self._path = parts.path or "/onvif/device_service"
        self._username, self._password = username, password
        self._login = Login(username, password)
        self._clock = clock
        self._off = timedelta(0)

    def beside(self, address: str) -> str:
        """The path of another service of this device; its host may be one that only it knows."""
        try:
            path = urlsplit(address).path
        except ValueError:
            path = ""
        return path or self._path

    def set_clock(self, answer: Element) -> None:
        """Take over the device's clock for what we sign; without one, ours holds."""
        moment = answer.first("UTCDateTime")
        if moment is None:
            return
        year, month, day = (_number(moment.said("Date", part)) for part in ("Year", "Month", "Day"))
        hour, minute, second = (
            _number(moment.said("Time", part)) for part in ("Hour", "Minute", "Second")
        )
        try:
            theirs = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            return
        self._off = theirs - self._clock.now()

    def call(self, body: str, *, at: str | None = None, signed: bool = True) -> Element:
        """The body of the answer; raises OnvifError."""
        path = at or self._path
        text = self._envelope(body, signed=signed and bool(self._username))
        status, challenges, data = self._post(path, text, None)
        if status == http.client.UNAUTHORIZED and self._login.challenged(challenges):
            text = self._envelope(body, signed=signed and bool(self._username))
            status, _, data = self._post(path, text, self._login.authorization("POST", path))
        if status in {http.client.UNAUTHORIZED, http.client.FORBIDDEN}:
            raise OnvifError(Refusal.WRONG_PASSWORD, "the device refuses the name and password")
        try:
            answer = read_document(data)
        except DocumentError as error:
            raise OnvifError(Refusal.GARBLED, f"answer {status}: {error}") from error
        fault = answer.first("Fault")
        if fault is not None:
            raise _refused(fault)
        found = answer.first("Body")
        if status != http.client.OK or found is None:
            raise OnvifError(Refusal.GARBLED, f"answer {status} without a body")
        return found

    def _post(
        self, path: str, text: bytes, authorization: str | None
    ) -> tuple[int, list[str], bytes]:
        headers = {"Content-Type": "application/soap+xml; charset=utf-8", "Connection": "close"}
        if authorization is not None:
            headers["Authorization"] = authorization
        connection = self._connection()
        try:
            connection.request("POST", path, body=text, headers=headers)
            answer = connection.getresponse()
            data = answer.read(MAX_BYTES + 1)
            return answer.status, answer.headers.get_all("WWW-Authenticate") or [], data
        except http.client.HTTPException as error:
            raise OnvifError(Refusal.GARBLED, f"no HTTP: {type(error).__name__}") from error
        except OSError as error:
            raise OnvifError(Refusal.UNREACHABLE, str(error)) from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self.host, self._port, timeout=ANSWER_WITHIN_S)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(
            self.host, self._port, timeout=ANSWER_WITHIN_S, context=context
        )

    def _envelope(self, body: str, *, signed: bool) -> bytes:
        header = f"<s:Header>{self._token()}</s:Header>" if signed else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
            f"{header}<s:Body>{body}</s:Body></s:Envelope>"
        ).encode()

    def _token(self) -> str:
        nonce = secrets.token_bytes(16)
        created = (self._clock.now() + self._off).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        # The profile's own digest; SHA-1 is what devices check.
        digest = hashlib.sha1(
            nonce + created.encode() + self._password.encode(), usedforsecurity=False
        )
        return (
            f'<w:Security xmlns:w="{_WSSE}" xmlns:u="{_WSU}"><w:UsernameToken>'
            f"<w:Username>{escape(self._username)}</w:Username>"
            f'<w:Password Type="{_DIGEST}">{b64encode(digest.digest()).decode()}</w:Password>'
            f'<w:Nonce EncodingType="{_BASE64}">{b64encode(nonce).decode()}</w:Nonce>'
            f"<u:Created>{created}</u:Created></w:UsernameToken></w:Security>"
        )


def _number(text: str) -> int:
    """A part of a date; what is no number becomes one that no date has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else -1


def _refused(fault: Element) -> OnvifError:
    codes = {one.text.strip().rpartition(":")[2] for one in fault.all("Value")}
    said = (fault.said("Reason", "Text") or fault.said("faultstring"))[:200]
    if codes & {"NotAuthorized", "FailedAuthentication", "OperationProhibited"}:
        return OnvifError(Refusal.WRONG_PASSWORD, "the device refuses the name and password")
    return OnvifError(Refusal.REFUSED, said or ", ".join(sorted(codes)))
