import { SvelteMap } from 'svelte/reactivity';
import type { SectionName, Sections } from './room';

export type Cards = { [Name in SectionName]: SvelteMap<string, Sections[Name]> };
export type CardsByName = Partial<Record<SectionName, Record<string, unknown>>>;
type Message =
  | { type: 'snapshot'; run: string; serial: number; at: string; site: string; room: CardsByName }
  | {
      type: 'changes';
      serial: number;
      at: string;
      set?: CardsByName;
      drop?: Partial<Record<SectionName, string[]>>;
    }
  | { type: 'beat'; serial: number; at: string };

export const SECTIONS: SectionName[] = [
  'zones',
  'cameras',
  'cases',
  'orders',
  'terminals',
  'lanes',
  'sensors',
  'counters',
  'dispatches',
  'entrances',
  'duty',
  'announcements',
  'service',
];
/** The service beats every two seconds; silence beyond this is a lost connection. */
const SILENCE_MS = 5500;
/** A line that is being taken up may say its first word later than that: the room is a long one. */
const PATIENCE_MS = 15_000;
const FIRST_RETRY_MS = 400;
const LAST_RETRY_MS = 8000;
const SIGNED_OUT = 4401;

/** How long to wait before the next try, after so many that failed: longer each time, and never all at once. */
export function pauseMs(failed: number): number {
  const span = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failed, 8));
  return span * (0.5 + Math.random() / 2);
}

export function noCards(): Cards {
  return Object.fromEntries(SECTIONS.map((name) => [name, new SvelteMap()])) as unknown as Cards;
}

/** Put a whole room in place of what was shown; what is equal in both stays as it is. */
export function replaceCards(cards: Cards, room: CardsByName): void {
  for (const name of SECTIONS) {
    const map = cards[name] as SvelteMap<string, unknown>;
    const next = room[name] ?? {};
    for (const id of [...map.keys()]) if (!(id in next)) map.delete(id);
    for (const [id, card] of Object.entries(next)) map.set(id, card);
  }
}

/** Where the page has the room from: as it is now, or as it was at a moment. */
export interface Source {
  readonly cards: Cards;
  readonly state: 'connecting' | 'live' | 'lost' | 'past';
  readonly attempt: number;
  readonly now: number;
  readonly heard: number;
  readonly behindS: number;
}

/** The one live connection: a snapshot, then changes, with the service's clock. */
export class Live implements Source {
  readonly cards = noCards();
  state = $state<'connecting' | 'live' | 'lost'>('connecting');
  attempt = $state(0);
  /** The service's time in ms, ticking once a second; it stops nowhere, also while lost. */
  now = $state(Date.now());
  /** The service's time of the last word heard, in ms. */
  heard = $state(0);
  /** Changes when the site file changed. */
  site = $state('');

  #socket: WebSocket | null = null;
  #run = '';
  #serial = 0;
  #offset = Date.now() - performance.now();
  #lastWord = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #stopped = true;
  #onSignedOut: () => void;

  constructor(onSignedOut: () => void) {
    this.#onSignedOut = onSignedOut;
  }

  get behindS(): number {
    return this.heard ? Math.max(0, (this.now - this.heard) / 1000) : 0;
  }

  start(): void {
    this.#stopped = false;
    this.#ticker = setInterval(() => this.#tick(), 1000);
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#ticker);
    clearTimeout(this.#retry);
    this.#socket?.close();
  }

  #tick(): void {
    this.now = performance.now() + this.#offset;
    const silentMs = performance.now() - this.#lastWord;
    if (this.#socket && silentMs > (this.state === 'live' ? SILENCE_MS : PATIENCE_MS)) this.#lose();
  }

  #connect(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const resume = this.#run ? `?run=${this.#run}&serial=${this.#serial}` : '';
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/live${resume}`);
    this.#socket = socket;
    this.#lastWord = performance.now();
    socket.onmessage = (event: MessageEvent<string>) => {
      if (socket === this.#socket) this.#hear(JSON.parse(event.data) as Message);
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket || this.#stopped) return;
      if (event.code === SIGNED_OUT) {
        this.stop();
        this.#onSignedOut();
      } else this.#lose();
    };
  }

  #lose(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    if (this.state === 'live' || this.attempt > 0) this.state = 'lost';
    this.attempt += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), pauseMs(this.attempt));
  }

  #hear(message: Message): void {
    // A beat ahead of what was told here says that changes are on their way. It is not taken for them:
    // a line that broke now would otherwise go on behind what it never heard.
    if (message.type === 'beat' && !(this.#run && message.serial === this.#serial)) return;
    this.#lastWord = performance.now();
    const at = Date.parse(message.at);
    this.#offset = at - performance.now();
    this.heard = at;
    if (this.state !== 'live') this.now = at;
    this.#serial = message.serial;
    if (message.type === 'snapshot') {
      this.#run = message.run;
      this.site = message.site;
      replaceCards(this.cards, message.room);
    } else if (message.type === 'changes') {
      this.#change(message.set ?? {}, message.drop ?? {});
    }
    this.attempt = 0;
    this.state = 'live';
  }

  #change(set: CardsByName, drop: Partial<Record<SectionName, string[]>>): void {
    for (const [name, cards] of Object.entries(set) as [SectionName, Record<string, unknown>][]) {
      const map = this.cards[name] as SvelteMap<string, unknown>;
      for (const [id, card] of Object.entries(cards)) map.set(id, card);
    }
    for (const [name, ids] of Object.entries(drop) as [SectionName, string[]][]) {
      for (const id of ids) this.cards[name].delete(id);
    }
  }
}
