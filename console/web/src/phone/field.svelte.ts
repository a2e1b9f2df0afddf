import { getContext, setContext } from 'svelte';
import { api, Problem } from '../lib/api';
import { look, own } from '../lib/look.svelte';
import type { Case, DispatchCard, Me, Point, SiteKind, Words } from '../lib/room';
import { Outbox } from './outbox.svelte';

const KEY = Symbol('field');
const ASK_MS = 8000;
const SHELF = 'field-mine';
const METRES_A_DEGREE = 111_320;

export type Mine = {
  at: string;
  unit: string | null;
  site: { name: Words; timezone: string };
  origin: { lat: number; lon: number };
  cases: Case[];
  dispatches: DispatchCard[];
  catalogue: SiteKind[];
  /** Absent in what an older page of this phone kept. */
  units?: Record<string, Words>;
  zones: { id: string; name: Words; outline: Point[] }[];
  cameras: { id: string; name: Words; zones: string[] }[];
};

/** What a person outside works with, kept for when the line is gone, with its age. */
export class Field {
  mine = $state.raw<Mine | null>(null);
  now = $state(Date.now());
  /** Whether the last question was answered. */
  reached = $state(true);
  readonly outbox: Outbox;
  readonly me: Me;
  #onSignedOut: () => void;

  constructor(me: Me, onSignedOut: () => void) {
    this.me = me;
    this.mine = kept(me.person);
    this.outbox = new Outbox(me.person, () => void this.ask());
    this.#onSignedOut = onSignedOut;
  }

  start(): () => void {
    const stop = this.outbox.start();
    void this.ask();
    const asking = setInterval(() => {
      if (!document.hidden) void this.ask();
    }, ASK_MS);
    const ticking = setInterval(() => (this.now = Date.now()), 1000);
    return () => {
      stop();
      clearInterval(asking);
      clearInterval(ticking);
    };
  }

  unitName(id: string): string {
    const unit = this.mine?.units?.[id];
    return unit ? own(unit) : id;
  }

  async ask(): Promise<void> {
    try {
      this.mine = await api.get<Mine>('/mine');
      this.reached = true;
      localStorage.setItem(SHELF, JSON.stringify({ of: this.me.person, mine: this.mine }));
    } catch (error) {
      this.reached = false;
      if (error instanceof Problem && error.status === 401) this.#onSignedOut();
    }
  }

  forget(): void {
    localStorage.removeItem(SHELF);
  }

  kindName(id: string): string {
    const kind = this.mine?.catalogue.find((one) => one.id === id);
    return kind ? own(kind.name) : id;
  }

  zoneName(id: string | null): string {
    const zone = this.mine?.zones.find((one) => one.id === id);
    return zone ? own(zone.name) : (id ?? '');
  }

  clock(at: string): string {
    return new Intl.DateTimeFormat(look.language === 'zh' ? 'zh-CN' : 'en-GB', {
      timeZone: this.mine?.site.timezone ?? 'Asia/Shanghai',
      hour: '2-digit',
      minute: '2-digit',
      hour12: false,
    }).format(Date.parse(at));
  }

  /** Where the phone is, in metres east and north of the site's origin. */
  async place(): Promise<Point> {
    const origin = this.mine?.origin;
    if (!origin || !('geolocation' in navigator)) throw new Error('no place');
    const found = await new Promise<GeolocationPosition>((resolve, reject) =>
      navigator.geolocation.getCurrentPosition(resolve, reject, {
        enableHighAccuracy: true,
        timeout: 10_000,
        maximumAge: 30_000,
      }),
    );
    const { latitude, longitude } = found.coords;
    return [
      Math.round((longitude - origin.lon) * METRES_A_DEGREE * Math.cos((origin.lat * Math.PI) / 180)),
      Math.round((latitude - origin.lat) * METRES_A_DEGREE),
    ];
  }
}

/** What this person last saw here. A phone goes from hand to hand: nobody is shown another's work. */
function kept(person: string): Mine | null {
  try {
    const shelf = JSON.parse(localStorage.getItem(SHELF) ?? 'null') as { of?: string; mine: Mine } | null;
    return shelf?.of === person ? shelf.mine : null;
  } catch {
    return null;
  }
}

/** The zone that a place lies in, or nothing. */
export function zoneAt(mine: Mine, [x, y]: Point): string {
  const inside = (outline: Point[]): boolean => {
    let odd = false;
    outline.forEach(([ax, ay], number) => {
      const [bx, by] = outline[(number + 1) % outline.length]!;
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
    });
    return odd;
  };
  return mine.zones.find((zone) => inside(zone.outline))?.id ?? '';
}

export function provideField(field: Field): void {
  setContext(KEY, field);
}

export function useField(): Field {
  return getContext<Field>(KEY);
}
