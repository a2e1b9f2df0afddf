import { still, type Still } from './api';

/** A camera's newest still, asked for again and again while it is wanted. */
export class NewestStill {
  picture = $state.raw<Still | null>(null);
  readonly #camera: string;
  readonly #wanted: () => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(camera: string, wanted: () => boolean) {
    this.#camera = camera;
    this.#wanted = wanted;
  }

  async refresh(): Promise<void> {
    if (!this.#wanted()) return;
    try {
      const next = await still(this.#camera);
      if (!next) return;
      if (this.#ended) URL.revokeObjectURL(next.url);
      else this.#show(next);
    } catch {
      // The last picture stays with its age.
    }
  }

  /** One request at a time, with a pause after each. */
  async follow(pauseMs: () => number): Promise<void> {
    await this.refresh();
    if (!this.#ended) this.#timer = setTimeout(() => void this.follow(pauseMs), pauseMs());
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    if (this.picture) URL.revokeObjectURL(this.picture.url);
  }

  #show(next: Still): void {
    if (this.picture) URL.revokeObjectURL(this.picture.url);
    this.picture = next;
  }
}
