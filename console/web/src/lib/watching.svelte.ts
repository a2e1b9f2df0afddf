/** What the last analysed picture showed, to lay over the film. */
export type Overlay = {
  at: string;
  sight: 'live' | 'partial' | 'blind';
  count?: number;
  columns?: number;
  rows?: number;
  cells?: string;
  people_per_cell?: number;
};
type Word =
  | { type: 'start'; mime: string; width: number; height: number }
  | { type: 'gone'; reason: string }
  | ({ type: 'overlay' } & Overlay);

/** connecting: no picture yet; playing; gone: the camera gives none; lost: the service does not answer. */
export type Phase = 'connecting' | 'playing' | 'gone' | 'lost';

const SIGNED_OUT = 4401;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8000;
/** How far behind the newest picture the film may fall before it jumps, and where it jumps to. */
const BEHIND_MOST_S = 2;
const BEHIND_S = 0.25;
const KEPT_S = 12;
const WAITING_MOST = 400;

/** One camera's film in one video element: a new film after each `start`, always near its end. */
export class Watching {
  phase = $state<Phase>('connecting');
  reason = $state('');
  /** Whether this browser cannot play the camera's coding: stills are shown then. */
  unplayable = $state(false);
  overlay = $state.raw<Overlay | null>(null);
  width = $state(16);
  height = $state(9);
  /** Milliseconds from the wish to the first moving picture. */
  firstMs = $state<number | null>(null);

  readonly #camera: string;
  readonly #began = performance.now();
  #video: HTMLVideoElement | null = null;
  #socket: WebSocket | null = null;
  #film: MediaSource | null = null;
  #url = '';
  #mime = '';
  #buffer: SourceBuffer | null = null;
  #waiting: ArrayBuffer[] = [];
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(camera: string) {
    this.#camera = camera;
    document.addEventListener('visibilitychange', this.#seenOrHidden);
    if (!document.hidden) this.#connect();
  }

  /** Nobody sees a film in a hidden tab: its line is let go, and taken up again with the tab. */
  #seenOrHidden = (): void => {
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#end();
    [this.phase, this.#attempt] = ['connecting', 0];
    if (!document.hidden) this.#connect();
  };

  /** Show the film here; what came before is shown at once. */
  show(video: HTMLVideoElement): void {
    this.#video = video;
    video.addEventListener('playing', () => {
      this.firstMs ??= performance.now() - this.#began;
      if (this.#buffer) this.phase = 'playing';
    });
    if (this.#url) video.src = this.#url;
  }

  stop(): void {
    this.#stopped = true;
    document.removeEventListener('visibilitychange', this.#seenOrHidden);
    clearTimeout(this.#retry);
    this.#socket?.close();
    this.#end();
  }

  #connect(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const film = this.unplayable ? '?film=false' : '';
    const socket = new WebSocket(
      `${scheme}://${location.host}/api/v1/cameras/${this.#camera}/live${film}`,
    );
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (socket !== this.#socket) return;
      this.#attempt = 0;
      if (typeof event.data === 'string') this.#hear(JSON.parse(event.data) as Word);
      else this.#take(event.data);
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket || this.#stopped) return;
      this.#end();
      this.phase = 'lost';
      if (event.code === SIGNED_OUT) return;
      const wait = Math.min(FIRST_RETRY_MS * 2 ** this.#attempt++, LAST_RETRY_MS);
      this.#retry = setTimeout(() => this.#connect(), wait);
    };
  }

  #hear(word: Word): void {
    if (word.type === 'overlay') {
      this.overlay = word;
      if (this.phase === 'lost') this.phase = 'connecting';
    } else if (word.type === 'gone') {
      this.#end();
      this.phase = 'gone';
      this.reason = word.reason;
    } else this.#begin(word.mime, word.width, word.height);
  }

  #begin(mime: string, width: number, height: number): void {
    this.#end();
    this.phase = 'connecting';
    [this.width, this.height] = [width, height];
    if (!('MediaSource' in window) || !MediaSource.isTypeSupported(mime)) {
      this.unplayable = true;
      const socket = this.#socket;
      this.#socket = null;
      socket?.close();
      this.#connect();
      return;
    }
    const film = new MediaSource();
    this.#film = film;
    this.#mime = mime;
    this.#url = URL.createObjectURL(film);
    film.addEventListener('sourceopen', () => this.#opened(film), { once: true });
    if (this.#video) this.#video.src = this.#url;
  }

  #opened(film: MediaSource): void {
    if (film !== this.#film) return;
    const buffer = film.addSourceBuffer(this.#mime);
    this.#buffer = buffer;
    buffer.addEventListener('updateend', () => {
      if (buffer !== this.#buffer) return;
      this.#keepUp();
      this.#append();
    });
    this.#append();
  }

  #take(data: ArrayBuffer): void {
    if (this.#film === null) return;
    this.#waiting.push(data);
    if (this.#waiting.length > WAITING_MOST) this.#startOver();
    else this.#append();
  }

  #append(): void {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || this.#waiting.length === 0) return;
    const parts = this.#waiting;
    const whole = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
    let position = 0;
    for (const part of parts) {
      whole.set(new Uint8Array(part), position);
      position += part.byteLength;
    }
    this.#waiting = [];
    try {
      buffer.appendBuffer(whole);
    } catch {
      this.#startOver();
    }
  }

  /** What is buffered cannot be gone on with: ask for the film anew. */
  #startOver(): void {
    this.#socket?.close();
  }

  /** Stay near the newest picture, over gaps too, and let go of what has been seen. */
  #keepUp(): void {
    const [video, buffer] = [this.#video, this.#buffer];
    if (!video || !buffer || buffer.buffered.length === 0) return;
    const last = buffer.buffered.length - 1;
    const [start, end] = [buffer.buffered.start(last), buffer.buffered.end(last)];
    const behind = end - video.currentTime;
    if (video.currentTime < start || behind > BEHIND_MOST_S || behind < 0) {
      video.currentTime = Math.max(start, end - BEHIND_S);
    }
    // A little faster where it lags, so that it need not jump.
    video.playbackRate = behind > 0.8 ? 1.1 : 1;
    if (video.paused) void video.play().catch(() => undefined);
    const first = buffer.buffered.start(0);
    if (!buffer.updating && video.currentTime - first > 2 * KEPT_S) {
      buffer.remove(first, video.currentTime - KEPT_S);
    }
  }

  #end(): void {
    this.#film = null;
    this.#buffer = null;
    this.#waiting = [];
    if (this.#url) {
      URL.revokeObjectURL(this.#url);
      this.#url = '';
      this.#video?.removeAttribute('src');
      this.#video?.load();
    }
  }
}

const WARM_AFTER_MS = 120;
/** A pointer that only rests on a tile looks at nothing: its line is let go again. */
const WARM_FOR_MS = 2500;
let warm: { camera: string; watching: Watching } | null = null;
let wish: ReturnType<typeof setTimeout> | undefined;

/** Someone points at a camera: begin to connect, for a moment, so that a click finds it playing. */
export function pointAt(camera: string): void {
  clearTimeout(wish);
  wish = setTimeout(() => {
    lookAway();
    warm = { camera, watching: new Watching(camera) };
    wish = setTimeout(lookAway, WARM_FOR_MS);
  }, WARM_AFTER_MS);
}

/** Nobody points at a camera any more. */
export function lookAway(): void {
  clearTimeout(wish);
  warm?.watching.stop();
  warm = null;
}

/** The camera's film, begun already where someone pointed at it. */
export function begin(camera: string): Watching {
  clearTimeout(wish);
  const found = warm?.camera === camera ? warm.watching : null;
  if (!found) lookAway();
  warm = null;
  return found ?? new Watching(camera);
}
