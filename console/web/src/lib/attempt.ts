import { Problem } from './api';
import { freshId } from './photos';

/** Refusals that say nothing about what was sent under the id before. */
const NOT_JUDGED = new Set(['too_many_waiting', 'decision_already_handled']);

/**
 * One thing that a person wrote, under one id however often it is sent: an answer that got lost
 * says nothing about whether it was done, and a repeat under another id would do it twice.
 */
export class Attempt {
  readonly #prefix: string;
  #id = '';
  #written = '';

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** Send it; its id stays until it was accepted, or refused, or something else is written. */
  async send<T>(written: object, deliver: (id: string) => Promise<T>): Promise<T> {
    const text = JSON.stringify(written);
    if (!this.#id || text !== this.#written) [this.#id, this.#written] = [freshId(this.#prefix), text];
    const id = this.#id;
    try {
      const answer = await deliver(id);
      this.#forget(id);
      return answer;
    } catch (error) {
      // What was refused is settled: by the same id the service would take a repeat for it, and not look again.
      if (error instanceof Problem && error.code === 'refused' && !NOT_JUDGED.has(String(error.extra.reason))) {
        this.#forget(id);
      }
      throw error;
    }
  }

  #forget(id: string): void {
    if (this.#id === id) this.#id = '';
  }
}
