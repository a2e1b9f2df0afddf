"""The console's socket: whoever comes early waits, and a taken address is named."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from config.document import read_document
from config.schema import SiteFile
from service.exits import OutsideError
from service.listening import listen
from tests.console.stage_site import SMALL_SITE

SITE = SiteFile.model_validate(read_document(SMALL_SITE).values)


def test_who_comes_before_the_console_answers_waits_and_is_not_refused() -> None:
    with closing(listen(SITE, 0)) as listener:
        address = listener.getsockname()[:2]
        with closing(socket.create_connection(address, timeout=10)):
            taken, _ = listener.accept()
            taken.close()


def test_a_taken_address_is_named_and_a_standby_takes_another_port() -> None:
    with closing(listen(SITE, 0)) as before:
        port = before.getsockname()[1]
        with pytest.raises(OutsideError, match=f"127.0.0.1:{port}"):
            listen(SITE, port)
        with closing(listen(SITE, port, or_any=True)) as other:
            assert other.getsockname()[1] != port
