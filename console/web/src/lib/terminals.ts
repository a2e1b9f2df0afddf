import type { Level, OrderCard, OrderState, SitePlace, Words } from './room';

export const STAGES: OrderState[] = ['sent', 'received', 'played'];
export const BAD: ReadonlySet<OrderState> = new Set(['refused', 'failed', 'expired']);

export type Broadcast = {
  key: string;
  level: Level | undefined;
  text: Words | undefined;
  exercise: boolean;
  terminals: SitePlace[];
  total: number;
  received: number;
  played: number;
};

/**
 * What each terminal is to show at a moment: the newest message that was neither taken back nor has run
 * out. Where there is none, what it was last asked to do.
 */
export function inForceByDevice(orders: Iterable<OrderCard>, nowMs: number): Map<string, OrderCard> {
  const last = [...newest(orders, (order) => `${order.device} ${order.case ?? ''}`).values()];
  const inForce = last.filter(
    (order) => order.action === 'show' && order.state !== 'withdrawn' && Date.parse(order.expires) > nowMs,
  );
  return new Map([...newest(last, (order) => order.device), ...newest(inForce, (order) => order.device)]);
}

/** The last order to a terminal under each key: a cancel takes back only what it was about. */
function newest(orders: Iterable<OrderCard>, keyOf: (order: OrderCard) => string): Map<string, OrderCard> {
  const found = new Map<string, OrderCard>();
  for (const order of orders) {
    if (order.kind !== 'terminal') continue;
    const known = found.get(keyOf(order));
    if (!known || Date.parse(order.issued) >= Date.parse(known.issued)) found.set(keyOf(order), order);
  }
  return found;
}

/** Terminals that were told the same thing for the same warning, those in trouble first. */
export function broadcasts(
  terminals: SitePlace[],
  inForce: Map<string, OrderCard>,
): Broadcast[] {
  const groups = new Map<string, Broadcast>();
  for (const terminal of terminals) {
    const order = inForce.get(terminal.id);
    if (!order || order.action !== 'show') continue;
    const key = `${order.case}/${order.level}/${order.text?.zh}/${order.exercise}`;
    const group = groups.get(key) ?? {
      key,
      level: order.level,
      text: order.text,
      exercise: order.exercise ?? false,
      terminals: [],
      total: 0,
      received: 0,
      played: 0,
    };
    group.terminals.push(terminal);
    group.total += 1;
    group.received += order.stages?.received ? 1 : 0;
    group.played += order.stages?.played ? 1 : 0;
    groups.set(key, group);
  }
  const weight = (id: string): number => {
    const state = inForce.get(id)?.state;
    if (!state) return 3;
    return BAD.has(state) ? 0 : STAGES.indexOf(state) + 1;
  };
  for (const group of groups.values()) {
    group.terminals.sort((a, b) => weight(a.id) - weight(b.id));
  }
  return [...groups.values()];
}
