import { Problem, send } from '../lib/api';

/** One thing that waits to be sent: a photograph or a form, with its own id against doubling. */
export type Errand = {
  serial?: number;
  /** Whose it is; absent in what an older page of this phone kept. */
  by?: string;
  path: string;
  form?: unknown;
  photo?: Blob;
  made: number;
  /** What the service answered for good. The errand stays here until its person decides about it. */
  refused?: { status: number; code: string; extra: Record<string, string | number> };
};

const NAME = 'yinding-outbox';
const AGAIN_MS = 5000;
/** No place is left for a photograph; a failure of the service's own over just this errand. */
const ITS_OWN_FAULT = new Set([500, 507]);
/** Signed out, too slow a line, too many at once: the same errand may well be taken later. */
const LATER = new Set([401, 408, 429]);

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () =>
      asked.result.createObjectStore('errands', { keyPath: 'serial', autoIncrement: true });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

/** Do something with what is kept, whole or not at all; over when it is on the phone's disk. */
async function within<T>(
  mode: IDBTransactionMode,
  act: (errands: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const db = await opened();
  try {
    return await new Promise<T>((resolve, reject) => {
      const doing = db.transaction('errands', mode);
      const asked = act(doing.objectStore('errands'));
      doing.oncomplete = () => resolve(asked.result);
      doing.onabort = () => reject(doing.error);
    });
  } finally {
    db.close();
  }
}

/**
 * What a person outside has written, on the phone's own disk until the service has it. Errands are
 * sent in their order, each by the person who wrote it. What the service refuses is set aside and
 * told: it blocks nothing behind it, and is gone only when its person says so.
 */
export class Outbox {
  waiting = $state(0);
  /** How many of other people wait on this phone until they sign in again. */
  ofOthers = $state(0);
  aside = $state.raw<Errand[]>([]);
  readonly #by: string;
  #sending = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #onSent: () => void;

  constructor(by: string, onSent: () => void) {
    this.#by = by;
    this.#onSent = onSent;
  }

  start(): () => void {
    const now = (): void => void this.send();
    this.#timer = setInterval(now, AGAIN_MS);
    addEventListener('online', now);
    void this.#kept().then(now);
    return () => {
      clearInterval(this.#timer);
      removeEventListener('online', now);
    };
  }

  /** Keep errands, all or none; what is kept is sent by itself, however long the line takes. */
  async add(...errands: Errand[]): Promise<void> {
    // Plain values: what a page watches over cannot be stored as it is.
    const plain = errands.map((errand) => ({
      ...errand,
      by: this.#by,
      form: errand.form ? JSON.parse(JSON.stringify(errand.form)) : undefined,
    }));
    await within('readwrite', (store) => plain.map((errand) => store.add(errand)).at(-1)!);
    await this.#kept();
    void this.send();
  }

  /** Send what was set aside once more. */
  async again(errand: Errand): Promise<void> {
    const { refused: _, ...anew } = errand;
    await within('readwrite', (store) => store.put(anew));
    await this.#kept();
    void this.send();
  }

  /** Let go of what was set aside. */
  async discard(errand: Errand): Promise<void> {
    await within('readwrite', (store) => store.delete(errand.serial!));
    await this.#kept();
  }

  async send(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (;;) {
        const next = (await this.#kept())[0];
        if (!next || !(await this.#deliver(next))) break;
        this.#onSent();
      }
    } finally {
      this.#sending = false;
    }
  }

  /** Whether the errand is out of the way: done, or set aside. */
  async #deliver(errand: Errand): Promise<boolean> {
    try {
      await send(errand.path, errand.photo ?? errand.form ?? {});
    } catch (error) {
      if (!(error instanceof Problem) || LATER.has(error.status)) return false;
      const { status, code, extra } = error;
      if (status >= 500 && !ITS_OWN_FAULT.has(status)) return false;
      await within('readwrite', (store) => store.put({ ...errand, refused: { status, code, extra } }));
      return true;
    }
    await within('readwrite', (store) => store.delete(errand.serial!));
    return true;
  }

  /** What waits of this person, in its order; counts what is kept on the way. */
  async #kept(): Promise<Errand[]> {
    const all = await within<Errand[]>('readonly', (store) => store.getAll());
    const mine = all.filter((errand) => (errand.by ?? this.#by) === this.#by);
    const waits = mine.filter((errand) => !errand.refused);
    this.waiting = waits.length;
    this.aside = mine.filter((errand) => errand.refused);
    this.ofOthers = all.length - mine.length;
    return waits;
  }
}
