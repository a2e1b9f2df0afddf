import { SvelteMap } from 'svelte/reactivity';
import type { SectionName, Sections } from './room';

type Cards = { [Name in SectionName]: SvelteMap<string, Sections[Name]> };
type CardsByName = Partial<Record<SectionName, Record<string, unknown>>>;
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

const SECTIONS: SectionName[] = [
  'zones',
  'cameras',
  'cases',
  'orders',
  'terminals',
  'lanes',
  'sensors',
  'counters',
  'service',
];
/** The service beats every two seconds; silence beyond this is a lost connection. */
const SILENCE_MS = 5500;
const FIRST_RETRY_MS = 400;
const LAST_RETRY_MS = 8000;
const SIGNED_OUT = 4401;

/** The one live connection: a snapshot, then changes, with the service's clock. */
export class Live {
  readonly cards = Object.fromEntries(
    SECTIONS.map((name) => [name, new SvelteMap()]),
  ) as unknown as Cards;
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
    if (this.state === 'live' && performance.now() - this.#lastWord > SILENCE_MS) this.#lose();
  }

  #connect(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const resume = this.#run ? `?run=${this.#run}&serial=${this.#serial}` : '';
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/live${resume}`);
    this.#socket = socket;
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
    const span = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.attempt, 8));
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#connect(), span * (0.5 + Math.random() / 2));
  }

  #hear(message: Message): void {
    this.#lastWord = performance.now();
    const at = Date.parse(message.at);
    this.#offset = at - performance.now();
    this.heard = at;
    if (this.state !== 'live') this.now = at;
    this.#serial = message.serial;
    if (message.type === 'snapshot') {
      this.#run = message.run;
      this.site = message.site;
      for (const name of SECTIONS) this.#replace(name, message.room[name] ?? {});
    } else if (message.type === 'changes') {
      this.#change(message.set ?? {}, message.drop ?? {});
    }
    this.attempt = 0;
    this.state = 'live';
  }

  #replace(name: SectionName, cards: Record<string, unknown>): void {
    const map = this.cards[name] as SvelteMap<string, unknown>;
    for (const id of [...map.keys()]) if (!(id in cards)) map.delete(id);
    for (const [id, card] of Object.entries(cards)) map.set(id, card);
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
