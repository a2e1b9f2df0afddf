import { api } from './api';
import { noCards, replaceCards, type Source } from './live.svelte';

const SETTLE_MS = 120;

/** The whole room as it was at one moment; seeking again before an answer came asks once more. */
export class Past implements Source {
  readonly cards = noCards();
  readonly state = 'past' as const;
  readonly attempt = 0;
  readonly behindS = 0;
  now = $state(0);
  step = $state<'loading' | 'ready' | 'error'>('loading');
  problem = $state.raw<unknown>(null);
  #wish: ReturnType<typeof setTimeout> | undefined;

  constructor(moment: number) {
    this.now = moment;
    void this.#load(moment);
  }

  get heard(): number {
    return this.now;
  }

  seek(moment: number): void {
    if (moment === this.now) return;
    this.now = moment;
    clearTimeout(this.#wish);
    this.#wish = setTimeout(() => void this.#load(moment), SETTLE_MS);
  }

  async #load(moment: number): Promise<void> {
    this.step = 'loading';
    try {
      const found = await api.past(new Date(moment).toISOString());
      if (moment !== this.now) return;
      replaceCards(this.cards, found.room);
      this.step = 'ready';
    } catch (error) {
      if (moment !== this.now) return;
      replaceCards(this.cards, {});
      this.problem = error;
      this.step = 'error';
    }
  }
}
