import { getContext, setContext } from 'svelte';
import { api } from './api';
import { Live, type Source } from './live.svelte';
import { look, named, own, t } from './look.svelte';
import { Past } from './past.svelte';
import { rank, type Case, type CaseCard, type Me, type Site, type Words, type ZoneCard } from './room';

const KEY = Symbol('desk');
/** So long a warning sounds that turns red while somebody has it: it was taken on as less. */
const TURNED_MS = 30_000;
const MOMENT_MS = 5_000;
type DeviceKind = 'camera' | 'terminal' | 'bollard' | 'sensor' | 'counter';

/** One signed-in person's desk: the site, the live room, and what is selected. */
export class Desk {
  readonly present: Live;
  /** The room as it was, while the page looks back. */
  past = $state.raw<Past | null>(null);
  me: Me;
  site = $state.raw<Site>() as Site;
  zone = $state('');
  case = $state('');

  constructor(me: Me, site: Site, onSignedOut: () => void) {
    this.me = me;
    this.site = site;
    this.present = new Live(onSignedOut);
    this.zone = site.zones[0]?.id ?? '';
  }

  /** What every part of the page shows: the present, or the moment looked back to. */
  get live(): Source {
    return this.past ?? this.present;
  }

  /** Follow the address: to a moment of the past, or back to the present. */
  follow(at: string): void {
    const moment = at ? Date.parse(at) : NaN;
    if (Number.isNaN(moment)) this.past = null;
    else if (this.past) this.past.seek(moment);
    else this.past = new Past(moment);
  }

  /** Whether this person decides; nothing is decided from the past. */
  get mayDecide(): boolean {
    return !this.past && this.decides;
  }

  /** Whether warnings are this person's to take on, wherever the page looks. */
  get decides(): boolean {
    return this.is('operator', 'commander');
  }

  /** The red warnings of now, also while the page looks back. */
  get redNow(): CaseCard[] {
    return [...this.present.cards.cases.values()].filter(
      (card) => card.case.level === 'red' && card.case.state !== 'closed',
    );
  }

  /** Whether a red warning calls: nobody has it, or it turned red a moment ago in somebody's hands. */
  calls(card: CaseCard): boolean {
    if (card.case.state === 'open') return true;
    const turned = card.history?.findLast((step) => step.change === 'stepped_up' && step.level === 'red');
    return !!turned && this.present.now - Date.parse(turned.at) < TURNED_MS;
  }

  get seesPictures(): boolean {
    return this.me.roles.some((role) => role !== 'admin' && role !== 'responder');
  }

  is(...roles: string[]): boolean {
    return this.me.roles.some((role) => roles.includes(role));
  }

  get lost(): boolean {
    return this.live.state === 'lost';
  }

  /** Open cases: highest level first, not acknowledged before acknowledged, then oldest first. */
  get open(): CaseCard[] {
    return [...this.live.cards.cases.values()]
      .filter((card) => card.case.state !== 'closed')
      .sort(
        (a, b) =>
          Number(b.case.subject_kind === 'zone') - Number(a.case.subject_kind === 'zone') ||
          rank(b.case.level) - rank(a.case.level) ||
          Number(b.case.state === 'open') - Number(a.case.state === 'open') ||
          Date.parse(a.case.opened) - Date.parse(b.case.opened),
      );
  }

  get closed(): CaseCard[] {
    return [...this.live.cards.cases.values()]
      .filter((card) => card.case.state === 'closed')
      .sort((a, b) => Date.parse(b.case.changed) - Date.parse(a.case.changed));
  }

  zoneCard(id: string): ZoneCard | undefined {
    return this.live.cards.zones.get(id);
  }

  /** Where a case is, in the site's own words. */
  where(item: Case): string {
    if (item.subject_kind === 'zone') {
      const zone = this.site.zones.find((one) => one.id === item.subject);
      return zone ? own(zone.name) : item.subject;
    }
    return this.deviceName(item.subject);
  }

  deviceName(id: string): string {
    const found = this.#device(id);
    return found ? own(found.name) : id;
  }

  /** What a device is, such as a camera, and its name. */
  deviceTitle(id: string): string {
    const found = this.#device(id);
    return found ? `${t(`device.${found.kind}`)} ${own(found.name)}` : id;
  }

  #device(id: string): { kind: DeviceKind; name: Words } | undefined {
    const { cameras, terminals, bollards, sensors, counters } = this.site;
    const kinds = { camera: cameras, terminal: terminals, bollard: bollards, sensor: sensors, counter: counters };
    for (const [kind, devices] of Object.entries(kinds) as [DeviceKind, { id: string; name: Words }[]][]) {
      const found = devices.find((one) => one.id === id);
      if (found) return { kind, name: found.name };
    }
    return undefined;
  }

  /** Why a zone is not wholly seen: a named reason, with the device or the share it is about. */
  doubt(reason: string): string {
    const [head = '', tail] = reason.split(':');
    if (tail === undefined) return named('zone.reason', head);
    if (/^\d+%$/.test(tail)) return t('zone.reason.ground_not_seen', { share: tail });
    const why = named('zone.reason', tail);
    const what = why === tail.replaceAll('_', ' ') ? named('blind', tail) : why;
    return t('zone.doubt', { device: this.deviceName(head), what });
  }

  /** Now, in steps: for what is worked out over every order and may be a few seconds late. */
  readonly moment = $derived.by(() => Math.floor(this.live.now / MOMENT_MS) * MOMENT_MS);

  /** Whether a number of this moment is too old to be taken for the present. */
  isOld(at: string | undefined, staleS: number): boolean {
    return !at || this.live.now - Date.parse(at) > staleS * 1000;
  }

  personName(id: string): string {
    const person = this.site.people.find((one) => one.id === id);
    return person ? own(person.name) : id;
  }

  /** A unit that dispatches go to; one that the catalogue no longer names is called as it was then. */
  unitName(id: string): string {
    const unit = this.site.units[id];
    return unit ? own(unit) : id;
  }

  /** A moment as the site's wall clock shows it. */
  clock(at: string | number, seconds = true): string {
    return new Intl.DateTimeFormat(look.language === 'zh' ? 'zh-CN' : 'en-GB', {
      timeZone: this.site.timezone,
      hour: '2-digit',
      minute: '2-digit',
      ...(seconds ? { second: '2-digit' } : {}),
      hour12: false,
    }).format(typeof at === 'number' ? at : Date.parse(at));
  }

  /** The day and the time of day at the site. */
  dayAndClock(at: string | number): string {
    return new Intl.DateTimeFormat(look.language === 'zh' ? 'zh-CN' : 'en-GB', {
      timeZone: this.site.timezone,
      month: 'numeric',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      hour12: false,
    }).format(typeof at === 'number' ? at : Date.parse(at));
  }

  zoneName(id: string | null | undefined): string {
    const zone = this.site.zones.find((one) => one.id === id);
    return zone ? own(zone.name) : (id ?? '');
  }

  async reload(): Promise<void> {
    this.site = await api.site();
  }
}

export function provideDesk(desk: Desk): void {
  setContext(KEY, desk);
}

export function useDesk(): Desk {
  return getContext<Desk>(KEY);
}
