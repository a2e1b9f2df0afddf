/** What a camera's own correction was learnt from: marked pictures by the network that counted them. */
export type Learnt = { learnt_for: string | null; marked_by: Record<string, number> };

/** The file is for another network, or so many of the marked pictures teach nothing. */
export type Doubt = { file: string } | { left: number; of: number };

/**
 * What of a correction `model` cannot use, or nothing. Marks without a network's name are believed;
 * a file goes before marks.
 */
export function doubtOf(learnt: Learnt, model: string | undefined): Doubt | null {
  if (!model) return null;
  if (learnt.learnt_for) return learnt.learnt_for === model ? null : { file: learnt.learnt_for };
  const marks = Object.entries(learnt.marked_by);
  const of = marks.reduce((sum, [, n]) => sum + n, 0);
  const left = marks.reduce((sum, [by, n]) => sum + (by === '' || by === model ? 0 : n), 0);
  return left ? { left, of } : null;
}

/** Marked pictures by the network that counted them. */
export function markedBy(marks: { model?: string }[]): Record<string, number> {
  const by: Record<string, number> = {};
  for (const { model = '' } of marks) by[model] = (by[model] ?? 0) + 1;
  return by;
}
