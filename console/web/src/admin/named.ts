import type { Words } from '../lib/room';

/** The name of a person or a unit as the site file has it: in both languages, or in one that stands for both. */
export type Named = string | Words;

/** A name for a form of two fields; the second stays empty where one name stands for both. */
export function apart(name: Named): Words {
  return typeof name === 'string' ? { zh: name, en: '' } : { ...name };
}

/** What a form of two fields writes into the site file. */
export function written({ zh, en }: Words): Named {
  const second = en.trim();
  return second && second !== zh ? { zh, en: second } : zh;
}
