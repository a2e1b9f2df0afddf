"""CAP 1.2 out of a case: what each step says, in the schema's order, and what the rules refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as Xml

import msgspec
import pytest

from config.cap_of_case import messages_of
from config.schema import Cap, SiteFile
from config.strict import Words
from model.cap.alert import MessageType, Response, Scope, Severity, Status
from model.cap.document import NAMESPACE, CapError, parse, read, write
from model.cap.schema_rules import faults
from model.cases import Case, CaseState, Change, Reason, Transition
from model.level import Level
from model.text import Bilingual
from tests.devices.rig import small_site

OPENED = datetime(2026, 2, 14, 11, 30, 0, 250_000, tzinfo=UTC)
WORDS = Bilingual(zh="人员密集", en="Crowding")
SITE = small_site()


def case(*, exercise: bool = False, state: CaseState = CaseState.OPEN) -> Case:
    return Case(
        id="c-1",
        subject_kind="zone",
        subject="bridge",
        hazard="crowding",
        level=Level.RED,
        state=state,
        opened=OPENED,
        changed=OPENED,
        exercise=exercise,
        text=WORDS,
    )


def steps(*changes: tuple[Change, Level]) -> list[Transition]:
    return [
        Transition(
            case="c-1",
            serial=number,
            at=OPENED + timedelta(seconds=60 * number),
            actor="rule",
            change=change,
            level=level,
            reason=Reason.ABOVE_RAISE,
            detail=WORDS,
        )
        for number, (change, level) in enumerate(changes, start=1)
    ]


EVENING = steps(
    (Change.OPENED, Level.YELLOW),
    (Change.ACKNOWLEDGED, Level.YELLOW),
    (Change.STEPPED_UP, Level.RED),
    (Change.STEPPED_DOWN, Level.ORANGE),
    (Change.CLOSED, Level.ORANGE),
)


def test_a_case_is_an_alert_its_updates_and_a_cancel_that_name_each_other() -> None:
    told = messages_of(SITE, case(), EVENING)
    assert [each.message_type for each in told] == [
        MessageType.ALERT,
        MessageType.UPDATE,
        MessageType.UPDATE,
        MessageType.CANCEL,
    ]
    assert [each.identifier for each in told] == ["c-1-1", "c-1-3", "c-1-4", "c-1-5"]
    assert [len(each.references) for each in told] == [0, 1, 2, 3]
    assert told[-1].infos[0].response is Response.ALL_CLEAR
    assert [each.infos[0].severity for each in told] == [
        Severity.MODERATE,
        Severity.EXTREME,
        Severity.SEVERE,
        Severity.SEVERE,
    ]


def test_every_message_keeps_the_schema_and_reads_back() -> None:
    for alert in messages_of(SITE, case(), EVENING):
        document = write(alert)
        root = parse(document)
        assert root.tag == f"{{{NAMESPACE}}}alert"
        again = read(document)
        assert again.sent == alert.sent.replace(microsecond=0)
        assert again.infos[0].areas == alert.infos[0].areas
        assert [info.language for info in again.infos] == ["zh-CN", "en-US"]
        assert b"+08:00</sent>" in document


def test_an_exercise_is_marked_as_one_in_every_language() -> None:
    (alert, *_) = messages_of(SITE, case(exercise=True), EVENING)
    assert alert.status is Status.EXERCISE
    assert "演练" in alert.infos[0].headline
    assert "EXERCISE" in alert.infos[1].headline


def test_only_an_authority_speaks_to_the_public() -> None:
    (alert, *_) = messages_of(SITE, case(), EVENING)
    assert (alert.scope, alert.restriction) == (Scope.RESTRICTED, "site staff")
    body = Words(zh="区应急局", en="District Emergency Bureau")
    public = SITE.model_copy(update={"cap": Cap(authority=body)})
    (told, *_) = messages_of(public, case(), EVENING)
    assert (told.scope, told.restriction) == (Scope.PUBLIC, "")
    assert told.infos[1].sender_name == body.en
    write(told)


def test_the_polygon_is_the_zones_outline_in_degrees_and_closed() -> None:
    (alert, *_) = messages_of(SITE, case(), EVENING)
    (ring,) = alert.infos[0].areas[0].polygons
    assert ring[0] == ring[-1] == (39.9, 116.4)
    east, north = ring[1], ring[2]
    assert east[1] - 116.4 == pytest.approx(10 / (111_320 * 0.7672), abs=2e-6)
    assert north[0] - 39.9 == pytest.approx(10 / 111_320, abs=2e-6)


def test_a_devices_fault_is_no_warning() -> None:
    fault = msgspec.structs.replace(case(), subject_kind="device")
    assert messages_of(SITE, fault, EVENING) == []


GOOD = write(messages_of(SITE, case(), EVENING)[1]).decode()


@pytest.mark.parametrize(
    ("there", "here", "rule"),
    [
        ("<msgType>Update</msgType>", "<msgType>Change</msgType>", "none of its words"),
        ("<status>Actual</status>", "", "<status> is missing"),
        ("<scope>Restricted</scope>", "<scope>Public</scope>", "<restriction>"),
        ("<sender>yinding@small", "<sender>yinding small", "<sender>"),
        ("+08:00</sent>", "Z</sent>", "numeric offset"),
        ("<event>人员密集</event>", "", "<event> is missing"),
        ("<urgency>Immediate</urgency>", "<urgency>Soon</urgency>", "none of its words"),
        ("<headline>", "<shout>x</shout><headline>", "<shout> does not belong there"),
        ("<references>yinding@small,", "<references>", "sender,identifier,sent"),
    ],
)
def test_a_broken_rule_is_named(there: str, here: str, rule: str) -> None:
    assert there in GOOD
    with pytest.raises(CapError, match=rule):
        read(GOOD.replace(there, here).encode())


def test_elements_out_of_order_an_open_ring_and_a_missing_reference_are_named() -> None:
    root = parse(GOOD.replace(f' xmlns="{NAMESPACE}"', "").encode())
    root.append(Xml.Element("note"))
    ring = next(root.iter("polygon"))
    ring.text = " ".join((ring.text or "").split()[:-1])
    references = root.find("references")
    assert references is not None
    root.remove(references)
    said = " ".join(faults(root))
    assert "out of order" in said
    assert "the last the same as the first" in said
    assert "<references> is needed for Update" in said


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><alert/>',
        b"<alert",
        b"<feed/>",
        b"x" * 2_000_000,
    ],
)
def test_what_is_no_alert_is_refused(document: bytes) -> None:
    with pytest.raises(CapError):
        read(document)


def test_a_site_may_not_name_a_feed_without_its_sensor() -> None:
    assert isinstance(SITE, SiteFile)
    assert SITE.cap.feeds == []
