/** Where the page stands, as its address says: `#/zone/bridge?at=…`. An address can be sent on. */
class Route {
  #hash = $state(location.hash);

  constructor() {
    addEventListener('hashchange', () => (this.#hash = location.hash));
  }

  get #parts(): [string, URLSearchParams] {
    const [path = '', query = ''] = this.#hash.replace(/^#\/?/, '').split('?');
    return [path, new URLSearchParams(query)];
  }

  /** The page's name; empty for the desk. */
  get page(): string {
    return this.#parts[0].split('/')[0] ?? '';
  }

  /** What the page is about, such as a zone's id. */
  get id(): string {
    return decodeURIComponent(this.#parts[0].split('/')[1] ?? '');
  }

  /** The moment looked back to, or nothing for the present. */
  get at(): string {
    return this.#parts[1].get('at') ?? '';
  }

  get case(): string {
    return this.#parts[1].get('case') ?? '';
  }

  /** An address of this page; what it is looked at with, a moment, stays. */
  to(page: string, id = '', extra: Record<string, string> = {}): string {
    const query = new URLSearchParams(this.at ? { at: this.at, ...extra } : extra);
    const path = [page, encodeURIComponent(id)].filter(Boolean).join('/');
    return `#/${path}${query.size ? `?${query}` : ''}`;
  }

  /** The same page at another moment; empty for the present. */
  atMoment(at: string): string {
    const path = this.#parts[0];
    return `#/${path}${at ? `?at=${encodeURIComponent(at)}` : ''}`;
  }

  /** Go to another moment without a new entry in the browser's history. */
  seek(at: string): void {
    history.replaceState(null, '', this.atMoment(at));
    this.#hash = location.hash;
  }
}

export const route = new Route();
