import { Problem, send } from '../lib/api';

/** One thing that waits to be sent: a photograph or a form, with its own id against doubling. */
export type Errand = {
  serial?: number;
  path: string;
  form?: unknown;
  photo?: Blob;
  made: number;
};

const NAME = 'yinding-outbox';
const AGAIN_MS = 5000;

function opened(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () =>
      asked.result.createObjectStore('errands', { keyPath: 'serial', autoIncrement: true });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function within<T>(
  mode: IDBTransactionMode,
  act: (errands: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  const db = await opened();
  try {
    return await new Promise<T>((resolve, reject) => {
      const asked = act(db.transaction('errands', mode).objectStore('errands'));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  } finally {
    db.close();
  }
}

/**
 * What a person outside has written, on the phone's own disk until the service has it. Errands are
 * sent in their order; what the service refuses is set aside and told, it blocks nothing behind it.
 */
export class Outbox {
  waiting = $state(0);
  refused = $state.raw<Problem | null>(null);
  online = $state(true);
  #sending = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #onSent: () => void;

  constructor(onSent: () => void) {
    this.#onSent = onSent;
  }

  start(): () => void {
    const now = (): void => void this.send();
    this.#timer = setInterval(now, AGAIN_MS);
    addEventListener('online', now);
    void this.#count().then(now);
    return () => {
      clearInterval(this.#timer);
      removeEventListener('online', now);
    };
  }

  async add(...errands: Errand[]): Promise<void> {
    for (const errand of errands) {
      // Plain values: what a page watches over cannot be stored as it is.
      const plain = { ...errand, form: errand.form ? JSON.parse(JSON.stringify(errand.form)) : undefined };
      await within('readwrite', (store) => store.add(plain));
    }
    await this.#count();
    await this.send();
  }

  async send(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (;;) {
        const [next] = await within<Errand[]>('readonly', (store) => store.getAll(null, 1));
        if (!next?.serial) break;
        if (!(await this.#deliver(next))) break;
        await within('readwrite', (store) => store.delete(next.serial!));
        await this.#count();
        this.#onSent();
      }
    } finally {
      this.#sending = false;
    }
  }

  /** Whether the errand is over: done, or refused for good. */
  async #deliver(errand: Errand): Promise<boolean> {
    try {
      await send(errand.path, errand.photo ?? errand.form ?? {});
      this.online = true;
      return true;
    } catch (error) {
      const answered = error instanceof Problem;
      this.online = answered && error.status < 500;
      if (!answered || error.status >= 500 || error.status === 401 || error.status === 429) return false;
      this.refused = error;
      return true;
    }
  }

  async #count(): Promise<void> {
    this.waiting = await within<number>('readonly', (store) => store.count());
  }
}
