"""The servers that a site names when it outgrows the embedded store."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Secret = Annotated[str, Field(pattern=r"^(env:[A-Z][A-Z0-9_]*|file:.+)$")]
ServerName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class ReadingsServer(BaseModel):
    """A time-series server that every reading is sent to as well, in InfluxDB's line protocol.

    `url` takes writes under `/api/v2/write`: InfluxDB 2 or 3, VictoriaMetrics, or vminsert's
    `…/insert/0/influx`. VictoriaMetrics is asked for history at `read_url` (by default `url`),
    vmselect's `…/select/0/prometheus`. `database` is InfluxDB's bucket or database. `spool_mb`
    bounds what waits on this disk while the server is away.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["victoriametrics", "influxdb"] = "victoriametrics"
    url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$", max_length=500)]
    read_url: Annotated[str, Field(pattern=r"^https?://[^\s@]+$", max_length=500)] | None = None
    database: ServerName = "yinding"
    organization: ServerName = "yinding"
    token: Secret | None = None
    spool_mb: Annotated[int, Field(ge=16, le=1_000_000)] = 4096


class RecordsServer(BaseModel):
    """PostgreSQL for cases, orders, receipts, accounts and the audit, and the service's lease."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 5432
    database: ServerName = "yinding"
    username: ServerName = "yinding"
    password: Secret | None = None
    tls: bool = False
    ca_file: str | None = None
