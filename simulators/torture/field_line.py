"""A simulated device's line to a simulated broker: `simulators.field_line`, on the agenda."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from simulators.field_devices import DEATH, FieldDevice, OrderedDevice, Says, birth, status_topic
from simulators.torture.agenda import Agenda, StepClock
from simulators.torture.network import (
    Cable,
    Connection,
    SimBroker,
    publish_packet,
    subscribe_packet,
)
from wire.packets import Greeting, Message, Packet, PacketType, read_number, read_publish
from wire.topics import Topics

RETRY_S = 3.0
WAITING_MAX = 1000


class SimFieldLine:
    """One device on its own connection with a clean session; what must be kept is said again."""

    def __init__(
        self,
        agenda: Agenda,
        broker: SimBroker,
        cable: Cable,
        topics: Topics,
        device: FieldDevice,
        *,
        clock: StepClock,
        credentials: tuple[str, str],
        on_order: Callable[[], None] | None = None,
    ) -> None:
        self._on_order = on_order
        self.device = device
        self._ordered = device if isinstance(device, OrderedDevice) else None
        self.cable = cable
        self.clock = clock
        self.connected = False
        self._agenda = agenda
        self._broker = broker
        self._status = status_topic(topics, device)
        self._credentials = credentials
        self._connection: Connection | None = None
        self._kept: deque[Says] = deque(maxlen=WAITING_MAX)
        self._unconfirmed: dict[int, Says] = {}
        self._mid = 0

    def start(self) -> None:
        """Be on the broker from now on."""
        self._connect()

    def say(self, messages: Iterable[Says]) -> None:
        """Publish now, or keep what must be kept until the link is back."""
        for message in messages:
            if self.connected:
                self._send(message)
            elif message.keep:
                self._kept.append(message)

    def tick(self) -> None:
        """Let the device live on."""
        self.say(self.device.tick(self.clock.now(), self.clock.monotonic()))

    def _connect(self) -> None:
        if self._connection is not None:
            return
        device = self.device
        connection = Connection(
            self._broker, self.cable, on_packet=self._packet, on_lost=self._lost
        )
        name, password = self._credentials
        greeting = Greeting(
            f"{device.kind.value}-{device.id}",
            clean=True,
            keepalive_s=10,
            level=4,
            username=name,
            password=password,
            will=Message(self._status, DEATH, 1, retain=True),
        )
        if connection.open(greeting):
            self._connection = connection
        else:
            self._agenda.after(RETRY_S, self._connect)

    def _lost(self) -> None:
        self.connected = False
        self._connection = None
        self._kept.extendleft(
            message for message in reversed(self._unconfirmed.values()) if message.keep
        )
        self._unconfirmed.clear()
        self._agenda.after(RETRY_S, self._connect)

    def _packet(self, packet: Packet) -> None:
        connection = self._connection
        if connection is None:
            return
        if packet.kind is PacketType.PUBACK:
            self._unconfirmed.pop(read_number(packet), None)
        elif packet.kind is PacketType.PUBLISH:
            message, mid = read_publish(packet)
            if mid:
                connection.say(PacketType.PUBACK, 0, mid.to_bytes(2, "big"))
            if not message.retain:
                self.hear(message.topic, message.payload)
        elif packet.kind is PacketType.CONNACK and not packet.body[1]:
            if self._ordered is not None:
                connection.say(*subscribe_packet([(self._ordered.listens_to(), 1)]))
            else:
                self._greet()
        elif packet.kind is PacketType.SUBACK:
            self._greet()

    def hear(self, topic: str, payload: bytes) -> None:
        """An order, as the broker or somebody in its name brought it."""
        if self._ordered is not None:
            now, mono = self.clock.now(), self.clock.monotonic()
            self.say(self._ordered.hear(topic, payload, now, mono))
            if self._on_order is not None:
                self._on_order()

    def _greet(self) -> None:
        kept = list(self._kept)
        self._kept.clear()
        self.connected = True
        self.say([Says(self._status, birth(self.clock.now()), retain=True)])
        self.say(self.device.greet())
        self.say(kept)

    def _send(self, message: Says) -> None:
        if self._connection is None:
            return
        self._mid = self._mid % 65_535 + 1
        self._unconfirmed[self._mid] = message
        self._connection.say(
            *publish_packet(message.topic, message.payload, self._mid, retain=message.retain)
        )
