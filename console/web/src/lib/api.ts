import type { CardsByName } from './live.svelte';
import type { Me, Site } from './room';
import type { Span } from './series';
import { named, t, type WordKey } from './look.svelte';
import { freshId } from './photos';
import words from '../../../catalogue/words.json';

/** The room as it was, in the same cards as the live one. */
export type Room = { at: string; room: CardsByName };

const DEADLINE_MS = 8000;

/** What the service answered instead of doing it, by RFC 9457. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly extra: Record<string, string | number> = {},
  ) {
    super(code);
  }
}

/** The problem in the operator's words. */
export function explain(error: unknown): string {
  if (!(error instanceof Problem)) return t('error.unreachable');
  if (error.code === 'refused') {
    return t('problem.refused', { reason: named('refusal', String(error.extra.reason ?? '')) });
  }
  const key = `problem.${error.code}`;
  return key in words ? t(key as WordKey, error.extra) : `${error.status} ${error.code}`;
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const body = (await response.json()) as Record<string, string | number>;
    return new Problem(response.status, String(body.code ?? 'unknown'), body);
  } catch {
    return new Problem(response.status, 'unknown');
  }
}

/** Photographs over a bad line, and edits of a large site file, take longer. */
const LONG_DEADLINE_MS = 60_000;

async function call(method: string, path: string, body?: unknown): Promise<Response> {
  const picture = body instanceof Blob;
  const init: RequestInit = {
    method,
    credentials: 'same-origin',
    signal: AbortSignal.timeout(picture || path.startsWith('/admin/') ? LONG_DEADLINE_MS : DEADLINE_MS),
  };
  if (picture) {
    init.headers = { 'Content-Type': body.type };
    init.body = body;
  } else if (method !== 'GET') {
    init.headers = { 'Content-Type': 'application/json' };
    init.body = JSON.stringify(body ?? {});
  }
  const response = await fetch(`/api/v1${path}`, init);
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  return (await (await call(method, path, body)).json()) as T;
}

export const api = {
  me: () => json<Me>('GET', '/session'),
  signIn: (person: string, password: string, wall: boolean) =>
    json<Me>('POST', '/session', { person, password, wall }),
  setPassword: (password: string) => json<Me>('PUT', '/session/password', { new: password }),
  signOut: () => call('DELETE', '/session'),
  site: () => json<Site>('GET', '/site'),
  decide: (path: string, body: Record<string, unknown> = {}) =>
    json<{ decision: string }>('POST', path, { decision: freshId('web'), ...body }),
  series: (kind: string, id: string, quantity: string, span: Span, until = '') =>
    json<Series>(
      'GET',
      `/series/${kind}/${id}/${quantity}?minutes=${span.minutes}&step_s=${span.stepS}` +
        (until ? `&until=${encodeURIComponent(until)}` : ''),
    ),
  past: (at: string) => json<Room>('GET', `/past?at=${encodeURIComponent(at)}`),
  /** Nothing where the service has none yet. */
  getIfAny: async <T>(path: string): Promise<T | null> => {
    const response = await call('GET', path);
    return response.status === 204 ? null : ((await response.json()) as T);
  },
  get: <T>(path: string) => json<T>('GET', path),
  send: <T>(method: string, path: string, body: unknown) => json<T>(method, path, body),
};

export type Series = { points: { at: string; mean: number; low: number; high: number }[] };

export type Still = { url: string; count?: number; model?: string; at: string; sight: 'live' | 'partial' | 'blind' };

/** Send a form or a photograph. */
export function send(path: string, body: unknown): Promise<Response> {
  return call('POST', path, body);
}

/** A camera's newest picture, or nothing yet; the caller revokes the URL. */
export async function still(camera: string, kind: 'still' | 'shared' = 'still'): Promise<Still | null> {
  const response = await call('GET', `/cameras/${camera}/${kind}.jpg`);
  if (response.status === 204) return null;
  const count = response.headers.get('X-Still-Count');
  return {
    ...(count === null ? {} : { count: Number(count), model: response.headers.get('X-Still-Model') ?? '' }),
    url: URL.createObjectURL(await response.blob()),
    at: response.headers.get('X-Still-At') ?? '',
    sight: (response.headers.get('X-Still-Sight') as Still['sight']) ?? 'live',
  };
}
